package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

// TestSandbox goes through the life of one sandbox. The first run on a machine
// builds the servers, which takes many minutes.
func TestSandbox(t *testing.T) {
	p := newPlatformTest(t, Options{ArgoCD: NoArgoCD, Audit: true})
	p.parts([]part{
		{"CancelledUp", cancelledUp},
		{"Up", up},
		{"UpAgain", upAgain},
		{"OnlyLoopback", onlyLoopback},
		{"SealAndUnseal", sealAndUnseal},
		{"Rotate", rotate},
		{"Faults", faults},
		{"Workloads", workloads},
		{"Pretended", pretended},
		{"Audited", audited},
		{"PortForward", portForward},
		{"SecondSandbox", secondSandbox},
		{"ServerCrash", serverCrash},
		{"SupervisorKilled", supervisorKilled},
		{"Down", down},
	})
}

func cancelledUp(p *platformTest) {
	ctx, cancel := context.WithCancel(p.ctx)
	o := p.options
	var started []supervise.ID
	o.Progress = func(e Event) {
		if strings.HasPrefix(e.Detail, "controllers") {
			started = p.processes()
			cancel()
		}
	}
	if _, err := Up(ctx, o); !errors.Is(err, context.Canceled) {
		p.Fatalf("got %v, want that it was cancelled", err)
	}
	if len(started) < 3 {
		p.Errorf("it was cancelled before the API server ran: %v", started)
	}
	p.wantEnded(started)
	if _, err := os.Stat(o.Dir); err == nil {
		p.Error("its directory is still there")
	}
}

// up meets a port that another process has taken since it was found free.
func up(p *platformTest) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		p.Fatal(err)
	}
	defer l.Close()
	tries := 0
	p.options.findPorts = func(ctx context.Context) (ports, error) {
		found, err := freePorts(ctx)
		if tries++; tries == 1 {
			found.APIServer = l.Addr().(*net.TCPAddr).Port
		}
		return found, err
	}
	p.up()
	if tries != 2 {
		p.Errorf("it tried %d times, want 2", tries)
	}
	info, err := os.Stat(p.sandbox.Kubeconfig)
	if err != nil || info.Mode().Perm() != 0o600 {
		p.Errorf("kubeconfig: %v, %v", info, err)
	}
	status := p.status()
	if !status.Running || status.Uptime() <= 0 || len(status.Servers) != 7 || len(status.Failed()) != 0 {
		p.Errorf("status: %+v", status)
	}
	for _, s := range status.Servers {
		if s.State != supervise.Running || s.PID == 0 || !strings.HasPrefix(s.Version, "v") {
			p.Errorf("server: %+v", s)
		}
	}
}

func upAgain(p *platformTest) {
	before := p.processes()
	p.up()
	if after := p.processes(); !slices.Equal(before, after) {
		p.Errorf("a second Up has changed the processes: %v, %v", before, after)
	}
}

// onlyLoopback looks at all TCP sockets on which the servers listen.
func onlyLoopback(p *platformTest) {
	found := 0
	for _, id := range p.processes() {
		for _, address := range listening(p.T, id.PID) {
			found++
			if !strings.HasPrefix(address, "0100007F:") {
				p.Errorf("process %d listens on %s", id.PID, address)
			}
		}
	}
	if found < 4 {
		p.Errorf("found %d sockets, which is not all", found)
	}
}

func sealAndUnseal(p *platformTest) {
	p.kubectl("", "create", "namespace", "demo")
	p.seal("first", "s3same")
	p.wantSecret("first", "s3same")
}

func rotate(p *platformTest) {
	before, err := p.cluster.certificate(p.ctx)
	if err != nil {
		p.Fatal(err)
	}
	if err := p.sandbox.RotateSealingKey(p.ctx); err != nil {
		p.Fatal(err)
	}
	if err := p.sandbox.RestartController(p.ctx); err != nil {
		p.Fatal(err)
	}
	after, err := p.cluster.certificate(p.ctx)
	if err != nil || bytes.Equal(before, after) {
		p.Errorf("after a restart: the certificate is the old one, %v", err)
	}
	p.kubectl("", "-n", "demo", "delete", "secret", "first")
	p.wantSecret("first", "s3same")
	p.seal("second", "other")
	p.wantSecret("second", "other")
}

func faults(p *platformTest) {
	routes, err := p.cluster.routes(p.ctx, p.sandbox.services()[0])
	if err != nil {
		p.Fatal(err)
	}
	broken := supervise.Faults{}
	for address := range routes {
		broken[address] = supervise.Fault{Refuse: true}
	}
	if err := p.sandbox.SetFaults(p.ctx, broken); err != nil {
		p.Fatal(err)
	}
	if _, err := p.cluster.certificate(p.ctx); err == nil {
		p.Error("the controller can still be reached")
	}
	if err := p.sandbox.SetFaults(p.ctx, nil); err != nil {
		p.Fatal(err)
	}
	if _, err := p.cluster.certificate(p.ctx); err != nil {
		p.Errorf("once the fault is gone: %v", err)
	}
}

//nolint:funlen // It is one story.
func workloads(p *platformTest) {
	manifest, err := os.ReadFile("testdata/workloads.yaml")
	if err != nil {
		p.Fatal(err)
	}
	if _, err := p.cluster.apply(p.ctx, manifest); err != nil {
		p.Fatal(err)
	}
	p.eventually("the kubelet says which ConfigMap is missing", func() error { return p.event("FailedMount", `configmap "config" not found`) })
	p.eventually("the kubelet says which key is missing", func() error { return p.event("Failed", "couldn't find key nope in Secret demo/first") })
	for _, name := range []string{"no-config", "no-key"} {
		if p.available(name) == nil {
			p.Errorf("deployment %s is available", name)
		}
	}
	p.eventually("a good Deployment is available", func() error { return p.available("good") })
	p.kubectl("", "-n", "demo", "create", "configmap", "config", "--from-literal=a=b")
	p.eventually("the Deployment comes up once its ConfigMap is there", func() error { return p.available("no-config") })
	for _, wait := range [][]string{
		{"job/task", "condition=Complete"},
		{"pvc/data-store-0", "jsonpath={.status.phase}=Bound"},
		{"pod/store-0", "condition=Ready"},
		{"clusters.postgresql.cnpg.io/db", "jsonpath={.status.phase}=Cluster in healthy state"},
	} {
		p.kubectl("", "-n", "demo", "wait", wait[0], "--for="+wait[1], "--timeout=60s")
	}
}

func portForward(p *platformTest) {
	address := p.tunnel(controllerNamespace, controllerName, 8080)
	want, err := p.cluster.certificate(p.ctx)
	if err != nil {
		p.Fatal(err)
	}
	if status, got := get(p.T, "http://"+address+"/v1/cert.pem"); got != string(want) {
		p.Errorf("through the tunnel: %d, %q", status, got)
	}
	if err := p.sandbox.SetFaults(p.ctx, supervise.Faults{p.sandbox.ForwardAddress(): {Cut: true}}); err != nil {
		p.Fatal(err)
	}
	p.eventually("the tunnel is cut", func() error {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return errors.New("it still listens")
		}
		return nil
	})
	if err := p.sandbox.SetFaults(p.ctx, nil); err != nil {
		p.Fatal(err)
	}
	if status, got := get(p.T, "http://"+p.tunnel(controllerNamespace, controllerName, 8080)+"/v1/cert.pem"); got != string(want) {
		p.Errorf("once the fault is gone: %d, %q", status, got)
	}
}

func secondSandbox(p *platformTest) {
	second := *p
	// So long a path that its sockets cannot be in it.
	second.options.Dir = filepath.Join(p.TempDir(), strings.Repeat("long", 30))
	second.up()
	if second.sandbox.Server == p.sandbox.Server {
		p.Errorf("both are at %s", p.sandbox.Server)
	}
	if second.sandbox.state.Sockets == filepath.Join(second.options.Dir, "run") {
		p.Error("its sockets are in its directory")
	}
	processes := second.processes()
	if err := Down(p.ctx, second.options); err != nil {
		p.Fatal(err)
	}
	second.wantEnded(processes)
	for _, path := range []string{second.options.Dir, second.sandbox.state.Sockets} {
		if _, err := os.Stat(path); err == nil {
			p.Errorf("%s is still there", path)
		}
	}
	if !p.status().Running {
		p.Error("the end of the second has ended the first")
	}
}

func serverCrash(p *platformTest) {
	pid := 0
	for _, s := range p.status().Servers {
		if s.Name == scheduler {
			pid = s.PID
		}
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		p.Fatal(err)
	}
	p.eventually("the crash is noticed", func() error {
		status := p.status()
		failed := status.Failed()
		if status.Running || len(failed) != 1 {
			return fmt.Errorf("status: %+v", status)
		}
		if s := failed[0]; s.Name != scheduler || s.Exit != "signal: killed" || len(s.Tail) == 0 {
			return fmt.Errorf("failed: %+v", s)
		}
		return nil
	})
	before := p.processes()
	p.up()
	p.wantEnded(before)
}

func supervisorKilled(p *platformTest) {
	before := p.processes()
	if err := p.sandbox.state.Supervisor.Signal(syscall.SIGKILL); err != nil {
		p.Fatal(err)
	}
	p.wantEnded(before)
	if status := p.status(); status.Running || len(status.Failed()) != 7 {
		p.Errorf("status: %+v", status)
	}
	p.up()
}

func down(p *platformTest) {
	before := p.processes()
	if err := Down(p.ctx, p.options); err != nil {
		p.Fatal(err)
	}
	p.wantEnded(before)
	if _, err := os.Stat(p.options.Dir); err == nil {
		p.Error("its directory is still there")
	}
	// The kubelet's own choice, where others could find Secrets. Another that
	// is just being started has it for a moment.
	p.eventually("nothing is left in /tmp", func() error {
		left, err := filepath.Glob("/tmp/hollow-kubelet.*")
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("%v", left)
		}
		return err
	})
	if _, err := Inspect(p.ctx, p.options); !errors.Is(err, ErrNotRunning) {
		p.Errorf("status: %v", err)
	}
}
