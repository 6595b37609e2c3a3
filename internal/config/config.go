// Package config puts a run's settings together: defaults, then .sealway.yaml at
// the repository's root, then the environment, then what the command line says.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// File is the name of the settings file at the repository's root.
const File = ".sealway.yaml"

// Config are the settings of a run.
type Config struct {
	Applications string            `yaml:"applications"` // folder of the applications; default "applications"
	Plaintext    string            `yaml:"plaintext"`    // folder of the plaintext Secrets in an application; default "local-secrets"
	Sealed       string            `yaml:"sealed"`       // folder of the sealed files in an application; default "templates"
	Contract     string            `yaml:"contract"`     // the application's contract; default "secrets.yaml"
	Pin          string            `yaml:"certificate"`  // the pinned certificate; default "sealed-secrets.pem"
	Namespaces   map[string]string `yaml:"namespaces"`   // application -> namespace; default: the application's name
	Controller   Controller        `yaml:"controller"`
	ArgoCD       ArgoCD            `yaml:"argocd"`
	Context      string            `yaml:"context"` // kubeconfig context; default: the current one
	Verify       Verify            `yaml:"verify"`
	Guard        Guard             `yaml:"guard"`
	GitHub       *bool             `yaml:"github"` // summary and annotations in GitHub Actions; default true

	Editor      string `yaml:"-"` // VISUAL, else EDITOR
	Certificate string `yaml:"-"` // SEALED_SECRETS_CERT: file or URL of the certificate to seal with
	JSON        bool   `yaml:"-"` // SEALWAY_OUTPUT=json
	Verbose     bool   `yaml:"-"` // SEALWAY_VERBOSE: unchanged entries too
	Colour      bool   `yaml:"-"` // neither NO_COLOR nor TERM=dumb
	CI          bool   `yaml:"-"` // CI: plain progress lines
	Unicode     bool   `yaml:"-"` // the locale is UTF-8, and neither TERM=dumb, TERM=linux nor CI says that symbols may be missing
	Annotate    bool   `yaml:"-"` // GITHUB_ACTIONS=true: annotations on stderr
	StepSummary string `yaml:"-"` // GITHUB_STEP_SUMMARY, with GITHUB_ACTIONS=true: the file that takes the step's summary
	Index       string `yaml:"-"` // GIT_INDEX_FILE: the index that a commit is built in, for its hooks
}

// Controller names the Sealed Secrets controller's Service.
type Controller struct {
	Namespace string `yaml:"namespace"` // default "kube-system"
	Name      string `yaml:"name"`      // default: found by its usual names and its label
}

// ArgoCD names Argo CD's server: its Service in the cluster, or an address that
// needs no tunnel. The environment's names are the argocd CLI's; the file cannot say
// an address, for whoever writes it would say where the token goes.
type ArgoCD struct {
	Namespace string `yaml:"namespace"` // of the Service; default "argocd", else wherever it is
	Name      string `yaml:"name"`      // of the Service; default "argocd-server", else by its label

	Server     string `yaml:"-"` // ARGOCD_SERVER: host, host:port or URL; default: through the cluster
	Token      string `yaml:"-"` // ARGOCD_AUTH_TOKEN
	Plaintext  bool   `yaml:"-"` // ARGOCD_OPTS: --plaintext
	Insecure   bool   `yaml:"-"` // ARGOCD_OPTS: --insecure
	ServerCert string `yaml:"-"` // ARGOCD_OPTS: --server-crt FILE

	NotUnderstood []string `yaml:"-"` // flags in ARGOCD_OPTS that mean nothing here
}

// options reads of ARGOCD_OPTS what is about the connection; the rest is the CLI's.
func (a *ArgoCD) options(text string) {
	words := optionWords(text)
	for i, w := range words {
		off := i+1 < len(words) && words[i+1] == "false"
		switch w {
		case "--plaintext":
			a.Plaintext = !off
		case "--insecure":
			a.Insecure = !off
		case "--server-crt":
			if i+1 < len(words) {
				a.ServerCert = words[i+1]
			}
		default:
			if strings.HasPrefix(w, "-") && !slices.Contains(spared, w) {
				a.NotUnderstood = append(a.NotUnderstood, w)
			}
		}
	}
}

// spared are flags of the CLI that change nothing of what is asked or of whom.
var spared = []string{"--grpc-web", "--http-retry-max", "--logformat", "--loglevel", "--prompts-enabled"}

// optionWords splits as the CLI does: quotes hold a word together. A flag and its value
// are two words, however they were joined.
func optionWords(text string) (words []string) {
	var word strings.Builder
	begun, quote := false, rune(0)
	end := func() {
		if !begun {
			return
		}
		flag, value, joined := strings.Cut(word.String(), "=")
		if joined && strings.HasPrefix(flag, "-") {
			words = append(words, flag, value)
		} else {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	for _, r := range text {
		switch {
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			end()
		case quote == 0 && (r == '"' || r == '\''):
			quote, begun = r, true
		case r == quote:
			quote = 0
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	end()
	return words
}

// Load reads the settings of the repository with the given root. lookup is os.LookupEnv.
func Load(root string, lookup func(string) (string, bool)) (*Config, error) {
	var c Config
	data, err := os.ReadFile(filepath.Join(root, File))
	switch {
	case err == nil:
		if err := c.parse(data); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", File, err)
	}
	return &c, c.environment(lookup)
}

var (
	fieldNotFound = regexp.MustCompile(`line (\d+): field (\S+) not found`)
	anyProblem    = regexp.MustCompile(`line (\d+): (.*)`) // a syntax error, or the first of several of type
)

// parse reads the file strictly: a misspelt name is an error.
func (c *Config) parse(data []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	err := dec.Decode(c)
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	if m := fieldNotFound.FindStringSubmatch(err.Error()); m != nil {
		return &Error{Where: File + ":" + m[1], Problem: fmt.Sprintf("unknown setting %q", m[2])}
	}
	if m := anyProblem.FindStringSubmatch(err.Error()); m != nil {
		return &Error{Where: File + ":" + m[1], Problem: m[2]}
	}
	return &Error{Where: File, Problem: err.Error()}
}

// environment overrides with what is set; the SEALED_SECRETS names are kubeseal's.
func (c *Config) environment(lookup func(string) (string, bool)) error {
	if c.Editor, _ = lookup("VISUAL"); c.Editor == "" {
		c.Editor, _ = lookup("EDITOR")
	}
	for name, field := range map[string]*string{
		"SEALWAY_CONTEXT":                     &c.Context,
		"SEALED_SECRETS_CERT":                 &c.Certificate,
		"SEALED_SECRETS_CONTROLLER_NAME":      &c.Controller.Name,
		"SEALED_SECRETS_CONTROLLER_NAMESPACE": &c.Controller.Namespace,
		"ARGOCD_SERVER":                       &c.ArgoCD.Server,
		"ARGOCD_AUTH_TOKEN":                   &c.ArgoCD.Token,
		"GIT_INDEX_FILE":                      &c.Index,
	} {
		if v, ok := lookup(name); ok && v != "" {
			*field = v
		}
	}
	if opts, ok := lookup("ARGOCD_OPTS"); ok {
		c.ArgoCD.options(opts)
	}
	switch v, _ := lookup("SEALWAY_OUTPUT"); v {
	case "json":
		c.JSON = true
	case "", "text":
	default:
		return &Error{Where: "SEALWAY_OUTPUT", Problem: fmt.Sprintf("%q is neither text nor json", v)}
	}
	set := func(name string) bool {
		v, _ := lookup(name)
		return v != "" && v != "0" && v != "false"
	}
	c.github(lookup)
	term, _ := lookup("TERM")
	c.Verbose, c.CI = set("SEALWAY_VERBOSE"), set("CI")
	c.Colour = !set("NO_COLOR") && term != "dumb"
	c.Unicode = utf8(lookup) && term != "dumb" && term != "linux" && !c.CI
	return nil
}

// github says what is printed for GitHub Actions; SEALWAY_GITHUB is over the file.
func (c *Config) github(lookup func(string) (string, bool)) {
	on := c.GitHub == nil || *c.GitHub
	if v, _ := lookup("SEALWAY_GITHUB"); v != "" {
		on = v != "0" && v != "false"
	}
	if v, _ := lookup("GITHUB_ACTIONS"); v == "true" && on {
		c.Annotate = true
		c.StepSummary, _ = lookup("GITHUB_STEP_SUMMARY")
	}
}

// utf8 says that the locale's characters are UTF-8; the first variable that is set decides.
func utf8(lookup func(string) (string, bool)) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v, _ := lookup(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// Error is a wrong setting.
type Error struct{ Where, Problem string }

func (e *Error) Error() string { return e.Where + ": " + e.Problem }

// Hint points to the list of settings.
func (e *Error) Hint() string { return "the settings are listed in docs/configuration.md" }

// Usage marks the error as one of usage: exit status 2.
func (e *Error) Usage() bool { return true }
