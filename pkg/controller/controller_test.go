package controller_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/sealway/sealway/pkg/controller"
)

// apiServer answers for answers that a real one does not give on demand.
type apiServer struct {
	services  []corev1.Service
	forbidden bool
	verify    int    // status of the controller's answer
	path      string // of the last request to the controller
	body      string
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const all = "/api/v1/services"
	namespace, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/"), "/services")
	switch {
	case strings.Contains(r.URL.Path, "/proxy/"):
		data, _ := io.ReadAll(r.Body)
		a.path, a.body = r.URL.Path, string(data)
		w.WriteHeader(a.verify)
	case a.forbidden:
		status := apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "x", nil).Status()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(status)
	case r.URL.Path == all || name == "":
		list := corev1.ServiceList{TypeMeta: metav1.TypeMeta{Kind: "ServiceList", APIVersion: "v1"}}
		for _, s := range a.services {
			if (r.URL.Path == all || s.Namespace == namespace) && s.Labels["app.kubernetes.io/name"] == "sealed-secrets" {
				list.Items = append(list.Items, s)
			}
		}
		reply(w, list)
	default:
		for _, s := range a.services {
			if s.Namespace == namespace && "/"+s.Name == name {
				reply(w, s)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(apierrors.NewNotFound(schema.GroupResource{Resource: "services"}, name).Status())
	}
}

func reply(w http.ResponseWriter, object any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(object)
}

func (a *apiServer) client(t *testing.T) rest.Interface {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	client, err := rest.RESTClientFor(&rest.Config{Host: server.URL, APIPath: "/api", ContentConfig: rest.ContentConfig{
		GroupVersion: &corev1.SchemeGroupVersion, NegotiatedSerializer: scheme.Codecs.WithoutConversion(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func service(namespace, name string, labelled bool) corev1.Service {
	s := corev1.Service{
		TypeMeta:   metav1.TypeMeta{Kind: "Service", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 8080}}},
	}
	if labelled {
		s.Labels = map[string]string{"app.kubernetes.io/name": "sealed-secrets"}
	}
	return s
}

func TestFind(t *testing.T) {
	cases := []struct {
		name, reason string
		services     []corev1.Service
		options      controller.Options
		want, err    string
	}{
		{name: "manifest", reason: "the release manifest's name", services: []corev1.Service{service("kube-system", "sealed-secrets-controller", false)}, want: "controller kube-system/sealed-secrets-controller"},
		{name: "chart", reason: "the Helm chart's name", services: []corev1.Service{service("kube-system", "sealed-secrets", false)}, want: "controller kube-system/sealed-secrets"},
		{name: "label", reason: "any name with the chart's label", services: []corev1.Service{service("kube-system", "ss", true)}, want: "controller kube-system/ss"},
		{name: "label elsewhere", reason: "another namespace", services: []corev1.Service{service("sealed", "ss", true)}, want: "controller sealed/ss"},
		{name: "metrics", reason: "the chart's second Service has the same label", services: []corev1.Service{service("kube-system", "a-metrics", true), service("kube-system", "b", true)}, want: "controller kube-system/b"},
		{name: "configured", reason: "a name that is given is the only one", services: []corev1.Service{service("ns", "mine", false), service("kube-system", "sealed-secrets", false)}, options: controller.Options{Namespace: "ns", Name: "mine"}, want: "controller ns/mine"},
		{name: "configured and absent", reason: "no guess where a name is given", services: []corev1.Service{service("kube-system", "sealed-secrets", true)}, options: controller.Options{Name: "mine"}, err: "no Service mine in namespace kube-system"},
		{name: "only in the namespace", reason: "a namespace that is given is the only one", services: []corev1.Service{service("kube-system", "sealed-secrets", true)}, options: controller.Options{Namespace: "foo"}, err: "in namespace foo and none with the label"},
		{name: "none", reason: "what was looked for is said", err: "no Service sealed-secrets-controller or sealed-secrets in namespace kube-system and none with the label app.kubernetes.io/name=sealed-secrets"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			api := &apiServer{services: c.services}
			got, err := controller.Find(t.Context(), api.client(t), c.options)
			if c.err != "" {
				var missing *controller.MissingError
				if !errors.As(err, &missing) || !strings.Contains(err.Error(), c.err) || missing.Hint() == "" || !missing.Unavailable() {
					t.Errorf("%s: got %v", c.reason, err)
				}
				return
			}
			if err != nil || got.String() != c.want {
				t.Errorf("%s: got %v, %v, want %s", c.reason, got, err, c.want)
			}
		})
	}
}

func TestForbidden(t *testing.T) {
	api := &apiServer{forbidden: true}
	_, err := controller.Find(t.Context(), api.client(t), controller.Options{})
	var access *controller.AccessError
	if !errors.As(err, &access) || !strings.Contains(access.Hint(), `resources ["services"], verbs ["get"]`) {
		t.Errorf("got %v", err)
	}
}

func TestVerify(t *testing.T) {
	for _, c := range []struct {
		status                   int
		undecrypted, unavailable bool
	}{{http.StatusOK, false, false}, {http.StatusConflict, true, false}, {http.StatusInternalServerError, false, true}, {http.StatusForbidden, false, true}} {
		t.Run(http.StatusText(c.status), func(t *testing.T) {
			api := &apiServer{services: []corev1.Service{service("kube-system", "sealed-secrets-controller", false)}, verify: c.status}
			ctrl, err := controller.Find(t.Context(), api.client(t), controller.Options{})
			if err != nil {
				t.Fatal(err)
			}
			err = ctrl.Verify(t.Context(), []byte(`{"kind":"SealedSecret"}`))
			if got := errors.Is(err, controller.ErrUndecryptable); got != c.undecrypted {
				t.Errorf("undecryptable is %v: %v", got, err)
			}
			var u interface{ Unavailable() bool }
			if got := errors.As(err, &u); got != c.unavailable {
				t.Errorf("unavailable is %v: %v", got, err)
			}
			if want := "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:/proxy/v1/verify"; api.path != want || api.body != `{"kind":"SealedSecret"}` {
				t.Errorf("POST %s %s, want %s", api.path, api.body, want)
			}
		})
	}
}
