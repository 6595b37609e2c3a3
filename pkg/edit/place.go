package edit

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// App is what is known of an application.
type App struct {
	Name      string
	Namespace string            // where its Secrets live unless the contract says otherwise
	Dir       string            // folder of the plaintext files, as in the Paths of Secrets
	Contract  *repo.Contract    // nil when it has none
	Secrets   []manifest.Secret // all of its plaintext
	Sealed    []manifest.Sealed // those committed
}

// Place is one Secret as it lies on disk or will lie there.
type Place struct {
	App             *App
	Namespace, Name string
	Path            string           // of its file
	Secret          *manifest.Secret // nil when it is not there
	Spec            *repo.SecretSpec // nil when no contract knows it
	Base            []byte           // content of the file; nil when there is none
}

// Find looks for a Secret by its name among plaintext and contract. One that is in
// neither is an *UnknownError, unless fresh is set: then it gets a place. read gives
// the content of a file.
func Find(a *App, name string, fresh bool, read func(path string) ([]byte, error)) (*Place, error) {
	p := &Place{App: a, Name: name, Namespace: a.Namespace, Path: path.Join(a.Dir, name+".yaml")}
	if a.Contract != nil {
		p.Spec = a.Contract.Secret(name)
	}
	if p.Spec != nil {
		p.Namespace = p.Spec.NamespaceOr(a.Namespace)
	}
	if err := p.find(); err != nil {
		return nil, err
	}
	switch {
	case p.Secret == nil && p.Spec == nil && !fresh:
		return nil, &UnknownError{Application: a.Name, Name: name, Known: a.names()}
	case p.Secret == nil:
		if i := slices.IndexFunc(a.Secrets, func(s manifest.Secret) bool { return s.Path == p.Path }); i >= 0 {
			return nil, a.Secrets[i].Errorf("", "give that Secret a file of its own name", "the file is in the way: Secret %s/%s belongs here", p.Namespace, name)
		}
		return p, nil
	}
	var err error
	p.Base, err = read(p.Path)
	return p, err
}

func (p *Place) find() error {
	for i := range p.App.Secrets {
		s := &p.App.Secrets[i]
		if s.Name != p.Name {
			continue
		}
		if p.Secret != nil {
			return s.Errorf("", "keep one of the two", "a Secret of this name stands in %s:%d too", p.Secret.Path, p.Secret.Line)
		}
		p.Secret, p.Namespace, p.Path = s, s.Namespace, s.Path
	}
	return nil
}

// names are the Secrets of the application, sorted.
func (a *App) names() []string {
	var out []string
	for _, s := range a.Secrets {
		out = append(out, s.Name)
	}
	if a.Contract != nil {
		for _, s := range a.Contract.Secrets {
			out = append(out, s.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Near is the name of a Secret that there is and that this one, which there is not, may be
// a misspelling of: one letter in five is another, or one name is the beginning or the
// end of the other. A number that is another is meant. Empty when there is none.
func (p *Place) Near() string {
	if p.Secret != nil || p.Spec != nil || slices.ContainsFunc(p.App.Sealed, func(s manifest.Sealed) bool { return s.Name == p.Name }) {
		return ""
	}
	best, least := "", 0
	for _, name := range p.App.names() {
		if unnumbered(name) == unnumbered(p.Name) {
			continue
		}
		d := distance(p.Name, name)
		if len(p.Name) > 2 && (strings.HasPrefix(name, p.Name) || strings.HasSuffix(name, p.Name)) {
			d = 1
		}
		if d <= max(1, len(name)/5) && (best == "" || d < least) {
			best, least = name, d
		}
	}
	return best
}

func unnumbered(name string) string {
	return strings.TrimRight(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, name), "-")
}

// distance is Levenshtein's, with bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// Object names the Secret in messages.
func (p *Place) Object() string { return "Secret " + p.Namespace + "/" + p.Name }

// Ref is the key as a contract names it.
func (p *Place) Ref(key string) repo.Ref {
	return repo.Ref{Application: p.App.Name, Secret: p.Name, Key: key}
}

// rule is the contract's line about a key; nil when it has none.
func (p *Place) rule(key string) *repo.KeySpec {
	if p.Spec == nil {
		return nil
	}
	return p.Spec.Key(key)
}

// value is the key's value; nil when there is none.
func (p *Place) value(key string) []byte {
	if p.Secret == nil {
		return nil
	}
	if it := p.Secret.Item(key); it != nil {
		return it.Value
	}
	return nil
}

// keys are those of file and contract, sorted.
func (p *Place) keys() []string {
	var out []string
	if p.Secret != nil {
		for _, it := range p.Secret.Items {
			out = append(out, it.Key)
		}
	}
	if p.Spec != nil {
		for _, k := range p.Spec.Keys {
			out = append(out, k.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// errorf is an error about one key.
func (p *Place) errorf(key, fix, format string, args ...any) error {
	if p.Secret != nil {
		return p.Secret.Errorf(key, fix, format, args...)
	}
	return &manifest.Error{Path: p.Path, Object: p.Object(), Key: key, Problem: fmt.Sprintf(format, args...), Fix: fix}
}

// UnknownError is a Secret or a key that is neither in a file nor in a contract:
// most likely it is misspelt.
type UnknownError struct {
	Application, Name string // no Name: any Secret of the application
	Key               string // empty when the Secret itself is meant
	Known             []string
}

func (e *UnknownError) Error() string {
	if e.Key != "" && e.Name == "" {
		return fmt.Sprintf("key %q: no Secret of %s has it here", e.Key, e.Application)
	}
	if e.Key != "" {
		return fmt.Sprintf("key %q: neither Secret %s nor its contract has it", e.Key, e.Name)
	}
	return fmt.Sprintf("Secret %q: neither %s's local-secrets nor its contract has it", e.Name, e.Application)
}

// Hint lists what there is.
func (e *UnknownError) Hint() string {
	text := "there are: " + strings.Join(e.Known, ", ")
	if len(e.Known) == 0 {
		text = "there is none yet"
	}
	return text
}

// Usage marks the error as one of usage: exit status 2.
func (e *UnknownError) Usage() bool { return true }
