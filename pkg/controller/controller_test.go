package controller_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	k8stesting "k8s.io/client-go/testing"

	"github.com/sealway/sealway/pkg/controller"
)

func service(namespace, name string, labelled bool) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 8080}}},
	}
	if labelled {
		s.Labels = map[string]string{"app.kubernetes.io/name": "sealed-secrets"}
	}
	return s
}

func TestFind(t *testing.T) {
	cases := []struct {
		name, reason string
		services     []runtime.Object
		options      controller.Options
		want, err    string
	}{
		{name: "manifest", reason: "the release manifest's name", services: []runtime.Object{service("kube-system", "sealed-secrets-controller", false)}, want: "controller kube-system/sealed-secrets-controller"},
		{name: "chart", reason: "the Helm chart's name", services: []runtime.Object{service("kube-system", "sealed-secrets", false)}, want: "controller kube-system/sealed-secrets"},
		{name: "label", reason: "any name with the chart's label", services: []runtime.Object{service("kube-system", "ss", true)}, want: "controller kube-system/ss"},
		{name: "label elsewhere", reason: "another namespace", services: []runtime.Object{service("sealed", "ss", true)}, want: "controller sealed/ss"},
		{name: "metrics", reason: "the chart's second Service has the same label", services: []runtime.Object{service("kube-system", "a-metrics", true), service("kube-system", "b", true)}, want: "controller kube-system/b"},
		{name: "configured", reason: "a name that is given is the only one", services: []runtime.Object{service("ns", "mine", false), service("kube-system", "sealed-secrets", false)}, options: controller.Options{Namespace: "ns", Name: "mine"}, want: "controller ns/mine"},
		{name: "configured and absent", reason: "no guess where a name is given", services: []runtime.Object{service("kube-system", "sealed-secrets", true)}, options: controller.Options{Name: "mine"}, err: "no Service mine in namespace kube-system"},
		{name: "none", reason: "what was looked for is said", err: "no Service sealed-secrets-controller or sealed-secrets in namespace kube-system and none with the label app.kubernetes.io/name=sealed-secrets"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := controller.Find(t.Context(), fake.NewSimpleClientset(c.services...), c.options)
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
	client := fake.NewSimpleClientset()
	client.PrependReactor("get", "services", func(k8stesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "x", nil)
	})
	_, err := controller.Find(t.Context(), client, controller.Options{})
	var access *controller.AccessError
	if !errors.As(err, &access) || !strings.Contains(access.Hint(), `resources ["services"], verbs ["get"]`) {
		t.Errorf("got %v", err)
	}
}

// TestVerify speaks to a stand-in for the API server, for answers that a real
// controller does not give on demand.
func TestVerify(t *testing.T) {
	for _, c := range []struct {
		status      int
		undecrypted bool
		unavailable bool
	}{{http.StatusOK, false, false}, {http.StatusConflict, true, false}, {http.StatusInternalServerError, false, true}, {http.StatusForbidden, false, true}} {
		t.Run(http.StatusText(c.status), func(t *testing.T) {
			var path, body string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					w.Header().Set("Content-Type", "application/json")
					_, _ = io.WriteString(w, `{"kind":"Service","apiVersion":"v1","metadata":{"name":"sealed-secrets-controller","namespace":"kube-system"},"spec":{"ports":[{"port":8080}]}}`)
					return
				}
				data, _ := io.ReadAll(r.Body)
				path, body = r.URL.Path, string(data)
				w.WriteHeader(c.status)
			}))
			defer server.Close()
			client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			ctrl, err := controller.Find(t.Context(), client, controller.Options{})
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
			if want := "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:/proxy/v1/verify"; path != want || body != `{"kind":"SealedSecret"}` {
				t.Errorf("POST %s %s, want %s", path, body, want)
			}
		})
	}
}
