// Package tunnel plays the tunnel on the sandbox: a real API server, a real
// server behind a Pod, and what can go wrong between them.
package tunnel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/pkg/controller"
	"github.com/sealway/sealway/pkg/tunnel"
)

const namespace, service = "kube-system", "sealed-secrets-controller"

// platform is the sandbox that all stories share.
var platform struct {
	up      *sandbox.Sandbox
	cluster *kube.Cluster
	cert    []byte // what the Service has to answer
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "sealway-tunnel-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	o := sandbox.Options{Dir: filepath.Join(dir, "sandbox")}
	defer func() {
		if err := sandbox.Down(context.WithoutCancel(ctx), o); err != nil {
			code = fail(err)
		}
	}()
	if platform.up, err = sandbox.Up(ctx, o); err != nil {
		return fail(err)
	}
	if platform.cluster, err = kube.LoadFile(platform.up.Kubeconfig); err != nil {
		return fail(err)
	}
	c, err := controller.Find(ctx, platform.cluster.Core, controller.Options{Namespace: namespace})
	if err != nil {
		return fail(err)
	}
	if platform.cert, _, err = c.Certificate(ctx); err != nil {
		return fail(err)
	}
	return m.Run()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// world is an open tunnel with a port.
type world struct {
	t       *testing.T
	tunnel  *tunnel.Tunnel
	address string
	events  chan tunnel.Event
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, events: make(chan tunnel.Event, 10000)}
	var err error
	w.tunnel, err = tunnel.Open(t.Context(), tunnel.Options{
		Config: platform.cluster.Config, Core: platform.cluster.Core,
		Namespace: namespace, Service: service, Port: "http", Recheck: 100 * time.Millisecond,
		Events: func(e tunnel.Event) { t.Log(e); w.events <- e },
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := w.tunnel.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.address = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- l.Serve(t.Context()) }()
	t.Cleanup(func() {
		w.tunnel.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return w
}

// await returns the next event of the kind.
func (w *world) await(k tunnel.Kind) tunnel.Event {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	for {
		select {
		case e := <-w.events:
			if e.Kind == k {
				return e
			}
		case <-ctx.Done():
			w.t.Fatalf("no event %q within a minute", k)
		}
	}
}

// get fetches the certificate in process, and on the port.
func (w *world) get(inProcess bool) error {
	transport := &http.Transport{DisableKeepAlives: true}
	if inProcess {
		transport.DialContext = w.tunnel.DialContext
	}
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	resp, err := client.Get("http://" + w.address + "/v1/cert.pem")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if !bytes.Equal(body, platform.cert) {
		return fmt.Errorf("answer %d %q", resp.StatusCode, body)
	}
	return nil
}

func (w *world) works() {
	w.t.Helper()
	if err := errors.Join(w.get(true), w.get(false)); err != nil {
		w.t.Error(err)
	}
}

func TestBothWays(t *testing.T) { open(t).works() }

// TestServerRestarts asks every 20 ms while the server restarts. What is on its
// way when the server is killed is lost with it; everything else is held.
func TestServerRestarts(t *testing.T) {
	w := open(t)
	w.works()
	restarted := make(chan error, 1)
	go func() { restarted <- platform.up.RestartController(t.Context()) }()
	var wg sync.WaitGroup
	var asked, lost atomic.Int64
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for done := false; !done; {
		wg.Go(func() {
			asked.Add(1)
			if err := w.get(false); err != nil {
				lost.Add(1)
				t.Log(err)
			}
		})
		select {
		case <-tick.C:
		case err := <-restarted:
			if done = true; err != nil {
				t.Error(err)
			}
		}
	}
	w.works()
	wg.Wait()
	t.Logf("%d requests, %d lost", asked.Load(), lost.Load())
	if lost.Load() > 2 {
		t.Errorf("%d of %d requests are lost", lost.Load(), asked.Load())
	}
}

func TestPodIsReplaced(t *testing.T) {
	w := open(t)
	pod := w.await(tunnel.Connected).Pod
	err := platform.cluster.Core.Delete().Namespace(namespace).Resource("pods").Name(pod).Do(t.Context()).Error()
	if err != nil {
		t.Fatal(err)
	}
	if e := w.await(tunnel.Lost); e.Pod != pod {
		t.Errorf("lost %s, want %s", e.Pod, pod)
	}
	if e := w.await(tunnel.Restored); e.Pod == pod {
		t.Errorf("restored through %s, which was deleted", e.Pod)
	}
	w.works()
}

// TestConnectionsAreCut restarts what the tunnel goes through.
func TestConnectionsAreCut(t *testing.T) {
	for _, server := range []string{"kwok", "kube-apiserver"} {
		t.Run(server, func(t *testing.T) {
			w := open(t)
			w.works()
			if err := platform.up.Restart(t.Context(), server); err != nil {
				t.Fatal(err)
			}
			w.await(tunnel.Lost)
			w.await(tunnel.Restored)
			w.works()
		})
	}
}
