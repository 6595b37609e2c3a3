// Package restart says who reads a key of a Secret and what it takes for a new value
// to arrive there: the environment of a container never changes while it runs.
package restart

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/chart"
)

// What a reader needs to see a new value.
const (
	Restart = "restart" // its Pods have to be made anew
	Reload  = "reload"  // it gets there by itself, sooner or later
	NextRun = "next run"
)

// Secret is one Secret with the keys that have a new value.
type Secret struct {
	Namespace, Name string
	Keys            []string
	Labels          map[string]string
}

// Reader is an object that reads changed keys.
type Reader struct {
	Object  string // Deployment litellm/litellm
	Needs   string // Restart, Reload, NextRun
	Detail  string // which keys and how
	Command string // that does it; empty when nothing has to be done
}

// Readers are the objects of a chart that read changed keys, in the chart's order.
func Readers(r *chart.Rendered, changed []Secret) []Reader {
	var out []Reader
	for _, o := range r.Objects {
		var env, files, fixed, other []string
		var labelled []bool
		for _, s := range changed {
			if o.Namespace != s.Namespace {
				continue
			}
			if pod, ok := chart.PodSpec(o); ok {
				e, f, x := pods(pod.Spec, s)
				env, files, fixed = append(env, e...), append(files, f...), append(fixed, x...)
				continue
			}
			if keys := named(chart.ObjectReferences(o), s); len(keys) > 0 {
				other = append(other, keys...)
				labelled = append(labelled, s.Labels["cnpg.io/reload"] == "true")
			}
		}
		switch {
		case len(env)+len(files)+len(fixed) > 0:
			out = append(out, workload(o, env, files, fixed))
		case len(other) > 0:
			out = append(out, operated(o, other, !slices.Contains(labelled, false)))
		}
	}
	return out
}

// pods are the keys that a Pod reads: as environment, as files that the kubelet brings
// up to date, and as files that it does not, mounted by subPath.
func pods(spec corev1.PodSpec, s Secret) (env, files, fixed []string) {
	for _, ref := range chart.References(spec) {
		keys := named([]chart.Reference{ref}, s)
		volume, isVolume := strings.CutPrefix(ref.Where, "volume ")
		switch {
		case ref.Where == "imagePullSecrets": // of the next pull
		case !isVolume:
			env = append(env, keys...)
		case bySubPath(spec, volume):
			fixed = append(fixed, keys...)
		default:
			files = append(files, keys...)
		}
	}
	return env, files, fixed
}

func bySubPath(spec corev1.PodSpec, volume string) bool {
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, m := range c.VolumeMounts {
			if m.Name == volume && (m.SubPath != "" || m.SubPathExpr != "") {
				return true
			}
		}
	}
	return false
}

// named are the changed keys that references lead to, as Secret/key.
func named(refs []chart.Reference, s Secret) []string {
	var out []string
	for _, ref := range refs {
		if ref.Kind != chart.Secret || ref.Name != s.Name {
			continue
		}
		for _, k := range s.Keys {
			if ref.Key == "" || ref.Key == k {
				out = append(out, s.Name+"/"+k)
			}
		}
	}
	return out
}

func workload(o chart.Object, env, files, fixed []string) Reader {
	r := Reader{Object: o.String(), Needs: Restart}
	var how []string
	for _, u := range []struct {
		keys []string
		how  string
	}{
		{env, "as environment"},
		{fixed, "as a file that is mounted by subPath"},
		{files, "as files: the kubelet brings them within two minutes, and the program has to read them again"},
	} {
		if len(u.keys) > 0 {
			slices.Sort(u.keys)
			how = append(how, strings.Join(slices.Compact(u.keys), ", ")+" "+u.how)
		}
	}
	r.Detail = "reads " + strings.Join(how, "; ")
	switch {
	case o.Kind == "Job" || o.Kind == "CronJob":
		r.Needs = NextRun
	case len(env)+len(fixed) == 0:
		r.Needs = Reload
	case o.Kind == "Pod":
		r.Command = fmt.Sprintf("kubectl -n %s delete pod %s", o.Namespace, o.Name)
	default:
		r.Command = fmt.Sprintf("kubectl -n %s rollout restart %s/%s", o.Namespace, strings.ToLower(o.Kind), o.Name)
	}
	return r
}

// operated is an object that an operator takes care of.
func operated(o chart.Object, keys []string, labelled bool) Reader {
	slices.Sort(keys)
	r := Reader{Object: o.String(), Needs: Reload, Detail: "reads " + strings.Join(slices.Compact(keys), ", ")}
	switch {
	case o.Group != "postgresql.cnpg.io":
		r.Detail += "; its controller takes it over"
	case labelled:
		r.Detail += "; CloudNativePG takes it over at once, for the Secret has the label cnpg.io/reload"
	default:
		r.Detail += `; CloudNativePG takes it over at its next look at the Cluster, and at once if the Secret has the label cnpg.io/reload: "true"`
	}
	return r
}
