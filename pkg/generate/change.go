package generate

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// change is what to write into one Secret.
type change struct {
	secret target
	edits  []edit
}

// target is the Secret as it lies on disk or will lie there.
type target struct {
	namespace, name string
	disk, shown     string // path to open, path to tell
	contract        string // path to tell
	document        int    // of the existing Secret in its file; 0 when it is new
	kind            corev1.SecretType
	labels          map[string]string
	annotations     map[string]string
}

// edit is one key to write.
type edit struct {
	key      string
	value    hidden
	previous hidden // nil when the key is not there
	comment  string // above a key that is new; may be empty
}

func newTarget(s *secret, o Options) target {
	t := target{
		namespace: s.namespace, name: s.spec.Name,
		disk: o.disk(s.path()), shown: o.shown(s.path()), contract: o.shown(s.app.Contract.Path),
		kind: s.spec.Type, labels: s.spec.Labels, annotations: s.annotations(),
	}
	if s.found != nil {
		t.document = s.found.Document
	}
	return t
}

// edit is what the key's step writes, if anything.
func (n *node) edit() (edit, bool) {
	e := edit{key: n.spec.Name, value: hide(n.value)}
	if n.item != nil {
		e.previous = hide(string(n.item.Value))
	}
	switch n.step.Action {
	case report.Create, report.Update:
		return e, true
	case report.Placeholder:
		e.value = hide(manifest.Placeholder)
		if n.spec.Kind == repo.KindExternal {
			e.comment = n.spec.Description
		}
		return e, n.item == nil
	default:
		return edit{}, false
	}
}

func (t *target) errorf(key, fix, format string, args ...any) error {
	return &manifest.Error{Path: t.shown, Object: "Secret " + t.namespace + "/" + t.name, Key: key, Problem: fmt.Sprintf(format, args...), Fix: fix}
}

// apply writes the change into the file's content and proves that it did this and no more.
func (c *change) apply(data []byte) ([]byte, error) {
	t := &c.secret
	doc := t.document
	var before []manifest.Secret
	var err error
	edits := make([]manifest.Edit, 0, 2*len(c.edits))
	if doc == 0 {
		doc, data, edits = 1, t.header(), t.metadata()
	} else if before, err = manifest.ReadSecrets(t.shown, data); err != nil {
		return nil, err
	} else if err := c.unchanged(before); err != nil {
		return nil, err
	}
	for _, e := range c.edits {
		if e.previous != nil { // it may stand under data
			edits = append(edits, manifest.Edit{Path: []string{"data", e.key}, Delete: true})
		}
		edits = append(edits, manifest.Edit{Path: []string{"stringData", e.key}, Value: e.value()})
	}
	if data, err = manifest.EditDocument(data, doc, edits); err != nil {
		return nil, fmt.Errorf("%s: %w", t.shown, err)
	}
	if data, err = c.comment(data); err != nil {
		return nil, err
	}
	after, err := manifest.ReadSecrets(t.shown, data)
	if err != nil {
		return nil, err
	}
	return data, c.prove(before, after)
}

// unchanged refuses a file that is not what it was when the plan was made.
func (c *change) unchanged(now []manifest.Secret) error {
	s := c.secret.in(now)
	for _, e := range c.edits {
		it := s.Item(e.key)
		if (it == nil) != (e.previous == nil) || it != nil && string(it.Value) != e.previous() {
			return c.secret.errorf(e.key, "run it again", "changed since the plan was made")
		}
	}
	return nil
}

// in is the target among Secrets; one without keys when it is not there.
func (t *target) in(secrets []manifest.Secret) *manifest.Secret {
	for i := range secrets {
		if s := &secrets[i]; s.Namespace == t.namespace && s.Name == t.name {
			return s
		}
	}
	return &manifest.Secret{}
}

// prove compares what stands in the file now with what should: every value of
// before, and in the target those of the edits.
func (c *change) prove(before, after []manifest.Secret) error {
	t := &c.secret
	want := map[string]string{}
	for _, it := range t.in(before).Items {
		want[it.Key] = string(it.Value)
	}
	for _, e := range c.edits {
		want[e.key] = e.value()
	}
	ok := maps.Equal(want, values(t.in(after))) && len(after) == max(len(before), 1)
	for i := range before {
		if s := &before[i]; ok && s != t.in(before) {
			ok = maps.Equal(values(s), values(&after[i]))
		}
	}
	if !ok {
		return t.errorf("", "give the Secret a file of its own, or write the missing keys by hand", "the file cannot be edited in place")
	}
	return nil
}

func values(s *manifest.Secret) map[string]string {
	out := make(map[string]string, len(s.Items))
	for _, it := range s.Items {
		out[it.Key] = string(it.Value)
	}
	return out
}

// header begins a new file.
func (t *target) header() []byte {
	return fmt.Appendf(nil, `# Plaintext of the Secret %s/%s. It stays out of Git.
# Where each value comes from: %s.
apiVersion: v1
kind: Secret
`, t.namespace, t.name, t.contract)
}

// metadata fills in the rest of a new Secret, but for its keys.
func (t *target) metadata() []manifest.Edit {
	set := func(value string, path ...string) manifest.Edit {
		return manifest.Edit{Path: path, Value: value, Plain: plain.MatchString(value)}
	}
	edits := []manifest.Edit{set(t.name, "metadata", "name"), set(t.namespace, "metadata", "namespace")}
	for _, k := range slices.Sorted(maps.Keys(t.labels)) {
		edits = append(edits, manifest.Edit{Path: []string{"metadata", "labels", k}, Value: t.labels[k]})
	}
	for _, k := range slices.Sorted(maps.Keys(t.annotations)) {
		edits = append(edits, manifest.Edit{Path: []string{"metadata", "annotations", k}, Value: t.annotations[k]})
	}
	return append(edits, set(string(t.kind), "type"))
}

// plain is text that YAML takes for nothing but a string: too long for a
// boolean or null, and no number begins with a letter.
var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9./-]{5,}$`)

// comment writes the descriptions above the new keys that have one. Where a key
// has no line of its own (JSON, flow style) there is no place for it.
func (c *change) comment(data []byte) ([]byte, error) {
	for _, e := range c.edits {
		if e.comment == "" || e.previous != nil {
			continue
		}
		secrets, err := manifest.ReadSecrets(c.secret.shown, data)
		if err != nil {
			return nil, err
		}
		if it := c.secret.in(secrets).Item(e.key); it != nil {
			data = insertComment(data, it.Line, e.key, e.comment)
		}
	}
	return data, nil
}

// insertComment puts a comment above the line of a key.
func insertComment(data []byte, line int, key, text string) []byte {
	lines := slices.Collect(bytes.Lines(data))
	at := lines[line-1]
	rest := bytes.TrimLeft(at, " ")
	if !bytes.HasPrefix(rest, []byte(key+":")) && !bytes.HasPrefix(rest, []byte(`"`+key+`":`)) {
		return data
	}
	indent, eol := at[:len(at)-len(rest)], "\n"
	if bytes.HasSuffix(at, []byte("\r\n")) {
		eol = "\r\n"
	}
	var comment []byte
	for l := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		comment = fmt.Appendf(comment, "%s# %s%s", indent, l, eol)
	}
	return slices.Concat(bytes.Join(lines[:line-1], nil), comment, bytes.Join(lines[line-1:], nil))
}
