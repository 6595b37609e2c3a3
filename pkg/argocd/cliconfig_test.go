package argocd_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sealway/sealway/pkg/argocd"
)

const cliFile = `
current-context: second
contexts:
- {name: first, server: argocd.example.com, user: first}
- {name: second, server: argocd.example.com, user: second}
- {name: local, server: "localhost:8080", user: local}
- {name: nobody, server: "nobody:443", user: nobody}
servers:
- {server: argocd.example.com, grpc-web-root-path: ""}
- {server: "localhost:8080", plain-text: true}
users:
- {name: first, auth-token: token-first, refresh-token: x}
- {name: second, auth-token: token-second}
- {name: local, auth-token: token-local}
prompts-enabled: false
`

func TestCLICredential(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		text         string
		mode         os.FileMode
		server       string
		token        string
		fails, hint  string
	}{
		{"current context", "of two for the same server", cliFile, 0o600, "argocd.example.com:443", "token-second", "", ""},
		{"read-only", "upstream has it so, too", cliFile, 0o400, "localhost:8080", "token-local", "", ""},
		{"another server", "the current context's token is not for it", cliFile, 0o600, "elsewhere:443", "", "", ""},
		{"another port", "it is another server", cliFile, 0o600, "argocd.example.com:8080", "", "", ""},
		{"no token", "the user has none", cliFile, 0o600, "nobody:443", "", "", ""},
		{"readable by others", "it holds tokens", cliFile, 0o644, "localhost:8080", "", "argocd's configuration: its mode is 0644 and it holds tokens", "chmod 600"},
		{"malformed", "upstream ignores it", "contexts: [" + canaryToken, 0o600, "localhost:8080", "", "it is not the YAML that it should be", "argocd login"},
		{"another shape", "upstream ignores it", "contexts: " + canaryToken, 0o600, "localhost:8080", "", "it is not the YAML that it should be", ""},
		{"empty", "", "", 0o600, "localhost:8080", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			cred, found, err := argocd.CLICredential(path, c.server)
			if c.fails != "" {
				expect(t, err, c.fails, c.hint, "")
				return
			}
			if err != nil || found != (c.token != "") || cred.Token != c.token {
				t.Fatalf("%s: %v, %v, %v", c.reason, cred, found, err)
			}
			if found && (cred.Server != c.server || cred.Source != path || !cred.Optional) {
				t.Errorf("%+v", cred)
			}
		})
	}
	for _, path := range []string{"", filepath.Join(t.TempDir(), "none")} {
		if _, found, err := argocd.CLICredential(path, address); found || err != nil {
			t.Errorf("%q: %v, %v", path, found, err)
		}
	}
}

func TestCLIConfigPath(t *testing.T) {
	home, old := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(old, ".argocd"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"named", map[string]string{"ARGOCD_CONFIG_DIR": "/x", "HOME": home}, "/x/config"},
		{"home", map[string]string{"HOME": home}, home + "/.config/argocd/config"},
		{"old home", map[string]string{"HOME": old, "XDG_CONFIG_HOME": "/x"}, old + "/.argocd/config"},
		{"XDG", map[string]string{"HOME": home, "XDG_CONFIG_HOME": "/x"}, "/x/argocd/config"},
		{"none", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := argocd.CLIConfigPath(func(k string) (string, bool) { v, ok := c.env[k]; return v, ok })
			if got != filepath.FromSlash(c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
