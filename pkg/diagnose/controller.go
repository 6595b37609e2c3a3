package diagnose

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/sealway/sealway/pkg/cluster"
)

// ControllerIn finds out from the state of its namespace whether the Sealed Secrets
// controller of that name runs: a Pod behind its Service is ready.
func ControllerIn(space *cluster.Space, name string) Controller {
	c := Controller{Namespace: space.Name, Name: name}
	if !space.Sees("Pod") || !space.Sees("Deployment") || !space.Sees("Service") {
		return c
	}
	c.Known = true
	kubectl := "kubectl -n " + space.Name + " "
	for i := range space.Deployments {
		d := &space.Deployments[i]
		if d.Name != name {
			continue
		}
		if wantedReplicas(d.Spec.Replicas) == 0 {
			c.Why, c.Fix = "it is scaled to 0", kubectl+"scale deployment/"+name+" --replicas=1"
			return c
		}
		c.Running = d.Status.ReadyReplicas > 0
		c.Why, c.Fix = "none of its Pods is ready", kubectl+"rollout restart deployment/"+name
	}
	for i := range space.Services {
		if s := &space.Services[i]; s.Name == name && len(s.Spec.Selector) > 0 {
			c.behind(space, labels.SelectorFromSet(s.Spec.Selector))
		}
	}
	switch {
	case c.Running:
		c.Why, c.Fix = "", ""
	case c.Why == "":
		c.Why = fmt.Sprintf("namespace %s has no Deployment and no ready Pod of that name", space.Name)
	}
	return c
}

// behind looks at the Pods of the controller's Service.
func (c *Controller) behind(space *cluster.Space, selector labels.Selector) {
	for i := range space.Pods {
		p := &space.Pods[i]
		if !selector.Matches(labels.Set(p.Labels)) || p.DeletionTimestamp != nil {
			continue
		}
		if ready(p) {
			c.Running, c.Why, c.Fix = true, "", ""
			return
		}
		c.Why = "Pod " + p.Name + " is not ready" + waitingFor(p)
	}
}

func waitingFor(p *corev1.Pod) string {
	for _, s := range allStatuses(p) {
		if w := s.State.Waiting; w != nil && w.Reason != "" {
			return ": " + w.Reason
		}
	}
	return ""
}
