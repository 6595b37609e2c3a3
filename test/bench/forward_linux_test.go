package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/internal/standin"
)

// forwarding is a sandbox in which a server of this process stands for argocd-server.
type forwarding struct {
	up      *sandbox.Sandbox
	kubectl string
	dir     string // a repository whose settings name the server
	server  *standin.Server
	objects *standin.Installed
	pods    int // the number of the Pod
}

const standinNamespace = "standin"

func newForwarding(b *testing.B, o standin.Options) *forwarding {
	b.Helper()
	options := sandbox.Options{Dir: filepath.Join(b.TempDir(), "sandbox"), ArgoCD: sandbox.NoArgoCD}
	up, err := sandbox.Up(b.Context(), options)
	b.Cleanup(func() {
		if err := sandbox.Down(context.WithoutCancel(b.Context()), options); err != nil {
			b.Error(err)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	bin, err := sandbox.Build(b.Context(), options, sandbox.Kubectl)
	if err != nil {
		b.Fatal(err)
	}
	cluster, err := kube.LoadFile(up.Kubeconfig)
	if err != nil {
		b.Fatal(err)
	}
	f := &forwarding{pods: 1, up: up, kubectl: bin["kubectl"], dir: standin.Repository(b, "argocd: {namespace: "+standinNamespace+"}\n")}
	o.Handler = http.HandlerFunc(answer)
	if f.server, err = standin.Start(o); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(f.server.Stop)
	if f.objects, err = standin.Install(b.Context(), cluster, f.server, standinNamespace); err != nil {
		b.Fatal(err)
	}
	return f
}

// answer sends as many bytes as it is asked for.
func answer(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.ParseInt(r.URL.Query().Get("bytes"), 10, 64)
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	for chunk := make([]byte, 64<<10); n > 0; n -= int64(len(chunk)) { // 64 KiB
		if _, err := w.Write(chunk[:min(n, int64(len(chunk)))]); err != nil {
			return
		}
	}
}

// ours starts gitops:portForward and returns its URL.
func (f *forwarding) ours(b *testing.B) (*standin.Forward, string) {
	b.Helper()
	p := standin.StartForward(b, standin.Command(b, f.dir, f.up.Kubeconfig, "gitops:portForward", "-port=0"))
	return p, p.Answer()
}

var forwardedPort = regexp.MustCompile(`127\.0\.0\.1:(\d+) ->`)

// kubectls starts kubectl port-forward and returns its URL.
func (f *forwarding) kubectls(b *testing.B) (*standin.Forward, string) {
	b.Helper()
	cmd := exec.Command(f.kubectl, "--kubeconfig", f.up.Kubeconfig, "--namespace", standinNamespace, "port-forward", "service/"+standin.Service, ":80")
	p := standin.StartForward(b, cmd)
	m := forwardedPort.FindStringSubmatch(p.Answer())
	if m == nil {
		b.Fatal("kubectl says no port")
	}
	return p, "http://127.0.0.1:" + m[1]
}

// end ends a port-forward, however it takes that.
func end(p *standin.Forward) { p.End(syscall.SIGTERM) }

// get fetches n bytes over a connection of its own.
func get(url string, n int64) error {
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := client.Get(url + "/?bytes=" + strconv.FormatInt(n, 10))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (got != n || resp.StatusCode != http.StatusOK) {
		err = fmt.Errorf("%s, %d bytes of %d", resp.Status, got, n)
	}
	return err
}

func seconds(b *testing.B, do func() error) float64 {
	b.Helper()
	begin := time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin).Seconds()
}

const gigabyte = 1 << 30

// BenchmarkForwardThroughput reports the medians of fetching 1 GB through
// gitops:portForward and through kubectl port-forward, one after the other, and the
// processor time that each of the two processes takes for it. In TLS mode, ours
// decrypts, and the client does so behind kubectl's.
func BenchmarkForwardThroughput(b *testing.B) {
	for name, secure := range map[string]bool{"plaintext": false, "tls": true} {
		b.Run(name, func(b *testing.B) {
			f := newForwarding(b, standin.Options{TLS: secure})
			var ours, kubectls, work, kubectlWork []float64
			for b.Loop() {
				p, url := f.ours(b)
				ours = append(ours, seconds(b, func() error { return get(url, gigabyte) }))
				end(p)
				work = append(work, p.CPU().Seconds())
				p, url = f.kubectls(b)
				if secure { // the browser decrypts, and believes any certificate
					url = strings.Replace(url, "http:", "https:", 1)
				}
				kubectls = append(kubectls, seconds(b, func() error { return get(url, gigabyte) }))
				end(p)
				kubectlWork = append(kubectlWork, p.CPU().Seconds())
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(work), "cpu-s")
			b.ReportMetric(median(kubectlWork), "kubectl-cpu-s")
			b.ReportMetric(1024/median(ours), "MiB/s")
			b.ReportMetric(1024/median(kubectls), "kubectl-MiB/s")
			b.ReportMetric(median(ratios(kubectls, ours)), "ratio")
		})
	}
}

// BenchmarkForwardConnections makes 200 connections at once and counts errors.
func BenchmarkForwardConnections(b *testing.B) {
	f := newForwarding(b, standin.Options{})
	const connections = 200
	var ours, kubectls []float64
	var lost, kubectlLost atomic.Int64
	burst := func(url string, lost *atomic.Int64) func() error {
		return func() error {
			var wg sync.WaitGroup
			for range connections {
				wg.Go(func() {
					if err := get(url, 100_000); err != nil {
						lost.Add(1)
						b.Log(err)
					}
				})
			}
			wg.Wait()
			return nil
		}
	}
	for b.Loop() {
		p, url := f.ours(b)
		ours = append(ours, seconds(b, burst(url, &lost)))
		end(p)
		p, url = f.kubectls(b)
		kubectls = append(kubectls, seconds(b, burst(url, &kubectlLost)))
		end(p)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(lost.Load()), "errors")
	b.ReportMetric(float64(kubectlLost.Load()), "kubectl-errors")
	b.ReportMetric(median(ours)*1000, "ms")
	b.ReportMetric(median(kubectls)*1000, "kubectl-ms")
}

// BenchmarkForwardStart reports how long it takes from the start of the process to
// the first byte through it.
func BenchmarkForwardStart(b *testing.B) {
	for name, secure := range map[string]bool{"plaintext": false, "tls": true} {
		b.Run(name, func(b *testing.B) {
			f := newForwarding(b, standin.Options{TLS: secure})
			var ours, kubectls []float64
			for b.Loop() {
				var p *standin.Forward
				ours = append(ours, seconds(b, func() error {
					var url string
					p, url = f.ours(b)
					return get(url, 1)
				}))
				end(p)
				if secure {
					continue
				}
				kubectls = append(kubectls, seconds(b, func() error {
					var url string
					p, url = f.kubectls(b)
					return get(url, 1)
				}))
				end(p)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(ours)*1000, "ms")
			if !secure {
				b.ReportMetric(median(kubectls)*1000, "kubectl-ms")
			}
		})
	}
}

// BenchmarkForwardRestarts restarts the server ten times under one request in 20 ms:
// in place, as a container is, and with another Pod. A request that is on its way
// when the server is killed dies with it; all others can be held. It reports the
// most that were lost, and the longest that it took until an answer came once the
// server, or the Pod, was ready.
func BenchmarkForwardRestarts(b *testing.B) {
	for _, c := range []struct {
		name        string
		secure, pod bool
	}{{"plaintext", false, false}, {"tls", true, false}, {"pod", true, true}} {
		b.Run(c.name, func(b *testing.B) {
			f := newForwarding(b, standin.Options{TLS: c.secure})
			var asked, lost, back []float64
			var survived []float64
			for b.Loop() {
				p, url := f.ours(b)
				restart := f.restart
				if c.pod {
					restart = f.replace
				}
				r := underRequests(b, url, restart)
				end(p)
				asked, lost, back = append(asked, r.asked), append(lost, r.lost), append(back, r.back)
				if !c.secure {
					p, url := f.kubectls(b)
					survived = append(survived, f.survived(b, p, url))
					end(p)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(asked), "requests")
			b.ReportMetric(slices.Max(lost), "lost")
			b.ReportMetric(slices.Max(back)*1000, "back-ms")
			if !c.secure {
				b.ReportMetric(median(survived), "kubectl-restarts")
			}
		})
	}
}

type outcome struct{ asked, lost, back float64 }

const (
	restarts = 10
	every    = 20 * time.Millisecond
	down     = 300 * time.Millisecond // as long as a process needs to come back
)

// restart stops the server and starts it again.
func (f *forwarding) restart(b *testing.B) {
	b.Helper()
	f.server.Stop()
	time.Sleep(down)
	if err := f.server.Start(); err != nil {
		b.Fatal(err)
	}
}

// replace takes the Pod away and makes another.
func (f *forwarding) replace(b *testing.B) {
	b.Helper()
	pod := func() string { return fmt.Sprintf("%s-%d", standin.Service, f.pods) }
	err := f.objects.RemovePod(b.Context(), pod())
	f.pods++
	if err := errors.Join(err, f.objects.AddPod(b.Context(), pod())); err != nil {
		b.Fatal(err)
	}
}

// underRequests asks over a connection for each request, as somebody does who
// clicks, while the server goes and comes.
func underRequests(b *testing.B, url string, restart func(*testing.B)) outcome {
	b.Helper()
	var asked, lost atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			wg.Go(func() {
				asked.Add(1)
				if err := get(url, 1000); err != nil {
					lost.Add(1)
					b.Log(err)
				}
			})
		}
	})
	var back float64
	for range restarts {
		restart(b)
		back = max(back, seconds(b, func() error { return get(url, 1) }))
		time.Sleep(down)
	}
	close(stop)
	wg.Wait()
	return outcome{float64(asked.Load()), float64(lost.Load()), back}
}

// survived counts the restarts that a port-forward lives through.
func (f *forwarding) survived(b *testing.B, p *standin.Forward, url string) float64 {
	b.Helper()
	for n := range restarts {
		f.server.Stop()
		_ = get(url, 1) // what it dies of
		if err := f.server.Start(); err != nil {
			b.Fatal(err)
		}
		if err := get(url, 1); err != nil || !p.Running() {
			return float64(n)
		}
	}
	return restarts
}
