package argocd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"go.yaml.in/yaml/v3"
)

// CLIConfigPath is where the argocd CLI keeps its contexts (upstream:
// util/localconfig, DefaultLocalConfigPath). lookup is os.LookupEnv; empty when it
// names no home.
func CLIConfigPath(lookup func(string) (string, bool)) string {
	if dir, ok := lookup("ARGOCD_CONFIG_DIR"); ok && dir != "" {
		return filepath.Join(dir, "config")
	}
	variable := "HOME"
	if runtime.GOOS == "windows" {
		variable = "USERPROFILE"
	}
	home, _ := lookup(variable)
	if home != "" {
		old := filepath.Join(home, ".argocd")
		if _, err := os.Stat(old); err == nil {
			return filepath.Join(old, "config")
		}
	}
	if dir, ok := lookup("XDG_CONFIG_HOME"); ok && dir != "" {
		return filepath.Join(dir, "argocd", "config")
	}
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".config", "argocd", "config")
}

// FileError says that the argocd CLI's configuration cannot be used.
type FileError struct {
	Path, Reason, Advice string
	Cause                error
}

func (e *FileError) Error() string {
	return fmt.Sprintf("%s: argocd's configuration: %s", e.Path, e.Reason)
}

// Hint says what to do.
func (e *FileError) Hint() string { return e.Advice }

func (e *FileError) Unwrap() error { return e.Cause }

// CLICredential reads the argocd CLI's configuration and gives the token that it
// holds for exactly this server, of the current context if that is one of this
// server. found is false when there is no file or no such token.
//
// Upstream's client takes the current context's token for whatever address it is
// given, and ignores a file that it cannot read.
func CLICredential(path, server string) (c Credential, found bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || path == "" {
		return Credential{}, false, nil
	}
	if err != nil {
		return Credential{}, false, &FileError{Path: path, Reason: "it cannot be read", Cause: err}
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 && mode != 0o400 {
		return Credential{}, false, &FileError{Path: path, Reason: fmt.Sprintf("its mode is %#o and it holds tokens", mode), Advice: "chmod 600 " + path}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Credential{}, false, &FileError{Path: path, Reason: "it cannot be read", Cause: err}
	}
	var file cliConfig
	if yaml.Unmarshal(data, &file) != nil { // the decoder's words could quote a token
		return Credential{}, false, &FileError{Path: path, Reason: "it is not the YAML that it should be", Advice: "`argocd login` writes a new one; move the old one away first"}
	}
	token := file.token(server)
	if token == "" {
		return Credential{}, false, nil
	}
	return Credential{Source: path, Server: server, Token: token, Optional: true}, true, nil
}

// cliConfig is what is read of the file.
type cliConfig struct {
	Current  string `yaml:"current-context"`
	Contexts []struct{ Name, Server, User string }
	Users    []struct {
		Name  string
		Token string `yaml:"auth-token"`
	}
}

func (f cliConfig) token(server string) string {
	tokens := map[string]string{}
	for _, u := range f.Users {
		tokens[u.Name] = u.Token
	}
	first := ""
	for _, c := range f.Contexts {
		token := tokens[c.User]
		if token == "" || !sameServer(c.Server, server) {
			continue
		}
		if c.Name == f.Current {
			return token
		}
		if first == "" {
			first = token
		}
	}
	return first
}
