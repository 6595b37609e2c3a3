package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/sealway/sealway/pkg/controller"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/seal"
)

const sealerLabel = "app.kubernetes.io/name=sealed-secrets"

// controller looks for its kind and its Service, and for others beside it.
func (i *inspection) controller(ctx context.Context) outcome {
	c, err := controller.Find(ctx, i.cluster.Core, i.Controller)
	if err != nil {
		return failure(report.Failed, i.named(err)).blocks("the Sealed Secrets controller was not found")
	}
	i.sealer = c
	all := []outcome{ok("Service %s/%s", c.Namespace, c.Name)}
	switch missing, err := i.served(ctx, "bitnami.com/v1alpha1", "sealedsecrets"); {
	case err != nil:
		all = append(all, i.unseen(err, "get", "/apis/bitnami.com/v1alpha1", "(discovery)"))
	case len(missing) > 0:
		all = append(all, failed("the cluster has no kind SealedSecret", "apply the controller's CustomResourceDefinition (controller.yaml of its release, or the chart's crds/)"))
	}
	return join(append(all, i.others(ctx)...)...)
}

// others are further controllers: each has a key of its own, and which of them
// decrypts a SealedSecret is then a question of their settings.
func (i *inspection) others(ctx context.Context) []outcome {
	var list corev1.ServiceList
	if err := i.cluster.Core.Get().Resource("services").Param("labelSelector", sealerLabel).MaxRetries(0).Do(ctx).Into(&list); err != nil {
		return nil // it is found, and looking further is a courtesy
	}
	pods := map[string]string{}
	for _, s := range list.Items {
		if !strings.HasSuffix(s.Name, "-metrics") && len(s.Spec.Ports) > 0 {
			pods[s.Namespace+" "+labels.FormatLabels(s.Spec.Selector)] = s.Namespace + "/" + s.Name
		}
	}
	if len(pods) < 2 || i.Controller.Name != "" && i.Controller.Namespace != "" {
		return nil
	}
	var names []string
	for _, n := range pods {
		names = append(names, n)
	}
	slices.Sort(names)
	return []outcome{warned("there are several: "+strings.Join(names, ", "),
		fmt.Sprintf("say in .sealway.yaml which one is meant: `controller: {namespace: %s, name: %s}`", i.sealer.Namespace, i.sealer.Name))}
}

// controllerPods looks at the Deployment behind the Service.
func (i *inspection) controllerPods(ctx context.Context) outcome {
	ns := i.sealer.Namespace
	var svc corev1.Service
	if err := i.cluster.Core.Get().Namespace(ns).Resource("services").Name(i.sealer.Name).MaxRetries(0).Do(ctx).Into(&svc); err != nil {
		return i.unseen(err, "get", "services", "in namespace "+ns)
	}
	deployments, err := i.deployments(ctx, ns, "")
	if err != nil {
		return i.unseen(err, "list", "deployments.apps", "in namespace "+ns)
	}
	selector := labels.SelectorFromSet(svc.Spec.Selector)
	at := slices.IndexFunc(deployments, func(d appsv1.Deployment) bool {
		return len(svc.Spec.Selector) > 0 && selector.Matches(labels.Set(d.Spec.Template.Labels))
	})
	if at < 0 {
		return warned(fmt.Sprintf("no Deployment belongs to Service %s/%s", ns, i.sealer.Name), "nothing, if it is run in another way and its certificate is served")
	}
	d := &deployments[at]
	if d.Spec.Replicas != nil && *d.Spec.Replicas == 0 {
		return failed(fmt.Sprintf("Deployment %s/%s is scaled to zero: nothing unseals", ns, d.Name), fmt.Sprintf("`kubectl -n %s scale deployment %s --replicas=1`", ns, d.Name))
	}
	pods, err := i.pods(ctx, ns, svc.Spec.Selector)
	if err != nil {
		return i.unseen(err, "list", "pods", "in namespace "+ns)
	}
	return join(ready("Deployment "+d.Name, ns, pods), weaknesses(d))
}

// weaknesses names what is known of a controller's version.
func weaknesses(d *appsv1.Deployment) outcome {
	text := sealerVersion(d)
	v := parseVersion(text)
	if !v.known() {
		return warned("its version is not seen, neither in the image's tag nor in a label", "0.40.0 and later have none of the known weaknesses")
	}
	var known []string
	if v.before(0, 36) {
		known = append(known, "a rotation can widen a Secret's scope to the whole cluster (CVE-2026-22728, mended in 0.36.0)")
	}
	if v.before(0, 39) {
		known = append(known, "/v1/verify tells about plaintext through templates, and /v1/rotate has no rate limit (mended in 0.39.0)")
	}
	if v.before(0, 40) {
		known = append(known, "/v1/rotate tells about plaintext through templates (mended in 0.40.0)")
	}
	if len(known) > 0 {
		return warned("version "+text+" has known weaknesses: "+strings.Join(known, "; "), "update the controller to 0.40.0 or later, and expose neither path by an Ingress")
	}
	return ok("version %s", text)
}

// sealerVersion is the image's tag, or what the Deployment's label says.
func sealerVersion(d *appsv1.Deployment) string {
	for _, c := range d.Spec.Template.Spec.Containers {
		image, _, _ := strings.Cut(c.Image, "@")
		name := image[strings.LastIndex(image, "/")+1:]
		_, tag, tagged := strings.Cut(name, ":")
		if tagged && strings.Contains(name, "sealed-secrets") && parseVersion(tag).known() {
			return tag
		}
	}
	return d.Labels["app.kubernetes.io/version"]
}

// certificate is the one that the controller hands out.
func (i *inspection) certificate(ctx context.Context) outcome {
	data, source, err := i.sealer.Certificate(ctx)
	if err != nil {
		if apierrors.IsServiceUnavailable(err) {
			return failed(fmt.Sprintf("%s does not hand it out: no ready Pod serves it", i.sealer), "see the controller's Pods; sealing goes on with the pinned certificate meanwhile")
		}
		return failure(report.Failed, i.named(err))
	}
	c, err := seal.ParseCertificate(source, data, i.Certificates.Now)
	if err != nil {
		return failure(report.Failed, err)
	}
	i.cert = c
	out := ok("SHA256:%s, good until %s", c.Short(), c.NotAfter.Format(time.DateOnly))
	if text, soon := c.Expiring(i.Certificates.Now); soon {
		return warned(out.saw+"; "+text, "`mage seal:cert` shows the newest")
	}
	return out
}
