package pipelines

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/internal/worldtest"
	"github.com/sealway/sealway/pkg/tunnel"
)

// server is Argo CD's as a pipeline reaches it: by an address, with nothing of the
// cluster's.
type server struct {
	testing.TB
	address     string
	certificate string // file
	client      *http.Client
	argocd      string // its CLI
}

// newServer forwards connections to argocd-server for the test.
func newServer(t testing.TB) *server {
	t.Helper()
	way, err := tunnel.Open(t.Context(), tunnel.Options{
		Config: place.Cluster.Config, Core: place.Cluster.Core, Namespace: sandbox.ArgoCDNamespace, Service: sandbox.ArgoCDServer, Port: "https",
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { forward(t.Context(), way, from) })
		}
	})
	s := &server{TB: t, certificate: filepath.Join(t.TempDir(), "argocd.pem")}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		l.Close()
		way.Close()
		running.Wait()
	})
	secret, err := place.Client.CoreV1().Secrets(sandbox.ArgoCDNamespace).Get(t.Context(), "argocd-secret", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.certificate, secret.Data["tls.crt"], 0o600); err != nil {
		t.Fatal(err)
	}
	programs, err := sandbox.Build(t.Context(), sandbox.Options{}, sandbox.ArgoCD) // which the sandbox has done
	if err != nil {
		t.Fatal(err)
	}
	s.argocd = programs["argocd"]
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s.address = "localhost:" + port // the certificate has that name
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(secret.Data["tls.crt"])
	s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	return s
}

func forward(ctx context.Context, way *tunnel.Tunnel, from net.Conn) {
	defer from.Close()
	to, err := way.DialContext(ctx, "", "")
	if err != nil {
		return
	}
	defer to.Close()
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(to, from); to.Close() })
	both.Go(func() { _, _ = io.Copy(from, to); from.Close() })
	both.Wait()
}

// call is a request to the server's REST API.
func (s *server) call(path string, body, answer any) {
	s.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		s.Fatal(err)
	}
	request, err := http.NewRequestWithContext(s.Context(), http.MethodPost, "https://"+s.address+path, bytes.NewReader(data))
	if err != nil {
		s.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		s.Fatalf("%s: %s: %s, %v", path, response.Status, text, err)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		s.Fatal(err)
	}
}

// roleToken is a token of a project's role, made with the command of docs/ci.md, as soon
// as the server takes it: it hears of a change of the project a moment later.
func (s *server) roleToken(project, role string) string {
	s.Helper()
	token := strings.TrimSpace(s.documented("create-token", project, role))
	if len(strings.Fields(token)) != 1 {
		s.Fatal("that is no token")
	}
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !s.takes(ctx, token) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.Fatal("argocd-server does not take the token of the role")
		}
	}
	return token
}

// takes says whether the server accepts a token.
func (s *server) takes(ctx context.Context, token string) bool {
	s.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+s.address+"/api/v1/applications?fields=metadata", http.NoBody)
	if err != nil {
		s.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := s.client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// documented runs the line of docs/ci.md with a command of argocd's, for a project and a
// role, as somebody who may change the project.
func (s *server) documented(command, project, role string) string {
	s.Helper()
	secret, err := place.Client.CoreV1().Secrets(sandbox.ArgoCDNamespace).Get(s.Context(), "argocd-initial-admin-secret", metav1.GetOptions{})
	if err != nil {
		s.Fatal(err)
	}
	var session struct{ Token string }
	s.call("/api/v1/session", map[string]string{"username": "admin", "password": string(secret.Data["password"])}, &session)
	var args []string
	for line := range strings.Lines(documented(s)) {
		if text, is := strings.CutPrefix(line, "$ argocd "); is && strings.Contains(text, command) {
			args = strings.Fields(strings.NewReplacer("shop", project, "pipeline", role).Replace(text))
		}
	}
	cmd := exec.CommandContext(s.Context(), s.argocd, args...)
	cmd.Env = []string{"HOME=" + s.TempDir(), "ARGOCD_SERVER=" + s.address, "ARGOCD_AUTH_TOKEN=" + session.Token, "ARGOCD_OPTS=--server-crt '" + s.certificate + "'"}
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil || len(args) == 0 {
		s.Fatalf("argocd %v: %v\n%s", args, err, problem.String())
	}
	return string(out)
}

// create makes an object of Argo CD's for the test.
func (r *repository) create(plural, text string) {
	r.Helper()
	o := &unstructured.Unstructured{}
	if err := sigsyaml.Unmarshal([]byte(text), &o.Object); err != nil {
		r.Fatal(err)
	}
	objects := place.Objects.Resource(worldtest.ArgoResource(plural)).Namespace(sandbox.ArgoCDNamespace)
	if _, err := objects.Create(r.Context(), o, metav1.CreateOptions{}); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		if err := objects.Delete(context.Background(), o.GetName(), metav1.DeleteOptions{}); err != nil {
			r.Error(err)
		}
	})
}
