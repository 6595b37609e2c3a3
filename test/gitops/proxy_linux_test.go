package gitops

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/pkg/tunnel"
)

// fault is what is wrong with the way to argocd-server. The zero value is a good way.
type fault struct {
	latency time.Duration // of each direction
	life    time.Duration // after which each connection is cut; 0: never
}

// proxy is an address of argocd-server with a fault.
type proxy struct {
	fault
	tunnel *tunnel.Tunnel
	cuts   atomic.Int64
}

// throughProxy has commands reach Argo CD by address, through a proxy with the fault,
// and with a token.
func (w *world) throughProxy(f fault) *proxy {
	w.Helper()
	t, err := tunnel.Open(w.Context(), tunnel.Options{
		Config: w.cluster.Config, Core: w.cluster.Core, Namespace: sandbox.ArgoCDNamespace, Service: sandbox.ArgoCDServer, Port: "https",
	})
	if err != nil {
		w.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	p := &proxy{fault: f, tunnel: t}
	var running sync.WaitGroup
	running.Go(func() { p.serve(w.Context(), l, &running) })
	w.Cleanup(func() {
		l.Close()
		t.Close()
		running.Wait()
	})
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		w.Fatal(err)
	}
	w.env = []string{
		"ARGOCD_SERVER=localhost:" + port, // the certificate has that name
		"ARGOCD_OPTS=--server-crt " + w.serverCertificate(),
		"ARGOCD_AUTH_TOKEN=" + w.token("admin", time.Now().Add(time.Hour)),
	}
	return p
}

// serverCertificate is a file with the one that argocd-server has made for itself.
func (w *world) serverCertificate() string {
	w.Helper()
	secret, err := w.client.CoreV1().Secrets(sandbox.ArgoCDNamespace).Get(w.Context(), "argocd-secret", metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	path := filepath.Join(w.TempDir(), "argocd.pem")
	if err := os.WriteFile(path, secret.Data["tls.crt"], 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

func (p *proxy) serve(ctx context.Context, l net.Listener, running *sync.WaitGroup) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		running.Go(func() { p.connect(ctx, client) })
	}
}

func (p *proxy) connect(ctx context.Context, client net.Conn) {
	defer client.Close()
	server, err := p.tunnel.DialContext(ctx, "", "")
	if err != nil {
		return
	}
	defer server.Close()
	if p.life > 0 {
		cut := time.AfterFunc(p.life, func() {
			p.cuts.Add(1)
			client.Close()
			server.Close()
		})
		defer cut.Stop()
	}
	var both sync.WaitGroup
	both.Go(func() { p.pass(server, client) })
	both.Go(func() { p.pass(client, server) })
	both.Wait()
}

// pass copies one direction, each piece as late as the latency says.
func (p *proxy) pass(to, from net.Conn) {
	type piece struct {
		data []byte
		due  time.Time
	}
	pieces := make(chan piece, 64)
	var writer sync.WaitGroup
	writer.Go(func() {
		defer to.Close()
		for c := range pieces {
			time.Sleep(time.Until(c.due)) // this is the fault
			if _, err := to.Write(c.data); err != nil {
				from.Close()
			}
		}
	})
	for {
		data := make([]byte, 32<<10)
		n, err := from.Read(data)
		if n > 0 {
			pieces <- piece{data[:n], time.Now().Add(p.latency)}
		}
		if err != nil {
			break
		}
	}
	close(pieces)
	writer.Wait()
}
