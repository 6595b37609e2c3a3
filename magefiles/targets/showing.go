package targets

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/edit"
	"github.com/sealway/sealway/pkg/generate"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/seal"
)

// show is secrets:show.
func (s *session) show(ctx context.Context, app, secret, reveal string, force bool) error {
	selected, err := s.repo.Select(app)
	if err != nil {
		return err
	}
	known, err := s.contracted(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(known, func(a generate.App) bool { return a.Name == app })
	a := &known[i]
	if secret != "" {
		if _, err := s.place(known, app, secret, false); err != nil {
			return err
		}
	}
	if reveal != "" {
		return s.reveal(a, secret, reveal, force)
	}
	ledger, err := seal.OpenLedger(s.repo.StateDir(), nil)
	if err != nil {
		return err
	}
	states, err := seal.Keys(ctx, s.repo, selected[0], ledger)
	if err != nil {
		return err
	}
	for j := range a.Secrets {
		if secret == "" || a.Secrets[j].Name == secret {
			s.present(a, &a.Secrets[j], states)
		}
	}
	s.absent(a, secret)
	s.elsewhereWarnings(a, secret)
	s.report.Summary = s.shownSummary(app)
	return s.console.Report(s.report)
}

func (s *session) shownSummary(app string) string {
	n := s.keys(report.Sealed, report.Changed, report.NotSealed, report.Placeholder)
	if n == 0 {
		return app + " has no Secrets here"
	}
	text := fmt.Sprintf("%s: %d sealed", count(n, "key"), s.keys(report.Sealed))
	for _, a := range []report.Action{report.Changed, report.NotSealed} {
		if n := s.keys(a); n > 0 {
			text += fmt.Sprintf(", %d %s", n, a)
		}
	}
	if n := s.keys(report.Placeholder); n > 0 {
		text += fmt.Sprintf(", %d without a value here", n)
	}
	return text
}

// present is one line for each key of a plaintext Secret.
func (s *session) present(a *generate.App, secret *manifest.Secret, states []seal.KeyState) {
	var changed time.Time
	if info, err := os.Stat(filepath.Join(s.repo.Tree.Root, secret.Path)); err == nil {
		changed = info.ModTime()
	}
	for _, it := range secret.Items {
		e := report.Entry{Action: report.NotSealed, Application: a.Name, Namespace: secret.Namespace, Name: secret.Name, Path: secret.Path, Line: it.Line, Keys: []string{it.Key}}
		details := []string{originOf(a, secret, it.Key), length(it.Value)}
		i := slices.IndexFunc(states, func(k seal.KeyState) bool {
			return k.Namespace == secret.Namespace && k.Name == secret.Name && k.Key == it.Key
		})
		switch {
		case manifest.IsPlaceholder(it.Value):
			e.Action, details = report.Placeholder, details[:1]
		case i >= 0 && !states[i].Since.IsZero():
			e.Action = states[i].State
			details = append(details, "new "+age(s.now, states[i].Since))
		case i >= 0:
			e.Action = states[i].State
			details = append(details, "file changed "+age(s.now, changed))
			if states[i].Unproven {
				details = append(details, "whether it is this value that is sealed is not known on this machine")
			}
		}
		e.Detail = strings.Join(details, ", ")
		s.report.Entries = append(s.report.Entries, e)
	}
}

// originOf is the rule of a key as the contract has it.
func originOf(a *generate.App, s *manifest.Secret, key string) string {
	if a.Contract != nil {
		if spec := a.Contract.Secret(s.Name); spec != nil && spec.NamespaceOr(a.Namespace) == s.Namespace {
			if k := spec.Key(key); k != nil {
				return rule(k)
			}
		}
	}
	return "in no contract"
}

func rule(k *repo.KeySpec) string {
	text := string(k.Kind)
	switch {
	case k.Kind == repo.KindValue:
		text = "fixed value"
	case k.Kind == repo.KindLink:
		text = "link to " + k.Link.String()
	case len(k.Sources()) > 0:
		text += " of " + strings.Join(k.Sources(), ", ")
	case k.Kind == repo.KindExternal:
		text += ": " + k.Description
	}
	if k.Immutable {
		text += ", immutable"
	}
	return text
}

func length(v []byte) string {
	if !utf8.Valid(v) {
		return count(len(v), "byte")
	}
	return count(utf8.RuneCount(v), "character")
}

// absent is what the contract asks for and is not here.
func (s *session) absent(a *generate.App, secret string) {
	if a.Contract == nil {
		return
	}
	elsewhere := map[string]bool{}
	for _, ab := range a.Absent() {
		for _, k := range ab.Keys {
			elsewhere[ab.Secret+"/"+k] = true
		}
	}
	for i := range a.Contract.Secrets {
		spec := &a.Contract.Secrets[i]
		if secret != "" && spec.Name != secret {
			continue
		}
		namespace := spec.NamespaceOr(a.Namespace)
		for _, k := range spec.Keys {
			if slices.ContainsFunc(a.Secrets, func(s manifest.Secret) bool {
				return s.Name == spec.Name && s.Namespace == namespace && s.Item(k.Name) != nil
			}) {
				continue
			}
			e := report.Entry{Action: report.Placeholder, Application: a.Name, Namespace: namespace,
				Name: spec.Name, Path: a.Contract.Path, Line: k.Line, Keys: []string{k.Name}, Detail: rule(&k) + ", not here"}
			if elsewhere[spec.Name+"/"+k.Name] {
				e.Action, e.Detail = report.Sealed, rule(&k)+", its plaintext is not on this machine"
			}
			s.report.Entries = append(s.report.Entries, e)
		}
	}
}

// reveal prints one value.
func (s *session) reveal(a *generate.App, secret, key string, force bool) error {
	if s.config.JSON {
		return &console.Usage{Problem: "secrets:show: -reveal prints a value and nothing else", Advice: "leave out -json"}
	}
	if !force && !console.IsTerminal(os.Stdout) {
		return &console.Usage{Problem: "secrets:show: -reveal is for a terminal, and stdout is none", Advice: "-force prints the value all the same; a log or a file keeps it for ever"}
	}
	if of, rest, ok := strings.Cut(key, "/"); ok {
		secret, key = of, rest
	}
	var found []*manifest.Item
	var names, known []string
	for i := range a.Secrets {
		for _, it := range a.Secrets[i].Items {
			known = append(known, a.Secrets[i].Name+"/"+it.Key)
		}
		if it := a.Secrets[i].Item(key); it != nil && (secret == "" || a.Secrets[i].Name == secret) {
			found, names = append(found, it), append(names, a.Secrets[i].Name+"/"+key)
		}
	}
	switch len(found) {
	case 1:
		return s.console.Reveal(found[0].Value)
	case 0:
		return &edit.UnknownError{Application: a.Name, Name: secret, Key: key, Known: known}
	}
	return &console.Usage{Problem: fmt.Sprintf("secrets:show: %d Secrets have the key %q", len(found), key), Advice: "-reveal takes one of " + strings.Join(names, ", ")}
}
