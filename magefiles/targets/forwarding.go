package targets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/internal/front"
	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/tunnel"
)

// argocdServer finds argocd-server and tells which cluster it is in.
func (s *session) argocdServer(ctx context.Context) (*kube.Cluster, *argocd.Server, error) {
	k, err := s.cluster()
	if err != nil {
		return nil, nil, err
	}
	s.report.Fact("cluster", k.String())
	server, err := argocd.FindServer(ctx, k.Core, argocd.ServerOptions{Namespace: s.config.ArgoCD.Namespace, Name: s.config.ArgoCD.Name})
	return k, server, err
}

// adminPassword is gitops:portForward -password.
func (s *session) adminPassword(ctx context.Context) error {
	if s.config.JSON {
		return &console.Usage{Problem: "gitops:portForward: -password prints the password alone, and not as JSON"}
	}
	_, server, err := s.argocdServer(ctx)
	if err != nil {
		return err
	}
	password, err := server.AdminPassword(ctx)
	if err != nil {
		return err
	}
	return s.console.Answer(password)
}

const defaultPort = 8080

// portForward is gitops:portForward: take the port, find the server, connect, and
// serve until somebody ends it, which is its good end.
func (s *session) portForward(ctx context.Context, given *int) error {
	port := defaultPort
	if given != nil {
		port = *given
	}
	if port < 0 || port > 65535 {
		return &console.Usage{Problem: fmt.Sprintf("gitops:portForward: %d is no port", port), Advice: "1 to 65535, or 0 for a free one"}
	}
	l, err := tunnel.Listen(ctx, address(port))
	var taken *tunnel.PortTakenError
	if errors.As(err, &taken) {
		return &console.Advised{Err: taken, Advice: taken.Hint() + ": `mage gitops:portForward -port=0`"}
	}
	if err != nil {
		return err
	}
	defer l.Close()
	k, server, err := s.argocdServer(ctx)
	if err != nil {
		return err
	}
	o := tunnel.Options{
		Config: k.Config, Core: k.Core,
		Namespace: server.Namespace, Service: server.Name, Port: server.Port,
		Silence: 2 * time.Second, // somebody looks at a page that does not load
		Events:  func(e tunnel.Event) { s.happened(e.String()) },
	}
	collectLess()
	return tunnel.With(ctx, o, func(ctx context.Context, t *tunnel.Tunnel) error {
		transport, err := server.Transport(ctx, t.Dial)
		if err != nil {
			return err
		}
		if err := s.announceForward(ctx, l, server, transport.TLS != nil); err != nil {
			return err
		}
		defer s.console.Note("ended")
		if transport.TLS == nil {
			return t.Serve(ctx, front.Guard(l))
		}
		return s.serveFront(ctx, l, transport)
	})
}

// collectLess has the garbage collector run a quarter as often: what passes through
// is garbage at once, and looking over this program's own data takes a tenth of the
// time of a download.
func collectLess() {
	if _, chosen := os.LookupEnv("GOGC"); !chosen {
		debug.SetGCPercent(400)
	}
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// happened tells one event, with the time: the command runs for hours.
func (s *session) happened(what string) {
	s.console.Note("%s %s", time.Now().Format(time.TimeOnly), what)
}

// announceForward prints the address, and how to log in there.
func (s *session) announceForward(ctx context.Context, l net.Listener, server *argocd.Server, secure bool) error {
	port := l.Addr().(*net.TCPAddr).Port
	url := fmt.Sprintf("http://localhost:%d", port)
	if other := sixTaken(ctx, port); other != nil {
		url = "http://" + address(port)
		s.report.Warnings = append(s.report.Warnings, other.Error()+": your browser may take it for localhost, so use the address below")
	}
	mode := map[bool]string{true: "tls", false: "insecure"}[secure]
	for key, value := range map[string]string{"url": url, "namespace": server.Namespace, "service": server.Name, "mode": mode} {
		s.report.Fact(key, value)
	}
	s.report.Summary = url
	s.console.Note("%s of %s, until Ctrl-C", server, s.report.Facts["cluster"])
	s.console.Note("log in as admin; `mage gitops:portForward -password` prints the password that Argo CD was installed with")
	return s.console.Report(s.report)
}

// sixTaken says who holds the port on the other loopback address, which is what
// some browsers try first for localhost.
func sixTaken(ctx context.Context, port int) *tunnel.PortTakenError {
	l, err := tunnel.Listen(ctx, net.JoinHostPort("::1", strconv.Itoa(port)))
	if err == nil {
		l.Close()
	}
	var taken *tunnel.PortTakenError
	errors.As(err, &taken)
	return taken
}

// serveFront serves the browser's plain HTTP before a server in TLS mode.
func (s *session) serveFront(ctx context.Context, l net.Listener, t argocd.Transport) error {
	trouble := s.troubles()
	f := front.New(front.Options{Dial: t.Dial, TLS: t.TLS, Trouble: trouble})
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		if err := f.Warm(ctx); err != nil && ctx.Err() == nil {
			trouble(err)
		}
	})
	return f.Serve(ctx, l)
}

// troubles tells why requests fail, each reason once in a row. What happens to
// the tunnel is told by its events.
func (s *session) troubles() func(error) {
	var mu sync.Mutex
	last := ""
	return func(err error) {
		var cut *tunnel.ConnError
		var waited *tunnel.WaitError
		if errors.As(err, &cut) || errors.As(err, &waited) || errors.Is(err, tunnel.ErrClosed) {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if text := err.Error(); text != last {
			last = text
			s.happened((&console.Failure{Err: err}).Error())
		}
	}
}
