package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// layout is where things are in a sandbox's directory.
type layout struct{ dir string }

func (l layout) state() string          { return filepath.Join(l.dir, "sandbox.json") }
func (l layout) spec() string           { return filepath.Join(l.dir, "spec.json") }
func (l layout) status() string         { return filepath.Join(l.dir, "status.json") }
func (l layout) kubeconfig() string     { return filepath.Join(l.dir, "kubeconfig") }
func (l layout) etcd() string           { return filepath.Join(l.dir, "etcd") }
func (l layout) path(n string) string   { return filepath.Join(l.dir, n) }
func (l layout) tmp() string            { return filepath.Join(l.dir, "tmp") }
func (l layout) log(name string) string { return filepath.Join(l.dir, "logs", name+".log") }
func (l layout) pki(name string) string { return filepath.Join(l.dir, "pki", name) }
func (l layout) config(n string) string { return filepath.Join(l.dir, "config", n) }
func (l layout) argocd(n string) string { return filepath.Join(l.dir, "argocd", n) }
func (l layout) audit() string          { return filepath.Join(l.dir, "logs", "audit.jsonl") }
func (l layout) repository() string     { return filepath.Join(l.dir, "repo.git") }

// make makes the directories; only their owner may look into them.
func (l layout) make() error {
	dirs := []string{"logs", "pki", "config", "tmp"}
	for _, of := range []string{"config", "gnupg", "plugins", "ssh", "tls"} {
		dirs = append(dirs, filepath.Join("argocd", of))
	}
	for _, dir := range dirs {
		if err := os.MkdirAll(filepath.Join(l.dir, dir), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// check refuses a directory that holds something else than a sandbox: Down
// removes it.
func (l layout) check() error {
	entries, err := os.ReadDir(l.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(l.state()); err == nil || len(entries) == 0 {
		return nil
	}
	return &Error{
		Object: l.dir, Op: "use as a sandbox's directory",
		Err:    fmt.Errorf("it holds other things (%s)", entries[0].Name()),
		Advice: "name a directory that is empty or not there",
	}
}

// checkVisible refuses a directory that is hidden from the servers that have a
// /run of their own.
func checkVisible(dir string) error {
	for _, hidden := range []string{"/run/", "/var/run/"} {
		if strings.HasPrefix(dir+"/", hidden) {
			return &Error{
				Object: dir, Op: "use for the sandbox",
				Err:    errors.New("some servers have another /run and would not find it"),
				Advice: "name a directory elsewhere",
			}
		}
	}
	return nil
}

// sandboxState is what Up leaves for later calls. It is there before anything
// that Down has to find.
type sandboxState struct {
	// Sockets is the directory of the Unix sockets: their paths must be
	// short, so it may lie elsewhere.
	Sockets string
	// Supervisor is known once it is started.
	Supervisor supervisorID
	Ports      ports
	// ArgoCD and ArgoCDInsecure are what was asked for, and Git is the path
	// of the program that Argo CD uses.
	ArgoCD         Product
	ArgoCDInsecure bool
	Git            string
	// Audit says that the API server writes an audit log.
	Audit bool
	// Versions are those of the servers, by their names.
	Versions map[string]string
	// Ready is when the platform was whole; zero while it is being made.
	Ready time.Time
}

func (s sandboxState) control() string { return filepath.Join(s.Sockets, "control") }
func (s sandboxState) egress() string  { return filepath.Join(s.Sockets, "egress") }
func (s sandboxState) etcd() string    { return filepath.Join(s.Sockets, "etcd") }
func (s sandboxState) peer() string    { return filepath.Join(s.Sockets, "peer") }
func (s sandboxState) redis() string   { return filepath.Join(s.Sockets, "redis") }
func (s sandboxState) askPass() string { return filepath.Join(s.Sockets, "askpass") }

// server is the URL of the API server.
func (s sandboxState) server() string { return fmt.Sprintf("https://127.0.0.1:%d", s.Ports.APIServer) }

func (l layout) load() (sandboxState, error) {
	var s sandboxState
	data, err := os.ReadFile(l.state())
	if errors.Is(err, os.ErrNotExist) {
		return s, ErrNotRunning
	}
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s: %w", l.state(), err)
	}
	return s, nil
}

func (l layout) save(s sandboxState) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	tmp := l.state() + ".new"
	if err := os.WriteFile(tmp, append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, l.state())
}

// socketDir makes the directory of the sockets. The kernel takes paths of at
// most 107 bytes, so a long directory gets its sockets elsewhere.
func (l layout) socketDir() (string, error) {
	const longest = 107 - len("/control")
	if dir := filepath.Join(l.dir, "run"); len(dir) <= longest {
		return dir, os.MkdirAll(dir, 0o700)
	}
	return os.MkdirTemp("/tmp", "sealway-")
}
