package sandbox

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const pretendedNamespace = "pretended"

// pretended has containers that fail as they ask for, and no others.
func pretended(p *platformTest) {
	manifest, err := os.ReadFile("testdata/pretended.yaml")
	if err != nil {
		p.Fatal(err)
	}
	if _, err := p.cluster.apply(p.ctx, manifest); err != nil {
		p.Fatal(err)
	}
	for _, c := range []struct {
		pod  string
		want func(corev1.ContainerStatus) bool
	}{
		{"not-found", waits("ErrImagePull", `rpc error: code = NotFound desc = failed to pull and unpack image "pretend.test/shop:not-found"`)},
		{"not-found", waits("ImagePullBackOff", "Back-off pulling image")},
		{"private", waits("ImagePullBackOff", "401 Unauthorized")},
		{"crash", waits("CrashLoopBackOff", "back-off")},
		{"crash", ended(3, "Error")},
		{"memory", ended(137, "OOMKilled")},
		{"command", ended(128, "StartError")},
		{"other", func(s corev1.ContainerStatus) bool { return s.Ready && s.RestartCount == 0 }},
		{"login", func(s corev1.ContainerStatus) bool { return s.Ready && s.RestartCount == 0 }},
		{"probe", func(s corev1.ContainerStatus) bool { return s.State.Running != nil && !s.Ready && *s.Started }},
	} {
		p.eventually("the container of "+c.pod, func() error { return p.container(c.pod, c.want) })
	}
	p.eventually("the probe's event", func() error {
		return p.eventIn(pretendedNamespace, "Unhealthy", `Readiness probe failed: Get "http://192.168.192.168:8081/ready": dial tcp 192.168.192.168:8081: connect: connection refused`)
	})
	p.kubectl("", "-n", pretendedNamespace, "wait", "job/fails", "--for=condition=Failed", "--timeout=60s")
	p.kubectl("", "-n", pretendedNamespace, "wait", "job/stays", "--for=jsonpath={.status.ready}=1", "--timeout=60s")
	logs(p)
	p.kubectl("", "delete", "namespace", pretendedNamespace, "--wait=false")
}

// logs are served to the API server and to nobody else.
func logs(p *platformTest) {
	for _, c := range []struct{ want, object, previous string }{
		{"starting\npassword authentication failed (SQLSTATE 28P01)\n", "crash", "--previous"},
		{"no such table\n", "job/fails", "--previous=false"},
		{"fine\n", "login", "--previous=false"},
		{"", "other", "--previous=false"},
	} {
		if got := p.kubectl("", "-n", pretendedNamespace, "logs", c.object, c.previous); got != c.want {
			p.Errorf("logs of %s: %q, want %q", c.object, got, c.want)
		}
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(p.ctx, http.MethodGet, fmt.Sprintf("https://%s/containerLogs/%s/login/app", loopback(p.sandbox.state.Ports.Kubelet), pretendedNamespace), nil)
	if err != nil {
		p.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		p.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		p.Errorf("somebody unknown got %s", response.Status)
	}
}

func waits(reason, text string) func(corev1.ContainerStatus) bool {
	return func(s corev1.ContainerStatus) bool {
		w := s.State.Waiting
		return w != nil && w.Reason == reason && strings.Contains(w.Message, text)
	}
}

func ended(code int32, reason string) func(corev1.ContainerStatus) bool {
	return func(s corev1.ContainerStatus) bool {
		for _, state := range []corev1.ContainerState{s.State, s.LastTerminationState} {
			if t := state.Terminated; t != nil && t.ExitCode == code && t.Reason == reason {
				return true
			}
		}
		return false
	}
}

// container says whether a Pod's first container is as it should be.
func (p *platformTest) container(pod string, want func(corev1.ContainerStatus) bool) error {
	live, err := p.client().CoreV1().Pods(pretendedNamespace).Get(p.ctx, pod, metav1.GetOptions{})
	switch {
	case err != nil:
		return err
	case len(live.Status.ContainerStatuses) == 0:
		return errors.New("it has no status")
	case !want(live.Status.ContainerStatuses[0]):
		return errors.New(live.Status.ContainerStatuses[0].String())
	}
	return nil
}

// audited finds the requests of this test in the audit log.
func audited(p *platformTest) {
	p.kubectl("", "-n", "demo", "get", "pods")
	data, err := os.ReadFile(p.sandbox.AuditLog())
	if err != nil {
		p.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var event struct {
			Verb      string
			User      struct{ Username string }
			ObjectRef struct{ Resource, Namespace string }
			UserAgent string
			Stage     string
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			p.Fatalf("%v: %s", err, line)
		}
		if event.Verb == "list" && event.User.Username == "sandbox-admin" && strings.HasPrefix(event.UserAgent, "kubectl/") &&
			event.ObjectRef.Resource == "pods" && event.ObjectRef.Namespace == "demo" && event.Stage == "ResponseComplete" {
			return
		}
	}
	p.Errorf("the request is not among %d of the log", strings.Count(string(data), "\n"))
}
