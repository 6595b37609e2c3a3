package edit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// Remark begins the lines that View and Explain add and Merge takes out again.
const Remark = "#:"

// View is the file as an editor shows it: values are hidden, or not with plain. What
// the contract fixes and what only stands in for a value is no secret and is shown.
func (p *Place) View(plain bool) ([]byte, error) {
	if p.Secret == nil {
		return nil, p.missing()
	}
	text := p.Base
	if !plain {
		var err error
		if text, err = manifest.Redact(p.Path, p.Base, p.hides); err != nil {
			return nil, err
		}
	}
	return slices.Concat(p.remarks(plain), text), nil
}

func (p *Place) missing() error {
	fix := fmt.Sprintf("`mage secrets:generate -app=%s` makes it", p.App.Name)
	if slices.ContainsFunc(p.App.Sealed, func(s manifest.Sealed) bool { return s.Name == p.Name }) {
		fix = fmt.Sprintf("it is sealed, and its plaintext is on another machine or in the cluster: `mage secrets:import %s %s -from=cluster`", p.App.Name, p.Name)
	}
	return p.errorf("", fix, "there is no plaintext here to edit")
}

func (p *Place) hides(s *manifest.Secret, it *manifest.Item) bool {
	if manifest.IsPlaceholder(it.Value) {
		return false
	}
	k := p.ruleOf(s, it.Key)
	return k == nil || k.Kind != repo.KindValue || k.Value != string(it.Value)
}

// ruleOf is the rule of a key of any Secret of the file.
func (p *Place) ruleOf(s *manifest.Secret, key string) *repo.KeySpec {
	if p.App.Contract == nil {
		return nil
	}
	spec := p.App.Contract.Secret(s.Name)
	if spec == nil || spec.NamespaceOr(p.App.Namespace) != s.Namespace {
		return nil
	}
	return spec.Key(key)
}

// remarks head the text in the editor.
func (p *Place) remarks(plain bool) []byte {
	text := []string{
		fmt.Sprintf("%s in %s. Lines that begin with %s are left out.", p.Object(), p.Path, Remark),
		"A line left as it is keeps its value. Type a new one between the quotes, add keys, delete keys;",
		"In 'single quotes' everything stands as it is, but a ' itself is written ''. Quit without a change and nothing is saved.",
	}
	if plain {
		text = []string{text[0], "The values are the real ones."}
	}
	if p.Spec != nil {
		for _, k := range p.Spec.Keys {
			switch {
			case k.Immutable:
				text = append(text, k.Name+": immutable")
			case computed(&k):
				text = append(text, k.Name+": made of "+sources(&k)+", and follows")
			}
		}
	}
	return []byte(Remark + " " + strings.Join(text, "\n"+Remark+" ") + "\n")
}

// Explain puts an error above an edited text, for another try. Lines are counted as
// the editor counts them.
func (p *Place) Explain(edited []byte, problem error, plain bool) []byte {
	var lines []string
	all := flatten(problem)
	head := bytes.Count(p.remarks(plain), []byte("\n")) + 2
	for _, e := range all {
		head++
		if hint(e) != "" {
			head++
		}
	}
	for _, e := range all {
		text := e.Error()
		var m *manifest.Error
		if errors.As(e, &m) && m.Line > 0 {
			there := *m
			there.Path, there.Line = fmt.Sprintf("line %d", m.Line+head), 0
			text = there.Error()
		}
		lines = append(lines, text)
		if h := hint(e); h != "" {
			lines = append(lines, "  "+h)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s This cannot be saved yet. Quit without a change to give up.\n", Remark)
	for _, l := range lines {
		fmt.Fprintf(&b, "%s   %s\n", Remark, strings.ReplaceAll(l, "\n", " "))
	}
	fmt.Fprintf(&b, "%s\n", Remark)
	return slices.Concat([]byte(b.String()), p.remarks(plain), manifest.Uncommented(edited, Remark))
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func flatten(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok { // the outermost layer alone
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, flatten(e)...)
		}
		return out
	}
	return []error{err}
}

// Merge makes a change of an edited text: view is what View made, edited what came
// back. A text that did not change is no change.
func (p *Place) Merge(view, edited []byte, plain bool) (*Change, error) {
	c := &Change{Place: p}
	text := manifest.Uncommented(edited, Remark)
	if bytes.Equal(text, manifest.Uncommented(view, Remark)) {
		return c, nil
	}
	var err error
	if plain {
		c.Data = slices.Clip(text)
	} else if c.Data, err = manifest.Restore(p.Path, p.Base, text); err != nil {
		return nil, err
	}
	if c.Secrets, err = manifest.ReadSecrets(p.Path, c.Data); err != nil {
		return nil, err
	}
	if bytes.Equal(c.Data, p.Base) {
		c.Data = nil
		return c, nil
	}
	if err := c.compare(); err != nil {
		if !plain { // the lines are those of the file and not those of the view
			err = manifest.WithoutLines(err)
		}
		return nil, err
	}
	return c, nil
}

// compare tells what became of the keys of every Secret of the file.
func (c *Change) compare() error {
	var errs []error
	none := &manifest.Secret{}
	before := slices.DeleteFunc(slices.Clone(c.Place.App.Secrets), func(s manifest.Secret) bool { return s.Path != c.Place.Path })
	for i := range c.Secrets {
		s := &c.Secrets[i]
		errs = append(errs, c.secret(same(before, s, none), s))
	}
	for i := range before {
		if s := &before[i]; same(c.Secrets, s, nil) == nil {
			errs = append(errs, c.secret(s, &manifest.Secret{Path: s.Path, Namespace: s.Namespace, Name: s.Name}))
		}
	}
	return errors.Join(errs...)
}

// same is the Secret of the same name in a list, or otherwise.
func same(list []manifest.Secret, s, otherwise *manifest.Secret) *manifest.Secret {
	for i := range list {
		if list[i].Name == s.Name && list[i].Namespace == s.Namespace {
			return &list[i]
		}
	}
	return otherwise
}

// secret compares one Secret.
func (c *Change) secret(old, s *manifest.Secret) error {
	p := c.Place
	var errs []error
	actions := map[report.Action][]string{}
	for _, it := range s.Items {
		have := old.Item(it.Key)
		action := report.Update
		switch {
		case have != nil && bytes.Equal(have.Value, it.Value):
			continue
		case have == nil || manifest.IsPlaceholder(have.Value):
			action = report.Create
		}
		actions[action] = append(actions[action], it.Key)
		errs = append(errs, p.allowed(s, have, &it))
		c.Changed = append(c.Changed, repo.Ref{Application: p.App.Name, Secret: s.Name, Key: it.Key})
	}
	for _, it := range old.Items {
		if s.Item(it.Key) == nil {
			actions[report.Delete] = append(actions[report.Delete], it.Key)
		}
	}
	at := &Change{Place: &Place{App: p.App, Namespace: s.Namespace, Name: s.Name, Path: p.Path, Secret: s}}
	for _, a := range []report.Action{report.Create, report.Update, report.Delete} {
		at.add(a, actions[a])
	}
	c.Entries = append(c.Entries, at.Entries...)
	return errors.Join(errs...)
}

// allowed holds a new value of the editor against the contract.
func (p *Place) allowed(s *manifest.Secret, have, it *manifest.Item) error {
	k := p.ruleOf(s, it.Key)
	switch {
	case k == nil:
		return nil
	case k.Kind == repo.KindValue && k.Value != string(it.Value):
		return s.Errorf(it.Key, "change it there", "the value is fixed in %s:%d", p.App.Contract.Path, k.Line)
	case computed(k):
		return s.Errorf(it.Key, "leave it as it was: it follows", "the value is made of %s (%s:%d)", sources(k), p.App.Contract.Path, k.Line)
	case k.Immutable && have != nil && !manifest.IsPlaceholder(have.Value):
		return s.Errorf(it.Key, "leave it as it was: what was made with the old value would be lost", "immutable (%s:%d)", p.App.Contract.Path, k.Line)
	}
	return nil
}
