package targets

import (
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/sealway/sealway/pkg/controller"
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/seal"
)

// controllerTime bounds the questions about the controller: they are asked only when
// it has not unsealed something, and the chain is worth showing without.
const controllerTime = 5 * time.Second

// sealer looks at the Sealed Secrets controller, where it has left something undone.
func (g *glance) sealer(ctx context.Context) (out diagnose.Controller) {
	if !g.undone() {
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, controllerTime)
	defer cancel()
	o := controller.Options{Namespace: g.s.config.Controller.Namespace, Name: g.s.config.Controller.Name}
	c, err := controller.Find(ctx, g.kube.Core, o)
	if err != nil {
		return out
	}
	out.Namespace, out.Name = c.Namespace, c.Name
	d, err := g.deployment(ctx, c)
	if err != nil || d == nil {
		return out
	}
	out.Known, out.Name, out.Running = true, d.Name, d.Status.AvailableReplicas > 0
	switch {
	case out.Running:
		if data, source, err := c.Certificate(ctx); err == nil {
			if cert, err := seal.ParseCertificate(source, data, g.s.now); err == nil {
				out.Fingerprint = cert.Fingerprint
			}
		}
	case d.Spec.Replicas != nil && *d.Spec.Replicas == 0:
		out.Why, out.Fix = "it is scaled to 0", fmt.Sprintf("kubectl -n %s scale deployment %s --replicas=1", d.Namespace, d.Name)
	default:
		out.Why, out.Fix = "none of its Pods is available", fmt.Sprintf("kubectl -n %s describe deployment %s", d.Namespace, d.Name)
	}
	return out
}

// undone says whether a SealedSecret of the applications waits for the controller, or
// could not be unsealed.
func (g *glance) undone() bool {
	for i := range g.all {
		for _, s := range g.state.In(g.all[i].namespace()).SealedSecrets {
			if !s.Unsealed() {
				return true
			}
		}
	}
	return false
}

// deployment is the one behind the controller's Service; nil when there is none.
func (g *glance) deployment(ctx context.Context, c *controller.Controller) (*appsv1.Deployment, error) {
	var svc corev1.Service
	if err := g.kube.Core.Get().Namespace(c.Namespace).Resource("services").Name(c.Name).Do(ctx).Into(&svc); err != nil {
		return nil, err
	}
	list, err := g.kube.Deployments(ctx, c.Namespace)
	selector := labels.SelectorFromSet(svc.Spec.Selector)
	at := slices.IndexFunc(list, func(d appsv1.Deployment) bool { return selector.Matches(labels.Set(d.Spec.Template.Labels)) })
	if err != nil || at < 0 || len(svc.Spec.Selector) == 0 {
		return nil, err
	}
	return &list[at], nil
}
