package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/report"
)

const elsewhere = "ARGOCD_SERVER names another Argo CD than this cluster's"

// argoCD looks for its kinds and for its server's Service.
func (i *inspection) argoCD(ctx context.Context) outcome {
	if i.Elsewhere != nil {
		return skipped("%s", elsewhere).blocks(elsewhere)
	}
	server, err := argocd.FindServer(ctx, i.cluster.Core, i.ArgoCD)
	if err != nil {
		return failure(report.Failed, i.named(err)).blocks("Argo CD was not found")
	}
	i.argo = server
	out := ok("Service %s/%s", server.Namespace, server.Name)
	missing, err := i.served(ctx, "argoproj.io/v1alpha1", "applications", "appprojects")
	switch {
	case err != nil:
		return join(out, i.unseen(err, "get", "/apis/argoproj.io/v1alpha1", "(discovery)"))
	case len(missing) > 0:
		return join(out, failed("the cluster has no kind "+strings.Join(missing, ", ")+" of argoproj.io/v1alpha1",
			"apply Argo CD's CustomResourceDefinitions (manifests/crds of its version)"))
	}
	out.saw += ", CustomResourceDefinitions"
	return out
}

// named adds to an error of reach what this package knows about causes.
func (i *inspection) named(err error) error {
	var access interface {
		error
		Unwrap() error
	}
	if errors.As(err, &access) && access.Unwrap() != nil && apierrors.ReasonForError(access.Unwrap()) == "" {
		cause, fix := apiCause(access.Unwrap(), i.cluster)
		return &advised{cause, fix}
	}
	return err
}

type advised struct{ text, fix string }

func (e *advised) Error() string { return e.text }
func (e *advised) Hint() string  { return e.fix }

// argoServer asks the server for its version, through the API server.
func (i *inspection) argoServer(ctx context.Context) outcome {
	if i.Elsewhere != nil {
		text, err := i.Elsewhere(ctx)
		if err != nil {
			return failure(report.Failed, err)
		}
		return supportedArgo(text, "Argo CD "+text+" answers")
	}
	text, scheme, err := i.argoVersion(ctx)
	where := fmt.Sprintf("services/proxy %s in namespace %s", i.argo.Name, i.argo.Namespace)
	if apierrors.IsForbidden(err) {
		return unknown("not allowed to get "+where+", so its version was not asked for", "nothing: `mage gitops:status` asks it through a tunnel")
	}
	if err != nil {
		return failed(fmt.Sprintf("%s does not answer: %s", i.argo, proxyCause(err)),
			fmt.Sprintf("are its Pods ready? `kubectl -n %s get endpointslices -l kubernetes.io/service-name=%s` shows who serves it", i.argo.Namespace, i.argo.Name))
	}
	i.argoIs = parseVersion(text)
	return supportedArgo(text, fmt.Sprintf("Argo CD %s answers over %s", text, scheme))
}

func supportedArgo(text, saw string) outcome {
	v := parseVersion(text)
	switch {
	case !v.known():
		return warned(fmt.Sprintf("it answers, and calls its version %q", text), "")
	case v.before(2, 14):
		return warned(saw+"; sealway is made for 2.14 and 3.x", "update Argo CD: older versions get no security fixes")
	case v.major > 3:
		return warned(saw+"; sealway knows 2.14 and 3.x", "look for a newer sealway")
	}
	return ok("%s", saw)
}

// schemes in the order in which they are tried: a server without TLS refuses it at
// once, and the other way round one with TLS would answer with a redirect.
func schemes() []string { return []string{"https", "http"} }

// argoVersion asks in both ways; of two failures the first one tells more.
func (i *inspection) argoVersion(ctx context.Context) (text, scheme string, err error) {
	_, names := i.argoNames()
	var first error
	for n, name := range names {
		result := i.cluster.Core.Get().Namespace(i.argo.Namespace).Resource("services").SubResource("proxy").
			Name(name).Suffix("api", "version").MaxRetries(0).Do(ctx)
		err := result.Error() // Raw's own error does not have what the API server says
		data, _ := result.Raw()
		var answer struct{ Version string }
		if err == nil {
			err = json.Unmarshal(data, &answer)
		}
		if err == nil {
			return answer.Version, schemes()[n], nil
		}
		if first == nil || apierrors.IsForbidden(first) {
			first = err
		}
	}
	return "", "", first
}

// proxyCause is what the API server says about a Service that it did not reach.
func proxyCause(err error) string {
	text := oneLine(err.Error())
	switch {
	case strings.Contains(text, "no endpoints available"):
		return "no ready Pod serves it"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return text
}

// argoParts are the servers that Argo CD consists of, by the label that upstream's
// manifests and the Helm chart give to their Pods.
func argoParts() []string {
	return []string{"argocd-server", "argocd-repo-server", "argocd-application-controller"}
}

// argoPart is the server that a Pod is of. The operator names all of them after its own
// object instead: openshift-gitops-server, openshift-gitops-repo-server.
func argoPart(label, server string) string {
	if own, ok := strings.CutSuffix(server, "-server"); ok {
		if part, ok := strings.CutPrefix(label, own+"-"); ok {
			label = "argocd-" + part
		}
	}
	if strings.HasPrefix(label, "argocd-redis") {
		return "argocd-redis"
	}
	return label
}

// argoPods looks whether each server has a ready Pod. Redis may be anywhere; where it
// has Pods here, they count.
func (i *inspection) argoPods(ctx context.Context) outcome {
	ns := i.argo.Namespace
	pods, err := i.pods(ctx, ns, nil)
	if err != nil {
		return i.unseen(err, "list", "pods", "in namespace "+ns)
	}
	parts := map[string][]corev1.Pod{}
	for _, p := range pods {
		name := argoPart(p.Labels["app.kubernetes.io/name"], i.argo.Name)
		parts[name] = append(parts[name], p)
	}
	var all []outcome
	for _, name := range argoParts() {
		all = append(all, ready(name, ns, parts[name]))
	}
	if redis := parts["argocd-redis"]; len(redis) > 0 {
		all = append(all, ready("argocd-redis", ns, redis))
	}
	return join(append(all, i.serverSideDiff(ctx, parts["argocd-application-controller"])...)...)
}

const (
	diffConfig   = "argocd-cmd-params-cm"
	diffSetting  = "controller.diff.server.side" // in that ConfigMap
	diffArgument = "--server-side-diff-enabled"
	diffVariable = "ARGOCD_APPLICATION_CONTROLLER_SERVER_SIDE_DIFF"
)

// serverSideDiff warns of an Argo CD that is older than the cluster: Kubernetes 1.33
// gave Deployments .status.terminatingReplicas, Argo CD 2.14 carries the fields of
// 1.31, and an application with such a live object fails with ComparisonError: "field
// not declared in schema". With server-side diff the API server compares.
func (i *inspection) serverSideDiff(ctx context.Context, controllers []corev1.Pod) []outcome {
	if !i.argoIs.known() || !i.argoIs.before(3, 0) || i.version.before(1, 33) || !i.version.known() {
		return nil
	}
	for _, p := range controllers {
		for _, c := range p.Spec.Containers {
			if setsDiff(c) {
				return nil
			}
		}
	}
	var settings corev1.ConfigMap
	err := i.cluster.Core.Get().Namespace(i.argo.Namespace).Resource("configmaps").Name(diffConfig).MaxRetries(0).Do(ctx).Into(&settings)
	if err == nil && settings.Data[diffSetting] == "true" {
		return nil
	}
	saw := fmt.Sprintf("Argo CD %d.%d does not know all fields of Kubernetes %d.%d (.status.terminatingReplicas), and server-side diff is not seen to be on", i.argoIs.major, i.argoIs.minor, i.version.major, i.version.minor)
	return []outcome{warned(saw, fmt.Sprintf(
		"applications that show a ComparisonError need it: `kubectl -n %s patch configmap argocd-cmd-params-cm --type merge -p '{\"data\":{\"%s\":\"true\"}}'` and `kubectl -n %s rollout restart statefulset argocd-application-controller`, or update to Argo CD 3",
		i.argo.Namespace, diffSetting, i.argo.Namespace))}
}

func setsDiff(c corev1.Container) bool {
	for _, a := range append(c.Command, c.Args...) {
		if a == diffArgument || a == diffArgument+"=true" {
			return true
		}
	}
	for _, e := range c.Env {
		if e.Name == diffVariable && e.Value == "true" {
			return true
		}
	}
	return false
}
