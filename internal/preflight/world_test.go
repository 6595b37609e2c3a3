package preflight_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/internal/preflight"
	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/git/gittest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/seal"
)

func TestMain(m *testing.M) { os.Exit(gittest.Main(m)) }

// now is when all of it happens.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// object is any JSON object.
type object = map[string]any

// world is a cluster where everything is well, and a repository that it follows.
type world struct {
	t       *testing.T
	remote  *gittest.Repo
	work    *gittest.Repo
	options preflight.Options
	config  *rest.Config
	kube    kube.Kubeconfig

	mu      sync.Mutex
	answers map[string]any // by path: an object, bytes, or an http.HandlerFunc
	denied  func(authorizationv1.ResourceAttributes) bool
	asked   []string // what changes something, or would
}

var theCertificate = sync.OnceValue(func() []byte { return certificate(now.AddDate(-1, 0, 0), now.AddDate(9, 0, 0)) })

// certificate makes one as the controller does.
func certificate(from, to time.Time) []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{}, NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, remote: gittest.Bare(t), answers: healthy(), denied: func(authorizationv1.ResourceAttributes) bool { return false }}
	w.work = w.remote.Clone()
	w.work.Git("switch", "--quiet", "-C", "main")
	w.work.Write(".gitignore", "local-secrets/\n")
	w.work.Write("applications/shop/templates/cluster.yaml", "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\n")
	w.work.Write("sealed-secrets.pem", string(theCertificate()))
	w.commit()
	w.work.Git("push", "--quiet", "--set-upstream", "origin", "main")
	w.answers[applications] = applicationList(w.remote.Dir, "main")
	server := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(server.Close)
	w.config = &rest.Config{Host: server.URL}
	w.kube = kube.Kubeconfig{Files: []string{"/home/me/.kube/config"}, Context: "prod", Current: "prod", User: "me", Contexts: []string{"prod"}}
	return w
}

const applications = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"

func applicationList(url, branch string) object {
	return object{"items": []object{{
		"metadata": object{"name": "shop", "namespace": "argocd"},
		"spec":     object{"source": object{"repoURL": url, "targetRevision": branch, "path": "applications/shop"}},
	}}}
}

func resources(names ...string) object {
	list := make([]object, len(names))
	for i, n := range names {
		list[i] = object{"name": n}
	}
	return object{"resources": list}
}

func pod(name string, labels object, isReady bool) object {
	status, phase := "True", "Running"
	if !isReady {
		status, phase = "False", "Pending"
	}
	return object{
		"metadata": object{"name": name, "labels": labels},
		"status":   object{"phase": phase, "conditions": []object{{"type": "Ready", "status": status}}},
	}
}

func named(name string) object { return object{"app.kubernetes.io/name": name} }

func items(list ...object) object { return object{"items": list} }

func service(namespace, name string, selector object, ports ...string) object {
	list := make([]object, len(ports))
	for i, p := range ports {
		list[i] = object{"name": p, "port": 80 + i}
	}
	return object{"metadata": object{"namespace": namespace, "name": name}, "spec": object{"selector": selector, "ports": list}}
}

const (
	argoVersion = "/api/v1/namespaces/argocd/services/https:argocd-server:http/proxy/api/version"
	argoPods    = "/api/v1/namespaces/argocd/pods"
	argoService = "/api/v1/namespaces/argocd/services/argocd-server"
	certPEM     = "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:http/proxy/v1/cert.pem"
	deployments = "/apis/apps/v1/namespaces/kube-system/deployments"
	operators   = "/apis/apps/v1/deployments"
)

func deployment(replicas int, image string) object {
	return items(object{
		"metadata": object{"name": "sealed-secrets-controller", "namespace": "kube-system"},
		"spec": object{"replicas": replicas, "template": object{
			"metadata": object{"labels": named("sealed-secrets")},
			"spec":     object{"containers": []object{{"image": image}}},
		}},
	})
}

// healthy are the answers of a cluster where everything is well.
func healthy() map[string]any {
	sealer := service("kube-system", "sealed-secrets-controller", named("sealed-secrets"), "http")
	return map[string]any{
		"/version":  object{"gitVersion": "v1.31.4-eks-1"},
		argoService: service("argocd", "argocd-server", named("argocd-server"), "http", "https"),
		argoVersion: object{"Version": "v2.14.21+abc"},
		argoPods: items(pod("argocd-server-1", named("argocd-server"), true), pod("argocd-repo-server-1", named("argocd-repo-server"), true),
			pod("argocd-application-controller-0", named("argocd-application-controller"), true), pod("argocd-redis-1", named("argocd-redis"), true)),
		"/apis/argoproj.io/v1alpha1":                                        resources("applications", "appprojects"),
		"/apis/bitnami.com/v1alpha1":                                        resources("sealedsecrets"),
		"/apis/postgresql.cnpg.io/v1":                                       resources("clusters"),
		"/api/v1/namespaces/kube-system/services/sealed-secrets-controller": sealer,
		"/api/v1/services":                                                  items(sealer),
		deployments:                                                         deployment(1, "docker.io/bitnami/sealed-secrets-controller:0.40.0"),
		"/api/v1/namespaces/kube-system/pods":                               items(pod("sealed-secrets-controller-1", named("sealed-secrets"), true)),
		certPEM:                                                             theCertificate(),
		operators:                                                           items(object{"metadata": object{"name": "cnpg", "namespace": "cnpg-system"}, "status": object{"availableReplicas": 1}}),
	}
}

// serve is the API server.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	answer, known := w.answers[r.URL.Path]
	w.mu.Unlock()
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews":
		var review authorizationv1.SelfSubjectAccessReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			w.t.Error(err)
		}
		review.Status.Allowed = !w.denied(*review.Spec.ResourceAttributes)
		write(rw, http.StatusCreated, review)
	case r.Method != http.MethodGet:
		w.mu.Lock()
		w.asked = append(w.asked, r.Method+" "+r.URL.Path)
		w.mu.Unlock()
		http.Error(rw, "no", http.StatusMethodNotAllowed)
	case !known:
		status(http.StatusNotFound, metav1.StatusReasonNotFound, "not found")(rw, r)
	default:
		switch a := answer.(type) {
		case http.HandlerFunc:
			a(rw, r)
		case []byte:
			_, _ = rw.Write(a)
		default:
			write(rw, http.StatusOK, a)
		}
	}
}

func write(rw http.ResponseWriter, code int, answer any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(code)
	_ = json.NewEncoder(rw).Encode(answer)
}

// status answers with an error as an API server does.
func status(code int, reason metav1.StatusReason, message string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		write(rw, code, metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
			Status:   metav1.StatusFailure, Reason: reason, Message: message, Code: int32(code),
		})
	}
}

func forbidden() http.HandlerFunc {
	return status(http.StatusForbidden, metav1.StatusReasonForbidden, "forbidden")
}

func unserved() http.HandlerFunc {
	return status(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, `no endpoints available for service "x"`)
}

func (w *world) commit() {
	w.t.Helper()
	w.work.Git("add", "--all")
	w.work.Git("commit", "--quiet", "-m", "change")
}

// run looks at everything.
func (w *world) run() *preflight.Result {
	w.t.Helper()
	r, err := w.runIn(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if len(w.asked) > 0 {
		w.t.Errorf("something would have been changed: %v", w.asked)
	}
	return r
}

func (w *world) runIn(ctx context.Context) (*preflight.Result, error) {
	w.t.Helper()
	tree, err := git.Open(w.t.Context(), w.work.Dir)
	if err != nil {
		w.t.Fatal(err)
	}
	o := w.options
	if o.Repository, err = repo.New(tree, repo.Options{}); err != nil {
		w.t.Fatal(err)
	}
	o.Certificates = seal.CertificateOptions{Pin: o.Repository.PinPath(), PinName: "sealed-secrets.pem", Now: now}
	if o.Kubeconfig == nil {
		o.Kubeconfig = func() (*kube.Kubeconfig, error) { return &w.kube, nil }
	}
	if o.Cluster == nil {
		o.Cluster = func() (*kube.Cluster, error) { return kube.New(w.kube.Context, w.config) }
	}
	if o.LookPath == nil {
		o.LookPath = func(name string) (string, error) { return "/usr/bin/" + name, nil }
	}
	return preflight.Run(ctx, o)
}

func find(t *testing.T, r *preflight.Result, name string) report.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q", name)
	return report.Check{}
}

var errMissing = errors.New("not found")

func contains(t *testing.T, what, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("%s has no %q:\n%s", what, want, text)
	}
}
