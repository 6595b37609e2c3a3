package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// kubeconfig writes a changed copy of the sandbox's.
func (w *world) kubeconfig(change func(*clientcmdapi.Config)) {
	w.t.Helper()
	c, err := clientcmd.LoadFromFile(platform.up.Kubeconfig)
	if err != nil {
		w.t.Fatal(err)
	}
	change(c)
	path := filepath.Join(w.t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*c, path); err != nil {
		w.t.Fatal(err)
	}
	w.env = []string{"KUBECONFIG=" + path}
}

// TestNoWayToTheController shows what a person reads when the certificate cannot
// be had, and that nothing is written.
func TestNoWayToTheController(t *testing.T) {
	cases := []struct {
		name   string
		change func(*world)
		want   []string
	}{
		{
			name: "no permission",
			change: func(w *world) {
				w.kubeconfig(func(c *clientcmdapi.Config) {
					for _, u := range c.AuthInfos {
						u.Impersonate = "system:anonymous"
					}
				})
			},
			want: []string{"not allowed to get services in namespace kube-system", `hint: the rule that is missing: apiGroups [""], resources ["services"], verbs ["get"]`},
		},
		{
			name: "unreachable",
			change: func(w *world) {
				w.kubeconfig(func(c *clientcmdapi.Config) {
					for _, s := range c.Clusters {
						s.Server = "https://127.0.0.1:1"
					}
				})
			},
			want: []string{"connection refused", "hint: check the kubeconfig's context"},
		},
		{
			name: "not logged in",
			change: func(w *world) {
				w.kubeconfig(func(c *clientcmdapi.Config) {
					for name := range c.AuthInfos {
						c.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: "no-such-token"}
					}
				})
			},
			want: []string{"does not accept these credentials"},
		},
		{
			name:   "wrong context",
			change: func(w *world) { w.env = []string{"SEALWAY_CONTEXT=elsewhere"} },
			want:   []string{`kubeconfig: context "elsewhere": not found`},
		},
		{
			name:   "wrong name",
			change: func(w *world) { w.env = []string{"SEALED_SECRETS_CONTROLLER_NAME=nobody"} },
			want:   []string{"no Service nobody in namespace kube-system", "hint: is this the right cluster?"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "access", nil)
			w.plaintext("db.yaml", simple("access", "db"))
			c.change(w)
			_, stderr := w.must(4, "seal:all")
			for _, want := range c.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q is not in\n%s", want, stderr)
				}
			}
			if _, err := os.Stat(w.path("templates")); !os.IsNotExist(err) {
				t.Error("templates/ was written")
			}
		})
	}
}

// TestFindsTheController knows the chart's name, the manifest's name, and the label.
func TestFindsTheController(t *testing.T) {
	services := platform.client.CoreV1().Services(metav1.NamespaceSystem)
	original, err := services.Get(t.Context(), "sealed-secrets-controller", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sealed-secrets", "renamed-by-somebody"} {
		t.Run(name, func(t *testing.T) {
			svc := &corev1.Service{
				ObjectMeta: metav1.ObjectMeta{Name: name, Labels: original.Labels},
				Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 8080}}, Selector: original.Spec.Selector},
			}
			if _, err := services.Create(t.Context(), svc, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, "found", nil)
			w.env = []string{"SEALED_SECRETS_CONTROLLER_NAME=" + name}
			w.eventually("the certificate through Service "+name, certificateServed(w))
			if err := services.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// certificateServed waits for the new Service's endpoints.
func certificateServed(w *world) func(context.Context) (bool, error) {
	return func(context.Context) (bool, error) {
		stdout, stderr, status := w.mage("seal:cert")
		if status != 0 {
			return false, errors.New(stderr)
		}
		return strings.Contains(stdout, "SHA256:"), nil
	}
}
