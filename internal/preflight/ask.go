package preflight

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
)

// get asks for an object or a list that the client of core/v1 has no type for.
func (i *inspection) get(ctx context.Context, path string, params map[string]string, into any) error {
	r := i.cluster.Core.Get().AbsPath(path).MaxRetries(0)
	for k, v := range params {
		r = r.Param(k, v)
	}
	data, err := r.DoRaw(ctx)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// served says whether the API server has a version of a group.
func (i *inspection) served(ctx context.Context, groupVersion string, kinds ...string) (missing []string, err error) {
	var list struct{ Resources []struct{ Name string } }
	err = i.get(ctx, "/apis/"+groupVersion, nil, &list)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	have := map[string]bool{}
	for _, r := range list.Resources {
		have[r.Name] = true
	}
	for _, k := range kinds {
		if !have[k] {
			missing = append(missing, k)
		}
	}
	return missing, nil
}

// pods lists the Pods of a namespace that a selector matches; nil for all of them.
func (i *inspection) pods(ctx context.Context, namespace string, selector map[string]string) ([]corev1.Pod, error) {
	var list corev1.PodList
	r := i.cluster.Core.Get().Namespace(namespace).Resource("pods").MaxRetries(0)
	if selector != nil {
		r = r.Param("labelSelector", labels.FormatLabels(selector))
	}
	err := r.Do(ctx).Into(&list)
	return list.Items, err
}

// deployments lists those of a namespace, or of all, with a label selector.
func (i *inspection) deployments(ctx context.Context, namespace, selector string) ([]appsv1.Deployment, error) {
	path := "/apis/apps/v1/deployments"
	if namespace != "" {
		path = "/apis/apps/v1/namespaces/" + namespace + "/deployments"
	}
	params := map[string]string{}
	if selector != "" {
		params["labelSelector"] = selector
	}
	var list appsv1.DeploymentList
	err := i.get(ctx, path, params, &list)
	return list.Items, err
}

// unseen is the outcome where something may not be looked at, or could not.
func (i *inspection) unseen(err error, verb, resource, where string) outcome {
	if apierrors.IsForbidden(err) {
		return unknown(fmt.Sprintf("not allowed to %s %s %s", verb, resource, where),
			fmt.Sprintf("nothing, unless you want to see it here: that takes %s %s %s", verb, resource, where))
	}
	cause, fix := apiCause(err, i.cluster)
	return failed(fmt.Sprintf("%s %s %s: %s", verb, resource, where, cause), fix)
}

func isReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil
		}
	}
	return false
}

// notReady is why a Pod is not, in a few words.
func notReady(p *corev1.Pod) string {
	if p.DeletionTimestamp != nil {
		return "is being deleted"
	}
	for _, c := range append(p.Status.InitContainerStatuses, p.Status.ContainerStatuses...) {
		switch {
		case c.State.Waiting != nil && c.State.Waiting.Reason != "" && c.State.Waiting.Reason != "PodInitializing":
			return "is " + c.State.Waiting.Reason
		case c.State.Terminated != nil && c.State.Terminated.ExitCode != 0:
			return fmt.Sprintf("has ended with exit status %d", c.State.Terminated.ExitCode)
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return "is on no node: " + oneLine(strings.TrimSpace(c.Reason+" "+c.Message))
		}
	}
	return "is " + string(p.Status.Phase) + " and not ready"
}

// ready says how many of the Pods are, and of the others why they are not.
func ready(what, namespace string, pods []corev1.Pod) outcome {
	var bad []string
	good, all := 0, 0
	name := ""
	for n := range pods {
		p := &pods[n]
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue // evicted ones stay for long
		}
		all++
		if isReady(p) {
			good++
			continue
		}
		name = p.Name
		bad = append(bad, "Pod "+p.Name+" "+notReady(p))
	}
	switch {
	case all == 0:
		return failed(what+": it has no Pod", "is it scaled to zero? `kubectl -n "+namespace+" get deployments,statefulsets`")
	case good == 0:
		return failed(what+": no Pod is ready: "+strings.Join(bad, ", "), "`kubectl -n "+namespace+" describe pod "+name+"` says why")
	case len(bad) > 0:
		return warned(fmt.Sprintf("%s: %d of %d Pods are ready: %s", what, good, all, strings.Join(bad, ", ")), "wait if it is being updated; `kubectl -n "+namespace+" describe pod "+name+"` says why")
	}
	return ok("%s: %d ready", what, good)
}
