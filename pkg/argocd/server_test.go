package argocd_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/sealway/sealway/pkg/argocd"
)

// clusterAPI answers for the API server with the objects that it is given.
type clusterAPI struct {
	mu        sync.Mutex
	services  []corev1.Service
	secrets   map[string]map[string][]byte // namespace/name
	forbidden string                       // "get services", "list services", "get secrets"
	asked     []string
}

func (a *clusterAPI) with(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

func (a *clusterAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	namespace, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/"), "/")
	if r.URL.Path == "/api/v1/services" {
		namespace, rest = "", "services"
	}
	resource, name, one := strings.Cut(rest, "/")
	verb := map[bool]string{true: "get ", false: "list "}[one] + resource
	a.asked = append(a.asked, verb+" "+namespace+"/"+name)
	if a.forbidden == verb {
		answer(w, http.StatusForbidden, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, name, nil).Status())
		return
	}
	if object := a.find(namespace, resource, name); object != nil {
		answer(w, http.StatusOK, object)
		return
	}
	answer(w, http.StatusNotFound, apierrors.NewNotFound(schema.GroupResource{Resource: resource}, name).Status())
}

func (a *clusterAPI) find(namespace, resource, name string) any {
	if data, ok := a.secrets[namespace+"/"+name]; ok && resource == "secrets" {
		return corev1.Secret{TypeMeta: metav1.TypeMeta{Kind: "Secret", APIVersion: "v1"}, ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}
	}
	if resource != "services" {
		return nil
	}
	list := corev1.ServiceList{TypeMeta: metav1.TypeMeta{Kind: "ServiceList", APIVersion: "v1"}}
	for _, s := range a.services {
		if s.Namespace == namespace && s.Name == name {
			return s
		}
		if (namespace == "" || s.Namespace == namespace) && s.Labels["app.kubernetes.io/name"] == "argocd-server" {
			list.Items = append(list.Items, s)
		}
	}
	if name != "" {
		return nil
	}
	return list
}

func answer(w http.ResponseWriter, status int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object)
}

func (a *clusterAPI) client(t *testing.T) rest.Interface {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return coreClient(t, server.URL)
}

func coreClient(t *testing.T, url string) rest.Interface {
	t.Helper()
	client, err := rest.RESTClientFor(&rest.Config{Host: url, APIPath: "/api", ContentConfig: rest.ContentConfig{
		GroupVersion: &corev1.SchemeGroupVersion, NegotiatedSerializer: scheme.Codecs.WithoutConversion(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// service is a Service with upstream's ports, or those that are given.
func service(namespace, name string, labelled bool, ports ...corev1.ServicePort) corev1.Service {
	if ports == nil {
		ports = []corev1.ServicePort{{Name: "http", Port: 80}, {Name: "https", Port: 443}}
	}
	s := corev1.Service{
		TypeMeta:   metav1.TypeMeta{Kind: "Service", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app.kubernetes.io/name": "argocd-server"}, Ports: ports},
	}
	if labelled {
		s.Labels = map[string]string{"app.kubernetes.io/name": "argocd-server"}
	}
	return s
}

func TestFindServer(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		services     []corev1.Service
		options      argocd.ServerOptions
		want         string
	}{
		{"manifests", "upstream's names", []corev1.Service{service("argocd", "argocd-server", false), service("zoo", "argocd-server", true)}, argocd.ServerOptions{}, "argocd/argocd-server http"},
		{"chart", "any name with the label", []corev1.Service{service("argocd", "argo-argocd-server", true)}, argocd.ServerOptions{}, "argocd/argo-argocd-server http"},
		{"elsewhere", "in another namespace", []corev1.Service{service("platform", "argocd-server", true)}, argocd.ServerOptions{}, "platform/argocd-server http"},
		{"namespace", "the usual name in the namespace that is given", []corev1.Service{service("argocd", "argocd-server", true), service("two", "argocd-server", true)}, argocd.ServerOptions{Namespace: "two"}, "two/argocd-server http"},
		{"label in the namespace", "only that namespace is looked at", []corev1.Service{service("one", "x", true), service("two", "y", true)}, argocd.ServerOptions{Namespace: "two"}, "two/y http"},
		{"name", "a name without a namespace", []corev1.Service{service("argocd", "mine", false)}, argocd.ServerOptions{Name: "mine"}, "argocd/mine http"},
		{"both", "exactly the one that is given", []corev1.Service{service("argocd", "argocd-server", true), service("ns", "mine", false)}, argocd.ServerOptions{Namespace: "ns", Name: "mine"}, "ns/mine http"},
		{"metrics", "a Service of metrics with the label", []corev1.Service{service("argo", "a-metrics", true), service("argo", "b", true)}, argocd.ServerOptions{}, "argo/b http"},
		{"second Service", "one for gRPC leads to the same Pods", []corev1.Service{service("argo", "s-grpc", true), service("argo", "s", true)}, argocd.ServerOptions{}, "argo/s http"},
		{"only https", "both ports lead to the same one of the Pod", []corev1.Service{service("argocd", "argocd-server", false, corev1.ServicePort{Name: "https", Port: 443}, corev1.ServicePort{Name: "other", Port: 80})}, argocd.ServerOptions{}, "argocd/argocd-server https"},
		{"no names", "the number stands for the name", []corev1.Service{service("argocd", "argocd-server", false, corev1.ServicePort{Port: 9}, corev1.ServicePort{Port: 443})}, argocd.ServerOptions{}, "argocd/argocd-server 443"},
		{"port 80", "plain before TLS", []corev1.Service{service("argocd", "argocd-server", false, corev1.ServicePort{Port: 443}, corev1.ServicePort{Port: 80})}, argocd.ServerOptions{}, "argocd/argocd-server 80"},
		{"no TCP", "UDP cannot be forwarded", []corev1.Service{service("argocd", "argocd-server", false, corev1.ServicePort{Name: "http", Port: 80, Protocol: corev1.ProtocolUDP}, corev1.ServicePort{Name: "x", Port: 81, Protocol: corev1.ProtocolTCP})}, argocd.ServerOptions{}, "argocd/argocd-server x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := &clusterAPI{services: c.services}
			got, err := argocd.FindServer(t.Context(), api.client(t), c.options)
			if err != nil {
				t.Fatalf("%s: %v", c.reason, err)
			}
			if text := got.Namespace + "/" + got.Name + " " + got.Port; text != c.want {
				t.Errorf("%s: got %s, want %s", c.reason, text, c.want)
			}
		})
	}
}

func TestFindServerAsksOnce(t *testing.T) {
	api := &clusterAPI{services: []corev1.Service{service("argocd", "argocd-server", true)}}
	if _, err := argocd.FindServer(t.Context(), api.client(t), argocd.ServerOptions{}); err != nil || len(api.asked) != 1 {
		t.Errorf("%v, asked %v", err, api.asked)
	}
}

func TestFindServerFails(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		api          *clusterAPI
		options      argocd.ServerOptions
		want, hint   string
		usage        bool
	}{
		{"nothing", "the cluster has no Argo CD", &clusterAPI{}, argocd.ServerOptions{}, "Argo CD is not installed in this cluster: no Service argocd/argocd-server, and none in any namespace with the label app.kubernetes.io/name=argocd-server", "is this the right cluster?", false},
		{"namespace", "nothing else is looked at", &clusterAPI{services: []corev1.Service{service("argocd", "argocd-server", true)}}, argocd.ServerOptions{Namespace: "cd"}, "Argo CD is not installed in namespace cd: no Service argocd-server, and none with the label app.kubernetes.io/name=argocd-server", "argocd.namespace", false},
		{"name", "a name that is given is no guess", &clusterAPI{services: []corev1.Service{service("argocd", "argocd-server", true)}}, argocd.ServerOptions{Name: "mine"}, "Argo CD: no Service argocd/mine", "argocd.name", false},
		{"several", "to choose is for people", &clusterAPI{services: []corev1.Service{service("b", "argocd-server", true), service("a", "cd", true)}}, argocd.ServerOptions{}, "Argo CD: there are several in this cluster: a/cd, b/argocd-server", "argocd: {namespace: a, name: cd}", true},
		{"may not get", "the rule is named", &clusterAPI{forbidden: "get services"}, argocd.ServerOptions{}, "Service argocd/argocd-server: not allowed to get services in namespace argocd", `resources ["services"], verbs ["get"], in namespace argocd`, false},
		{"may not list", "that it may be elsewhere is said", &clusterAPI{forbidden: "list services"}, argocd.ServerOptions{}, "Argo CD: no Service argocd/argocd-server, and it is not allowed to list services in any namespace", "argocd.namespace", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := argocd.FindServer(t.Context(), c.api.client(t), c.options)
			says(t, c.reason, err, c.want, c.hint, c.usage)
		})
	}
}

// says compares an error's text, a part of its hint, and what it exits with.
func says(t *testing.T, reason string, err error, want, hint string, usage bool) {
	t.Helper()
	var h interface{ Hint() string }
	var reach interface{ Unavailable() bool }
	var use interface{ Usage() bool }
	if err == nil || err.Error() != want {
		t.Errorf("%s: got  %v\nwant %s", reason, err, want)
		return
	}
	if !errors.As(err, &h) || !strings.Contains(h.Hint(), hint) {
		t.Errorf("%s: the hint has no %q: %v", reason, hint, h)
	}
	if errors.As(err, &use) != usage || errors.As(err, &reach) == usage {
		t.Errorf("%s: usage %v, want %v", reason, use, usage)
	}
}

func TestFindServerUnreachable(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	_, err := argocd.FindServer(t.Context(), coreClient(t, gone.URL), argocd.ServerOptions{})
	var access *argocd.ServerAccessError
	if !errors.As(err, &access) || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), gone.URL) || !access.Unavailable() {
		t.Errorf("got %v", err)
	}
}

func TestAdminPassword(t *testing.T) {
	const value = "canary-password"
	for _, c := range []struct {
		name, reason string
		data         map[string][]byte
		forbidden    string
		want, hint   string
	}{
		{"there", "as Argo CD made it", map[string][]byte{"password": []byte(value)}, "", "", ""},
		{"rotated", "people are told to remove the Secret", nil, "", "Secret argocd/argocd-initial-admin-secret: it is not there: the password of admin has been changed since Argo CD was installed", "ARGOCD_AUTH_TOKEN"},
		{"empty", "no password is none", map[string][]byte{"password": nil}, "", "Secret argocd/argocd-initial-admin-secret: it has no password", "ARGOCD_AUTH_TOKEN"},
		{"forbidden", "the rule names the one Secret", map[string][]byte{"password": []byte(value)}, "get secrets", "Secret argocd/argocd-initial-admin-secret: not allowed to get secrets in namespace argocd", `resourceNames ["argocd-initial-admin-secret"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := &clusterAPI{services: []corev1.Service{service("argocd", "argocd-server", false)}, secrets: map[string]map[string][]byte{}, forbidden: c.forbidden}
			if c.data != nil {
				api.secrets["argocd/argocd-initial-admin-secret"] = c.data
			}
			server := findServer(t, api)
			got, err := server.AdminPassword(t.Context())
			if c.want != "" {
				says(t, c.reason, err, c.want, c.hint, false)
			} else if err != nil || got != value {
				t.Errorf("%s: %q, %v", c.reason, got, err)
			}
		})
	}
}

func findServer(t *testing.T, api *clusterAPI) *argocd.Server {
	t.Helper()
	server, err := argocd.FindServer(t.Context(), api.client(t), argocd.ServerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// backend is argocd-server as far as its port shows: TLS, or plaintext.
type backend struct {
	listener net.Listener

	mu    sync.Mutex
	cert  *tls.Certificate // nil: plaintext
	plain http.HandlerFunc // answers plaintext
	dials int
	first []byte // first bytes of each connection
}

// newBackend starts one; without a certificate, it runs with `--insecure`.
func newBackend(t *testing.T, cert *tls.Certificate, plain http.HandlerFunc) *backend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{listener: l, cert: cert, plain: plain}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return b
}

func (b *backend) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	first, err := r.Peek(1)
	if err != nil {
		return
	}
	b.mu.Lock()
	b.first = append(b.first, first[0])
	cert := b.cert
	b.mu.Unlock()
	if first[0] != 0x16 { // not a TLS handshake
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		b.plain(w, req)
		_ = w.Result().Write(conn)
		return
	}
	if cert == nil {
		return
	}
	server := tls.Server(&peeked{conn, r}, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert, nil }})
	if server.Handshake() == nil {
		_, _ = io.Copy(server, server)
	}
}

type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

func (b *backend) dial(ctx context.Context) (net.Conn, error) {
	b.mu.Lock()
	b.dials++
	b.mu.Unlock()
	var d net.Dialer
	return d.DialContext(ctx, "tcp", b.listener.Addr().String())
}

// redirects is what argocd-server does with plaintext in TLS mode.
func redirects(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://"+r.Host+r.URL.Path, http.StatusTemporaryRedirect)
}

// pair is a certificate of its own, or one that the authority has signed.
func pair(t *testing.T, change func(*x509.Certificate), authority *tls.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "argocd"}, DNSNames: []string{"localhost", "argocd-server"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
	}
	if change != nil {
		change(template)
	}
	parent, signer, chain := template, any(key), [][]byte(nil)
	if authority != nil {
		if parent, err = x509.ParseCertificate(authority.Certificate[0]); err != nil {
			t.Fatal(err)
		}
		signer, chain = authority.PrivateKey, authority.Certificate
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: append([][]byte{der}, chain...), PrivateKey: key}
}

func certificates(c *tls.Certificate) []byte {
	var out []byte
	for _, der := range c.Certificate {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}

func TestTransportModes(t *testing.T) {
	answers := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
	}
	own := pair(t, nil, nil)
	for _, c := range []struct {
		name, reason string
		plain        http.HandlerFunc
		secure       bool
		want         string
	}{
		{"insecure", "it answers in plaintext", answers(200), false, ""},
		{"ill", "its health is another matter", answers(503), false, ""},
		{"TLS", "it sends to https", redirects, true, ""},
		{"other redirect", "not to https", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/login", http.StatusTemporaryRedirect)
		}, false, `argocd-server argocd/argocd-server: GET /healthz: "307 Temporary Redirect" is not how Argo CD answers`},
		{"other server", "it is none of Argo CD", answers(404), false, `argocd-server argocd/argocd-server: GET /healthz: "404 Not Found" is not how Argo CD answers`},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := &clusterAPI{
				services: []corev1.Service{service("argocd", "argocd-server", false)},
				secrets:  map[string]map[string][]byte{"argocd/argocd-secret": {"tls.crt": certificates(own)}},
			}
			b := newBackend(t, own, c.plain)
			got, err := findServer(t, api).Transport(t.Context(), b.dial)
			if c.want != "" {
				says(t, c.reason, err, c.want, "does the Service lead to argocd-server?", false)
				return
			}
			if err != nil || (got.TLS != nil) != c.secure || got.Address != "argocd-server.argocd.tunnel:443" {
				t.Errorf("%s: %+v, %v", c.reason, got, err)
			}
			if string(b.first) != "G" {
				t.Errorf("the first connections began with %q: plaintext alone may be asked", b.first)
			}
			if !c.secure && strings.Contains(fmt.Sprint(api.asked), "secrets") {
				t.Errorf("a Secret was read for nothing: %v", api.asked)
			}
		})
	}
}

func TestTransportUnreachable(t *testing.T) {
	api := &clusterAPI{services: []corev1.Service{service("argocd", "argocd-server", false)}}
	cause := errors.New("no way in")
	_, err := findServer(t, api).Transport(t.Context(), func(context.Context) (net.Conn, error) { return nil, cause })
	if !errors.Is(err, cause) {
		t.Errorf("the cause is lost: %v", err)
	}
	says(t, "the dialer's own words", err, "argocd-server argocd/argocd-server: GET /healthz: no way in", "kubectl -n argocd get pods", false)
}

// TestPin shakes hands with a server that shows one certificate while the
// cluster holds another, or the same.
func TestPin(t *testing.T) {
	authority := pair(t, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	}, nil)
	own, other, signed := pair(t, nil, nil), pair(t, nil, nil), pair(t, func(c *x509.Certificate) { c.DNSNames = []string{"argocd.example.com"} }, authority)
	expired := pair(t, func(c *x509.Certificate) { c.NotAfter = time.Unix(1, 0) }, nil)
	nameless := pair(t, func(c *x509.Certificate) { c.DNSNames = nil }, nil)
	for _, c := range []struct {
		name, reason  string
		shown         *tls.Certificate
		external, own []byte
		sni, want     string
	}{
		{"own", "as argocd-server made it", own, nil, certificates(own), "localhost", ""},
		{"external", "it goes before the server's own", signed, certificates(signed), certificates(own), "argocd.example.com", ""},
		{"expired", "upstream does not renew its own", expired, nil, certificates(expired), "localhost", ""},
		{"no names", "the pin says more than a name", nameless, nil, certificates(nameless), "localhost", ""},
		{"another", "somebody else answers", other, nil, certificates(own), "localhost", "it shows the certificate SHA256:"},
		{"same authority", "who signed it says nothing", pair(t, nil, authority), certificates(signed), nil, "argocd.example.com", "but Secret argocd/argocd-server-tls holds SHA256:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := &clusterAPI{services: []corev1.Service{service("argocd", "argocd-server", false)}, secrets: map[string]map[string][]byte{}}
			if c.own != nil {
				api.secrets["argocd/argocd-secret"] = map[string][]byte{"tls.crt": c.own}
			}
			if c.external != nil {
				api.secrets["argocd/argocd-server-tls"] = map[string][]byte{"tls.crt": c.external}
			}
			got, err := findServer(t, api).Transport(t.Context(), newBackend(t, c.shown, redirects).dial)
			if err != nil {
				t.Fatal(err)
			}
			if got.TLS.ServerName != c.sni {
				t.Errorf("%s: asks for %q, want %q", c.reason, got.TLS.ServerName, c.sni)
			}
			err = handshake(t, got)
			var wrong *argocd.CertificateError
			switch {
			case c.want == "" && err != nil:
				t.Errorf("%s: %v", c.reason, err)
			case c.want != "" && (!errors.As(err, &wrong) || !strings.Contains(wrong.Error(), c.want) || !strings.Contains(wrong.Hint(), "who answers in its place") || !wrong.Unavailable()):
				t.Errorf("%s: got %v, want %q", c.reason, err, c.want)
			}
		})
	}
}

func handshake(t *testing.T, tr argocd.Transport) error {
	t.Helper()
	conn, err := tr.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return tls.Client(conn, tr.TLS).HandshakeContext(t.Context())
}

// TestPinIsRenewed changes the certificate under a transport: cert-manager does
// so, and the server takes it without a restart.
func TestPinIsRenewed(t *testing.T) {
	before, after := pair(t, nil, nil), pair(t, nil, nil)
	api := &clusterAPI{
		services: []corev1.Service{service("argocd", "argocd-server", false)},
		secrets:  map[string]map[string][]byte{"argocd/argocd-secret": {"tls.crt": certificates(before)}},
	}
	b := newBackend(t, before, redirects)
	tr, err := findServer(t, api).Transport(t.Context(), b.dial)
	if err != nil {
		t.Fatal(err)
	}
	if err := handshake(t, tr); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	b.cert = after
	b.mu.Unlock()
	var wrong *argocd.CertificateError
	if err := handshake(t, tr); !errors.As(err, &wrong) || wrong.Shown == wrong.Held || wrong.Held == "" {
		t.Errorf("the cluster holds the old one: %v", err)
	}
	api.with(func() { api.secrets["argocd/argocd-secret"]["tls.crt"] = certificates(after) })
	for range 2 {
		if err := handshake(t, tr); err != nil {
			t.Errorf("the cluster holds the new one: %v", err)
		}
	}
	api.with(func() { api.forbidden = "get secrets" })
	if err := handshake(t, tr); err != nil {
		t.Errorf("the new one has to be remembered: %v", err)
	}
}

func TestNoPin(t *testing.T) {
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("canary")})
	for _, c := range []struct {
		name, reason string
		data         map[string][]byte
		forbidden    string
		want, hint   string
	}{
		{"no Secret", "neither of the two", nil, "", "argocd-server argocd/argocd-server: certificate: Secret argocd/argocd-secret: there is no such Secret", "TLS mode"},
		{"no certificate", "the server runs with --insecure at other times", map[string][]byte{}, "", "argocd-server argocd/argocd-server: certificate: Secret argocd/argocd-secret: tls.crt: no certificate in it", "TLS mode"},
		{"not PEM", "what is in there is not told", map[string][]byte{"tls.crt": []byte("canary")}, "", "argocd-server argocd/argocd-server: certificate: Secret argocd/argocd-secret: tls.crt: not PEM", "tls.crt and tls.key"},
		{"a key", "in the wrong place", map[string][]byte{"tls.crt": key}, "", "argocd-server argocd/argocd-server: certificate: Secret argocd/argocd-secret: tls.crt: no certificate in it", "tls.crt and tls.key"},
		{"forbidden", "the rule names the Secret", nil, "get secrets", "Secret argocd/argocd-server-tls: not allowed to get secrets in namespace argocd", `resourceNames ["argocd-server-tls"]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := &clusterAPI{services: []corev1.Service{service("argocd", "argocd-server", false)}, secrets: map[string]map[string][]byte{}, forbidden: c.forbidden}
			if c.data != nil {
				api.secrets["argocd/argocd-secret"] = c.data
			}
			_, err := findServer(t, api).Transport(t.Context(), newBackend(t, pair(t, nil, nil), redirects).dial)
			says(t, c.reason, err, c.want, c.hint, false)
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Error("the content of a Secret is told")
			}
		})
	}
}
