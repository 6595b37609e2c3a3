package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

// platformTest is a sandbox and the programs to try it with.
type platformTest struct {
	*testing.T

	ctx     context.Context
	options Options
	sandbox *Sandbox
	cluster *cluster
	bin     Binaries
}

// TestSandbox goes through the life of one sandbox. The first run on a machine
// builds the servers, which takes many minutes.
func TestSandbox(t *testing.T) {
	p := &platformTest{T: t, ctx: t.Context(), options: Options{Dir: filepath.Join(t.TempDir(), "a")}}
	p.options.Progress = func(e Event) {
		if e.State != StepRunning {
			t.Logf("%s: %s in %v %s", e.Step, e.State, e.Elapsed.Round(time.Millisecond), e.Detail)
		}
	}
	var err error
	if p.bin, err = Build(p.ctx, p.options, append(platform(), Kubectl)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Down(context.WithoutCancel(t.Context()), p.options); err != nil {
			t.Error(err)
		}
	})
	for _, part := range []struct {
		name string
		run  func(*platformTest)
	}{
		{"CancelledUp", cancelledUp},
		{"Up", up},
		{"UpAgain", upAgain},
		{"OnlyLoopback", onlyLoopback},
		{"SealAndUnseal", sealAndUnseal},
		{"Rotate", rotate},
		{"Faults", faults},
		{"Workloads", workloads},
		{"PortForward", portForward},
		{"SecondSandbox", secondSandbox},
		{"ServerCrash", serverCrash},
		{"SupervisorKilled", supervisorKilled},
		{"Down", down},
	} {
		if !t.Run(part.name, func(t *testing.T) {
			inner := *p
			inner.T, inner.ctx = t, t.Context()
			part.run(&inner)
			p.sandbox, p.cluster = inner.sandbox, inner.cluster
		}) {
			t.Fatalf("%s failed, so the rest makes no sense", part.name)
		}
	}
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

// listening returns the addresses that a process listens on, as the kernel
// writes them.
func listening(t *testing.T, pid int) []string {
	t.Helper()
	own := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil {
			own[target] = true
		}
	}
	var addresses []string
	for _, table := range []string{"tcp", "tcp6"} {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			const local, state, inode, listen = 1, 3, 9, "0A"
			f := strings.Fields(line)
			if f[state] == listen && own["socket:["+f[inode]+"]"] {
				addresses = append(addresses, f[local])
			}
		}
	}
	return addresses
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
	routes, err := p.cluster.controllerRoutes(p.ctx, 1)
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
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.bin["kubectl"], "--kubeconfig", p.sandbox.Kubeconfig, "-n", controllerNamespace,
		"port-forward", "service/"+controllerName, ":8080")
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	var address string
	if _, err := fmt.Fscanf(out, "Forwarding from %s -> 8080", &address); err != nil {
		p.Fatal(err)
	}
	want, err := p.cluster.certificate(p.ctx)
	if err != nil {
		p.Fatal(err)
	}
	if got := get(p.T, "http://"+address+"/v1/cert.pem"); got != string(want) {
		p.Errorf("through the tunnel: %q", got)
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
	// The kubelet's own choice, where others could find Secrets.
	if left, err := filepath.Glob("/tmp/hollow-kubelet.*"); err != nil || len(left) > 0 {
		p.Errorf("left in /tmp: %v, %v", left, err)
	}
	if _, err := Inspect(p.ctx, p.options); !errors.Is(err, ErrNotRunning) {
		p.Errorf("status: %v", err)
	}
}

func (p *platformTest) up() {
	p.Helper()
	var err error
	if p.sandbox, err = Up(p.ctx, p.options); err != nil {
		p.fatal(err)
	}
	if p.cluster, err = p.sandbox.layout.cluster(); err != nil {
		p.Fatal(err)
	}
}

// client is made anew each time: a restarted sandbox has other credentials.
func (p *platformTest) client() kubernetes.Interface {
	p.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", p.sandbox.Kubeconfig)
	if err != nil {
		p.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		p.Fatal(err)
	}
	return client
}

func (p *platformTest) fatal(err error) {
	p.Helper()
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		p.Log(hinted.Hint())
	}
	p.Fatal(err)
}

func (p *platformTest) status() *Status {
	p.Helper()
	status, err := Inspect(p.ctx, p.options)
	if err != nil {
		p.Fatal(err)
	}
	return status
}

// processes returns the supervisor and all servers that have been started.
func (p *platformTest) processes() []supervise.ID {
	p.Helper()
	status, err := supervise.ReadStatus(layout{p.options.Dir}.status())
	if err != nil {
		p.Fatal(err)
	}
	ids := []supervise.ID{status.Supervisor}
	for _, s := range status.Processes {
		if s.PID != 0 {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

func (p *platformTest) wantEnded(ids []supervise.ID) {
	p.Helper()
	p.eventually("all processes have ended", func() error { return anyAlive(ids) })
}

func (p *platformTest) eventually(what string, met func() error) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	if err := poll(ctx, met); err != nil {
		p.Fatalf("%s: %v", what, err)
	}
}

func (p *platformTest) kubectl(stdin string, args ...string) string {
	p.Helper()
	return p.run(stdin, "kubectl", append([]string{"--kubeconfig", p.sandbox.Kubeconfig}, args...)...)
}

func (p *platformTest) run(stdin, program string, args ...string) string {
	p.Helper()
	cmd := exec.CommandContext(p.ctx, p.bin[program], args...)
	cmd.Env = append(cmd.Environ(), "HOME="+p.TempDir())
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		p.Fatalf("%s %v: %v\n%s", program, args, err, &stderr)
	}
	return string(out)
}

// seal makes a SealedSecret with kubeseal, which gets the certificate from the
// controller, and applies it.
func (p *platformTest) seal(name, value string) {
	p.Helper()
	secret := fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":%s,"namespace":"demo"},"stringData":{"key":%s}}`,
		strconv.Quote(name), strconv.Quote(value))
	p.kubectl(p.run(secret, "kubeseal", "--kubeconfig", p.sandbox.Kubeconfig), "apply", "-f", "-")
}

func (p *platformTest) wantSecret(name, want string) {
	p.Helper()
	p.eventually("the controller unseals "+name, func() error {
		secret, err := p.client().CoreV1().Secrets("demo").Get(p.ctx, name, metav1.GetOptions{})
		if err == nil && string(secret.Data["key"]) != want {
			err = errors.New("it has another value")
		}
		return err
	})
}

// event says whether there is an event of this reason.
func (p *platformTest) event(reason, text string) error {
	events, err := p.client().CoreV1().Events("demo").List(p.ctx, metav1.ListOptions{FieldSelector: "reason=" + reason})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(events.Items, func(e corev1.Event) bool { return strings.Contains(e.Message, text) }) {
		return nil
	}
	return fmt.Errorf("none of %d events says so", len(events.Items))
}

func (p *platformTest) available(deployment string) error {
	d, err := p.client().AppsV1().Deployments("demo").Get(p.ctx, deployment, metav1.GetOptions{})
	if err == nil && d.Status.AvailableReplicas == 0 {
		err = fmt.Errorf("deployment %s: no replica is available", deployment)
	}
	return err
}
