package diagnose

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
)

func imageCases() []aCase {
	pull := func(message string) func(w *world) {
		return func(w *world) {
			w.waits("web-2-abc", "ImagePullBackOff", `Back-off pulling image "registry.example/shop:v1"`)
			w.event("Pod", "web-2-abc", "Failed", `Failed to pull image "registry.example/shop:v1": `+message)
			w.lines["Deployment/web/v1"] = place{values, 3}
		}
	}
	return []aCase{
		{rule: "image-not-found", reason: "the tag, with the one that ran before", breaks: func(w *world) {
			pull("rpc error: code = NotFound desc = failed to resolve reference: registry.example/shop:v1: not found")(w)
			w.before("registry.example/shop:v0")
		}, where: values + ":3", edit: values + ":3: v1 -> v0", run: publishes("correct v1", values), says: "there is no image registry.example/shop:v1"},
		{rule: "image-not-found", reason: "nobody knows a better one", breaks: pull("manifest unknown"), edit: values + ":3: v1 -> ", run: publishes("correct the image", values)},
		{rule: "image-unauthorized", reason: "private", breaks: pull("pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed")},
		{rule: "image-rate-limit", reason: "too often", passing: true, breaks: pull("toomanyrequests: You have reached your pull rate limit")},
		{rule: "image-unreachable", reason: "DNS", breaks: pull("dial tcp: lookup registry.example: no such host")},
		{rule: "image-unreachable", reason: "DNS, and the line is known", breaks: func(w *world) {
			pull("dial tcp: lookup registry.example: no such host")(w)
			w.lines["Deployment/web/registry.example"] = place{values, 2}
		}, where: values + ":2", edit: values + ":2: registry.example -> ", run: publishes("correct the registry", values)},
		{rule: "image-not-found", reason: "in a StatefulSet, whose broken Pod has to go", breaks: func(w *world) {
			w.waits("store-0", "ImagePullBackOff", "manifest unknown")
			w.lines["StatefulSet/store/v1"] = place{values, 3}
		}, edit: values + ":3: v1 -> ", run: strings.Replace(publishes("correct the image", values), "mage gitops", "kubectl -n shop delete statefulset store --cascade=orphan\nkubectl -n shop delete pod store-0\nmage gitops", 1)},
		{rule: "image-certificate", reason: "own authority", breaks: pull("tls: failed to verify certificate: x509: certificate signed by unknown authority")},
		{rule: "image-platform", reason: "processor", breaks: pull("no match for platform in manifest: not found")},
		{rule: "image-disk", reason: "full", breaks: pull("write /var/lib/x: no space left on device")},
		{rule: "image-pull", reason: "anything else", breaks: pull("unexpected media type")},
		{rule: "image-not-found", reason: "the first try", passing: true, breaks: func(w *world) {
			pull("not found")(w)
			w.pod("web-2-abc").CreationTimestamp = ago(0)
		}, edit: values + ":3: v1 -> "},
		{rule: "image-not-found", reason: "an init container, which Argo CD does not look at", breaks: func(w *world) {
			p := w.waits("web-2-abc", "PodInitializing", "")
			p.Status.InitContainerStatuses[0].Ready = false
			p.Status.InitContainerStatuses[0].State = p.Status.ContainerStatuses[0].State
			p.Status.InitContainerStatuses[0].State.Waiting.Reason = "ErrImagePull"
			p.Status.InitContainerStatuses[0].State.Waiting.Message = "manifest unknown"
		}, says: "init container setup"},
		{rule: "image-invalid", reason: "capital letters", breaks: func(w *world) {
			p := w.waits("web-2-abc", "InvalidImageName", `Failed to apply default image tag "Registry.example/Shop:v1": couldn't parse image name: invalid reference format: repository name must be lowercase`)
			p.Spec.Containers[0].Image = "Registry.example/Shop:v1"
			w.lines["Deployment/web/Registry.example/Shop"] = place{values, 2}
		}, edit: values + ":2: Registry.example/Shop -> registry.example/shop"},
		{rule: "image-invalid", reason: "two colons", breaks: func(w *world) {
			p := w.waits("web-2-abc", "InvalidImageName", "invalid reference format")
			p.Spec.Containers[0].Image = "shop::v1"
			w.lines["Deployment/web/shop::v1"] = place{values, 2}
		}, edit: values + ":2: shop::v1 -> shop:v1"},
		{rule: "image-invalid", reason: "a colon in the tag", breaks: func(w *world) {
			w.waits("web-2-abc", "InvalidImageName", "invalid reference format").Spec.Containers[0].Image = "registry.example/shop:1.0:0"
			w.lines["Deployment/web/1.0:0"] = place{values, 3}
		}, where: values + ":3", edit: values + ":3: 1.0:0 -> ", run: publishes("correct the image", values)},
		{rule: "image-never-pulled", reason: "Never", breaks: func(w *world) {
			w.waits("web-2-abc", "ErrImageNeverPull", "Container image is not present with pull policy of Never")
			w.lines["Deployment/web/imagePullPolicy: Never"] = place{deployment, 25}
		}, edit: deployment + ":25: imagePullPolicy: Never -> imagePullPolicy: IfNotPresent"},
	}
}

// before gives the revision before the newest another image.
func (w *world) before(image string) {
	r := &w.space.ReplicaSets[0]
	*r = appsv1.ReplicaSet{ObjectMeta: r.ObjectMeta, Spec: *r.Spec.DeepCopy()}
	r.Spec.Template.Spec.Containers[0].Image = image
}
