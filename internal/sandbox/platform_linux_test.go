package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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

// newPlatformTest builds what the sandbox and its test need; the sandbox is
// gone when the test ends.
func newPlatformTest(t *testing.T, o Options) *platformTest {
	t.Helper()
	o.Dir = filepath.Join(t.TempDir(), "a")
	o.Progress = func(e Event) {
		if e.State != StepRunning {
			t.Logf("%s: %s in %v %s", e.Step, e.State, e.Elapsed.Round(time.Millisecond), e.Detail)
		}
	}
	p := &platformTest{T: t, ctx: t.Context(), options: o}
	var err error
	if p.bin, err = Build(p.ctx, p.options, append(platform(p.options), Kubectl)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Down(context.WithoutCancel(t.Context()), p.options); err != nil {
			t.Error(err)
		}
	})
	return p
}

// part is a part of a sandbox's life.
type part struct {
	name string
	run  func(*platformTest)
}

// parts plays them one after the other.
func (p *platformTest) parts(all []part) {
	for _, part := range all {
		if !p.Run(part.name, func(t *testing.T) {
			inner := *p
			inner.T, inner.ctx = t, t.Context()
			part.run(&inner)
			p.sandbox, p.cluster = inner.sandbox, inner.cluster
		}) {
			p.Fatalf("%s failed, so the rest makes no sense", part.name)
		}
	}
}

// tunnel lets kubectl forward a port to a Service until the test ends, and
// returns the address here.
func (p *platformTest) tunnel(namespace, service string, port int) string {
	p.Helper()
	ctx, cancel := context.WithCancel(p.ctx)
	cmd := exec.CommandContext(ctx, p.bin["kubectl"], "--kubeconfig", p.sandbox.Kubeconfig, "-n", namespace,
		"port-forward", "service/"+service, fmt.Sprint(":", port))
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { cancel(); _ = cmd.Wait() })
	var address string
	if _, err := fmt.Fscanf(out, "Forwarding from %s -> ", &address); err != nil {
		p.Fatal(err)
	}
	return address
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
	// Longer than Argo CD takes to look again at an operation whose event it has
	// missed: --app-resync, and as much jitter.
	ctx, cancel := context.WithTimeout(p.ctx, 4*time.Minute)
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

// seal makes a SealedSecret with one key and applies it.
func (p *platformTest) seal(name, value string) {
	p.Helper()
	p.kubectl(p.sealed("demo", name, map[string]string{"key": value}), "apply", "-f", "-")
}

// sealed makes a SealedSecret with kubeseal, which gets the certificate from
// the controller.
func (p *platformTest) sealed(namespace, name string, values map[string]string) string {
	p.Helper()
	secret, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret",
		"metadata":   map[string]any{"name": name, "namespace": namespace},
		"stringData": values,
	})
	if err != nil {
		p.Fatal(err)
	}
	return p.run(string(secret), "kubeseal", "--kubeconfig", p.sandbox.Kubeconfig, "-o", "yaml")
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
	return p.eventIn("demo", reason, text)
}

func (p *platformTest) eventIn(namespace, reason, text string) error {
	events, err := p.client().CoreV1().Events(namespace).List(p.ctx, metav1.ListOptions{FieldSelector: "reason=" + reason})
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
