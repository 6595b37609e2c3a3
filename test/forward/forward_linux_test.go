// Package forward plays gitops:portForward on the sandbox: the compiled binary
// before the real Argo CD in both of its modes, and before a server that stands
// for it where that has to go as no real one does on demand.
package forward

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/session"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/internal/standin"
)

func TestMain(m *testing.M) { os.Exit(scripttest.Main(m)) }

// platform is a sandbox.
type platform struct {
	options sandbox.Options
	up      *sandbox.Sandbox
	cluster *kube.Cluster
	repo    string // an empty repository
}

func start(t *testing.T, o sandbox.Options) *platform {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Minute) // it may have to build
	t.Cleanup(cancel)
	o.Dir = filepath.Join(t.TempDir(), "sandbox")
	t.Cleanup(func() {
		if err := sandbox.Down(context.WithoutCancel(ctx), o); err != nil {
			t.Error(err)
		}
	})
	p := &platform{options: o, repo: standin.Repository(t, "")}
	var err error
	if p.up, err = sandbox.Up(ctx, o); err != nil {
		t.Fatal(err)
	}
	if p.cluster, err = kube.LoadFile(p.up.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	return p
}

// command is gitops:portForward in a repository.
func (p *platform) command(t *testing.T, repo string, args ...string) *exec.Cmd {
	t.Helper()
	return standin.Command(t, repo, p.up.Kubeconfig, append([]string{"gitops:portForward"}, args...)...)
}

// open starts a port-forward on a free port and returns its address.
func (p *platform) open(t *testing.T, repo string) (f *standin.Forward, url string) {
	t.Helper()
	f = standin.StartForward(t, p.command(t, repo, "-port=0"))
	return f, f.Answer()
}

// fails runs it to its end, which has to come by itself.
func fails(t *testing.T, cmd *exec.Cmd, status int, wants ...string) {
	t.Helper()
	got, stdout, stderr := standin.StartForward(t, cmd).Wait()
	if got != status || stdout != "" {
		t.Errorf("exit status %d, want %d; stdout %q, stderr:\n%s", got, status, stdout, stderr)
	}
	for _, want := range wants {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr has no %q:\n%s", want, stderr)
		}
	}
}

// stand starts a server that stands for argocd-server, in a namespace of its own,
// and returns a repository whose settings name it.
func (p *platform) stand(t *testing.T, namespace string, o standin.Options) (*standin.Server, *standin.Installed, string) {
	t.Helper()
	server, err := standin.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	objects, err := standin.Install(ctx, p.cluster, server, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return server, objects, standin.Repository(t, "argocd: {namespace: "+namespace+"}\n")
}

// ask sends a request over a connection of its own.
func ask(t *testing.T, r *http.Request) (*http.Response, string, error) {
	t.Helper()
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r.WithContext(t.Context()))
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func get(t *testing.T, url string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ask(t, r)
}

func works(t *testing.T, url string) {
	t.Helper()
	if resp, body, err := get(t, url); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %v %q, %v", url, resp, body, err)
	}
}

func TestArgoCD(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(map[bool]string{false: "tls", true: "insecure"}[plain], func(t *testing.T) {
			p := start(t, sandbox.Options{ArgoCDInsecure: plain})
			t.Run("login", p.login)
			t.Run("gRPC", p.gRPC)
			t.Run("restart", p.restart)
			if plain {
				return
			}
			t.Run("end", p.end)
			t.Run("many restarts", p.manyRestarts)
			t.Run("port taken", p.portTaken)
			t.Run("no way", p.noWay)
			t.Run("another certificate", p.anotherCertificate)
			t.Run("other names", p.otherNames)
			t.Run("json", p.json)
			t.Run("task", p.task)
		})
	}
}

// login does what a person does: read the password, open the page, log in, look.
func (p *platform) login(t *testing.T) {
	status, stdout, stderr := standin.StartForward(t, p.command(t, p.repo, "-password")).Wait()
	password := strings.TrimSpace(stdout)
	if status != 0 || stderr != "" || len(password) < 8 || strings.ContainsAny(password, " \n") {
		t.Fatalf("-password: exit status %d, %d characters, stderr %q", status, len(password), stderr)
	}
	f, url := p.open(t, p.repo)
	f.Says("log in as admin")
	if resp, body, err := get(t, url); err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(body, "<") {
		t.Fatalf("the page: %v %q, %v", resp, body, err)
	}
	r, _ := http.NewRequest(http.MethodPost, url+"/api/v1/session", strings.NewReader(fmt.Sprintf(`{"username":"admin","password":%q}`, password)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", url)
	resp, _, err := ask(t, r)
	if err != nil || resp.StatusCode != http.StatusOK || len(resp.Cookies()) == 0 {
		t.Fatalf("login: %v, %v", resp, err)
	}
	for _, c := range resp.Cookies() {
		if c.Secure {
			t.Errorf("cookie %s is for https alone", c.Name)
		}
	}
	list, _ := http.NewRequest(http.MethodGet, url+"/api/v1/applications", nil)
	for _, c := range resp.Cookies() {
		list.AddCookie(c)
	}
	if resp, body, err := ask(t, list); err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(body, `"metadata"`) {
		t.Errorf("with the cookie: %v %q, %v", resp, body, err)
	}
	status, stdout, stderr = f.End(syscall.SIGINT)
	if status != 0 || stdout != url {
		t.Errorf("Ctrl-C: exit status %d, stdout %q", status, stdout)
	}
	if strings.Contains(stdout+stderr, password) {
		t.Error("the password was printed")
	}
}

// gRPC is what `argocd login localhost:8080 --plaintext` speaks.
func (p *platform) gRPC(t *testing.T) {
	_, url := p.open(t, p.repo)
	conn, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = session.NewSessionServiceClient(conn).Create(t.Context(), &session.SessionCreateRequest{Username: "nobody", Password: "wrong"})
	if err == nil || !strings.Contains(err.Error(), "Invalid username or password") {
		t.Errorf("got %v", err)
	}
}

// restart replaces Argo CD's Pod under requests; what comes meanwhile waits.
func (p *platform) restart(t *testing.T) {
	f, url := p.open(t, p.repo)
	stop := p.under(t, url+"/api/version")
	err := p.up.Restart(t.Context(), sandbox.ArgoCDServer)
	asked, lost := stop()
	if err != nil {
		t.Fatal(err)
	}
	f.Says("restored through Pod")
	works(t, url+"/api/version")
	t.Logf("%d requests, %d lost", asked, lost)
	if _, _, stderr := f.End(syscall.SIGINT); !strings.Contains(stderr, "lost Pod argocd-server-") && !strings.Contains(stderr, ": connections wait") {
		t.Errorf("the restart was not told:\n%s", stderr)
	}
	if lost > maxLost {
		t.Errorf("%d of %d requests are lost", lost, asked)
	}
}

// maxLost is how many requests may be on their way when a server is killed.
const maxLost = 2

// under asks every 20 ms until it is stopped.
func (p *platform) under(t *testing.T, url string) (stop func() (asked, lost int)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var wg sync.WaitGroup
	asked, lost := 0, 0
	wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			wg.Go(func() {
				resp, body, err := get(t, url)
				mu.Lock()
				defer mu.Unlock()
				if asked++; err != nil || resp.StatusCode != http.StatusOK {
					lost++
					t.Log(resp, body, err)
				}
			})
		}
	})
	return func() (int, int) {
		cancel()
		wg.Wait()
		return asked, lost
	}
}

// end ends it in every way that a person or a program does, with everything open.
func (p *platform) end(t *testing.T) {
	_, _, plain := p.stand(t, "end-plain", standin.Options{Handler: http.HandlerFunc(stream)})
	_, _, secure := p.stand(t, "end-tls", standin.Options{TLS: true, Handler: http.HandlerFunc(stream)})
	for _, repo := range []string{plain, secure} {
		for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
			f, url := p.open(t, repo)
			resp, err := http.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if status, _, stderr := f.End(s); status != 0 || !strings.Contains(stderr, "\nended") || strings.Contains(stderr, "Error") {
				t.Errorf("%s: exit status %d, stderr:\n%s", s, status, stderr)
			}
			if _, err := io.ReadAll(resp.Body); err == nil {
				t.Errorf("%s: half an answer looks like a whole one", s)
			}
		}
	}
}

// stream never ends by itself.
func stream(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// manyRestarts restarts a server ten times in either mode: every request that comes
// while it is down is held, and the restarts are told.
func (p *platform) manyRestarts(t *testing.T) {
	for _, c := range []struct {
		secure bool
		times  int
	}{{false, 10}, {true, 3}} { // with TLS, KWOK makes some requests wait for Options.Silence
		server, _, repo := p.stand(t, fmt.Sprintf("restarts-%v", c.secure), standin.Options{TLS: c.secure})
		f, url := p.open(t, repo)
		works(t, url+"/healthz")
		for range c.times {
			server.Stop()
			var wg sync.WaitGroup
			for range 5 {
				wg.Go(func() { works(t, url+"/healthz") })
			}
			f.Says("nothing listens on port 80 of Pod argocd-server-1: connections wait")
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			f.Says("restored through Pod argocd-server-1")
			wg.Wait()
		}
		if status, _, stderr := f.End(syscall.SIGTERM); status != 0 || strings.Count(stderr, "\n") > 30 {
			t.Errorf("exit status %d, a line for each event and not more:\n%s", status, stderr)
		}
	}
}

func (p *platform) portTaken(t *testing.T) {
	f, url := p.open(t, p.repo)
	port := url[strings.LastIndex(url, ":")+1:]
	fails(t, p.command(t, p.repo, "-port="+port), 1,
		fmt.Sprintf("127.0.0.1:%s: listen: the port is taken by mage (process %d)", port, f.PID()),
		fmt.Sprintf("hint: end it with `kill %d`, or take another port (0: a free one): `mage gitops:portForward -port=0`", f.PID()))
	works(t, url)
	// Somebody else on the other loopback address is who a browser may find.
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	defer l.Close()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	other := standin.StartForward(t, p.command(t, p.repo, "-port="+port))
	other.Says("warning: [::1]:" + port + ": listen: the port is taken by")
	if got := other.Answer(); got != "http://127.0.0.1:"+port {
		t.Errorf("address %s", got)
	}
}

// noWay shows what a person reads when it cannot be opened.
func (p *platform) noWay(t *testing.T) {
	_, objects, repo := p.stand(t, "no-pod", standin.Options{})
	fails(t, p.command(t, repo, "-password"), 4, "Secret no-pod/argocd-initial-admin-secret: it is not there: the password of admin has been changed", "hint: set ARGOCD_AUTH_TOKEN")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := objects.RemovePod(ctx, standin.Service+"-1"); err != nil {
		t.Fatal(err)
	}
	fails(t, p.command(t, repo, "-port=0"), 4, "Service no-pod/argocd-server: no Pod matches", "is it scaled to zero?")
	if err := objects.AddPending(ctx, "argocd-server-2"); err != nil {
		t.Fatal(err)
	}
	fails(t, p.command(t, repo, "-port=0"), 4, "Service no-pod/argocd-server: no Pod is ready: argocd-server-2 is not", "kubectl -n no-pod describe pod argocd-server-2")

	nowhere := standin.Repository(t, "argocd: {namespace: nowhere}\n")
	for _, args := range [][]string{{"-port=0"}, {"-password"}} {
		fails(t, p.command(t, nowhere, args...), 4, "Argo CD is not installed in namespace nowhere", "argocd.namespace")
	}
	fails(t, p.command(t, p.repo, "-port=70000"), 2, "70000 is no port", "hint: 1 to 65535, or 0 for a free one")
	fails(t, p.command(t, p.repo, "-port=-1"), 2, "-1 is no port")

	gone := p.command(t, p.repo, "-port=0")
	gone.Env = append(gone.Env, "KUBECONFIG="+filepath.Join(t.TempDir(), "none"))
	fails(t, gone, 4, "no kubeconfig names one", "set KUBECONFIG")
	stranger := p.command(t, p.repo, "-port=0")
	stranger.Env = append(stranger.Env, "KUBECONFIG="+p.asStranger(t))
	fails(t, stranger, 4, "Service argocd/argocd-server: not allowed to get services in namespace argocd", `verbs ["get"]`)
}

// asStranger is a kubeconfig of somebody without rights.
func (p *platform) asStranger(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(p.up.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	changed := strings.Replace(string(data), "  user:\n", "  user:\n    as: system:anonymous\n", 1)
	if changed == string(data) {
		t.Fatal("the kubeconfig has another form")
	}
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// anotherCertificate has the cluster hold another one than the server shows.
func (p *platform) anotherCertificate(t *testing.T) {
	_, objects, repo := p.stand(t, "swapped", standin.Options{TLS: true})
	second, err := standin.Start(standin.Options{TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Stop)
	if err := objects.Hold(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	f, url := p.open(t, repo)
	f.Says("but Secret swapped/argocd-secret holds SHA256:")
	f.Says("find out who answers in its place")
	if resp, body, err := get(t, url); err != nil || resp.StatusCode != http.StatusBadGateway || !strings.Contains(body, "it shows the certificate SHA256:") {
		t.Errorf("%v %q, %v", resp, body, err)
	}
}

// otherNames turns a page away whose name was pointed to this machine.
func (p *platform) otherNames(t *testing.T) {
	_, _, plain := p.stand(t, "names", standin.Options{})
	for _, repo := range []string{p.repo, plain} {
		_, url := p.open(t, repo)
		r, _ := http.NewRequest(http.MethodGet, url+"/healthz", nil)
		r.Host = "evil.example.com"
		if resp, body, err := ask(t, r); err != nil || resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "for localhost alone") {
			t.Errorf("%v %q, %v", resp, body, err)
		}
		works(t, url+"/healthz")
	}
}

func (p *platform) json(t *testing.T) {
	f := standin.StartForward(t, p.command(t, p.repo, "-port=0", "-json"))
	f.Says("log in as admin")
	var text strings.Builder
	var doc struct {
		SchemaVersion int
		Facts         map[string]string
	}
	for json.Unmarshal([]byte(text.String()), &doc) != nil {
		text.WriteString(f.Answer())
	}
	if doc.SchemaVersion != 1 || doc.Facts["mode"] != "tls" || doc.Facts["namespace"] != "argocd" || doc.Facts["service"] != "argocd-server" || !strings.Contains(doc.Facts["cluster"], p.up.Server) {
		t.Errorf("%s", text.String())
	}
	works(t, doc.Facts["url"])
	if status, _, _ := f.End(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d", status)
	}
	status, stdout, stderr := standin.StartForward(t, p.command(t, p.repo, "-password", "-json")).Wait()
	if status != 2 || !strings.Contains(stdout, `"summary": "failed"`) || !strings.Contains(stderr, "not as JSON") {
		t.Errorf("exit status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

// task runs it through the real Task. Ctrl-C in a terminal is a signal for both.
func (p *platform) task(t *testing.T) {
	bin, err := sandbox.Build(t.Context(), p.options, sandbox.Task)
	if err != nil {
		t.Fatal(err)
	}
	taskfile, err := os.ReadFile(filepath.Join(scripttest.Root(t), "Taskfile.yml"))
	if err != nil {
		t.Fatal(err)
	}
	const build = "go tool mage -compile {{.ROOT_DIR}}/.bin/sealway{{exeExt}}"
	built := strings.Replace(string(taskfile), build, "cp "+scripttest.Mage(t)+" .bin/sealway", 1) // it is the same
	dir := standin.Repository(t, "")
	err = errors.Join(os.WriteFile(filepath.Join(dir, "Taskfile.yml"), []byte(built), 0o600), os.Mkdir(filepath.Join(dir, ".bin"), 0o700))
	if err != nil || built == string(taskfile) {
		t.Fatalf("the Taskfile builds in another way (%v)", err)
	}
	cmd := p.command(t, dir)
	cmd.Path, cmd.Args = bin["task"], []string{"task", "--exit-code", "gitops:port-forward", "--", "-port=0"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	f := standin.StartForward(t, cmd)
	url := f.Answer()
	works(t, url)
	if err := syscall.Kill(-f.PID(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := f.Wait(); status != 0 || !strings.Contains(stderr, "\nended") {
		t.Errorf("exit status %d, stderr:\n%s", status, stderr)
	}
	if _, _, err := get(t, url); err == nil {
		t.Error("the port is still open")
	}
}
