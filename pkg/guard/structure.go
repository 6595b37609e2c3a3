package guard

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sealway/sealway/pkg/manifest"
)

// Rules of a finding.
const (
	RuleFile       = "plaintext-file"       // a file of a plaintext folder is in Git
	RuleSecret     = "plaintext-secret"     // a Secret with data or stringData
	RuleApplied    = "last-applied-secret"  // a copy of a Secret in kubectl's annotation
	RuleGenerator  = "secret-generator"     // a literal of a kustomize secretGenerator, or its file
	RulePatch      = "secret-patch"         // a JSON patch that sets a value of a Secret
	RuleCiphertext = "ciphertext-malformed" // an item of a SealedSecret is not ciphertext
	RuleTemplate   = "sealed-template"      // spec.template.data of a SealedSecret has a secret in it
	RuleToken      = "token"                // a token of an unmistakable form
	RuleValue      = "plaintext-value"      // a value that this machine has in plaintext
	RuleAllow      = "allow-invalid"        // an entry of the allow-list lacks something
	RuleExpired    = "allow-expired"        // an entry of the allow-list is over
)

const (
	lastApplied     = "kubectl.kubernetes.io/last-applied-configuration"
	maxEmbedded     = 3 // documents in strings of documents in strings
	minSecretLength = 8 // of a value that is looked for: shorter ones stand in ordinary words
)

// hit is a finding in one blob.
type hit struct {
	rule        string
	line, end   int
	object, key string
	message     string
	archive     bool // in a file of an archive
}

// walker goes through one document.
type walker struct {
	template *template // nil for a text without actions
	shift    int       // to add to a node's line
	fixed    int       // the line of everything, where positions are not known
	depth    int
	sops     bool
	rule     string // in place of RuleSecret, inside an annotation
	patching bool   // the document patches a Secret
	seen     map[*yaml.Node]bool
	scalars  func(text string, line int) // sees every scalar that is not written as it is meant
	hits     []hit
	sources  []source // files that become Secrets
}

func (w *walker) at(n *yaml.Node) int {
	if w.fixed > 0 || n.Line == 0 {
		return max(w.fixed, 1)
	}
	return n.Line + w.shift
}

func (w *walker) add(rule string, n *yaml.Node, end *yaml.Node, object, key, message string) {
	h := hit{rule: rule, line: w.at(n), object: object, key: w.plainKey(key), message: message}
	h.end = h.line
	if end != nil && w.fixed == 0 {
		h.end = max(h.line, lastLine(end)+w.shift)
	}
	w.hits = append(w.hits, h)
}

// plainKey is a key without marks; nothing when it may be a value that slipped
// out of its place.
func (w *walker) plainKey(key string) string {
	key = mark.ReplaceAllString(key, "{{…}}")
	if len(key) > 128 || strings.ContainsAny(key, "\n\r\t \"'") {
		return ""
	}
	return key
}

func (w *walker) visit(n *yaml.Node, depth int) {
	n = resolve(n)
	if n == nil || w.seen[n] || depth > maxDepth {
		return
	}
	w.seen[n] = true
	switch n.Kind {
	case yaml.MappingNode:
		w.object(n)
		for _, c := range n.Content {
			w.visit(c, depth+1)
		}
	case yaml.DocumentNode, yaml.SequenceNode:
		for _, c := range n.Content {
			w.visit(c, depth+1)
		}
	case yaml.ScalarNode:
		w.scalar(n)
	}
}

// object judges a mapping, wherever in a document it stands.
func (w *walker) object(n *yaml.Node) {
	list := pairs(n)
	kinds, versions := texts(list, "kind"), texts(list, "apiVersion")
	switch {
	case w.isKind(kinds, "Secret") && w.isVersion(versions, func(v string) bool { return v == "v1" }):
		w.secret(list)
	case w.isKind(kinds, "SealedSecret") && w.isVersion(versions, func(v string) bool { return strings.HasPrefix(v, "bitnami.com/") }):
		w.sealed(list)
	}
	for _, g := range values(list, "secretGenerator") {
		w.generator(g)
	}
	for _, p := range list {
		if p.key == lastApplied && p.node.Kind == yaml.ScalarNode {
			w.applied(p)
		}
	}
	w.patch(list)
}

// isKind reports whether one of the kinds, or what stands between the actions of
// one, is the wanted one.
func (w *walker) isKind(kinds []string, want string) bool {
	for _, k := range kinds {
		for _, part := range mark.Split(k, -1) {
			if part == want {
				return true
			}
		}
		_, actions := w.template.unmark(k)
		for _, a := range actions {
			if slices.Contains(brings(a, w.template.variables), want) {
				return true
			}
		}
	}
	return false
}

// isVersion is generous: no version, or one that is filled in, may be any.
func (w *walker) isVersion(versions []string, want func(string) bool) bool {
	if len(versions) == 0 {
		return true
	}
	for _, v := range versions {
		if v == "" || strings.ContainsRune(v, markOpen) || want(v) {
			return true
		}
	}
	return false
}

func (w *walker) name(kind string, list []pair) string {
	name, namespace := "", ""
	for _, m := range values(list, "metadata") {
		meta := pairs(m)
		name, namespace = last(meta, "name"), last(meta, "namespace")
	}
	full := mark.ReplaceAllString(strings.Trim(namespace+"/"+name, "/"), "{{…}}")
	if full == "" || len(full) > 320 || strings.ContainsAny(full, "\n\r\t") {
		return kind
	}
	return kind + " " + full
}

// secret judges a v1 Secret: every value in data and stringData is plaintext to
// anybody who reads the file.
func (w *walker) secret(list []pair) {
	object := w.name("Secret", list)
	encrypted := w.sops || len(values(list, "sops")) > 0
	for _, p := range list {
		field := strings.ToLower(p.key) // a misspelt one is not taken, and can be read all the same
		if field != "data" && field != "stringdata" {
			continue
		}
		w.fields(p, object, field == "data", encrypted)
	}
}

func (w *walker) fields(field pair, object string, inData, encrypted bool) {
	rule := RuleSecret
	if w.rule != "" {
		rule = w.rule
	}
	if field.node.Kind != yaml.MappingNode {
		if field.node.Kind == yaml.ScalarNode && !isNull(field.node) && w.telling(textOf(field.node)) {
			w.add(rule, field.name, field.node, object, "", "a Secret in plaintext: "+field.key+" is no mapping, and can be read")
		}
		for _, item := range field.node.Content {
			if field.node.Kind == yaml.SequenceNode && w.discloses(item, inData) {
				w.add(rule, field.name, field.node, object, "", "a Secret in plaintext: "+field.key+" is no mapping, and can be read")
				return
			}
		}
		return
	}
	w.seen[field.node] = true
	for _, p := range pairs(field.node) {
		if p.key == "<<" && p.node.Kind != yaml.ScalarNode {
			continue // its entries are among the others
		}
		if !w.discloses(p.node, inData) {
			continue
		}
		message := "a Secret in plaintext"
		switch {
		case encrypted && isSOPS(p.node):
			continue
		case encrypted:
			message = "sops has not encrypted this value"
		case w.rule == RuleApplied:
			message = "an annotation of kubectl's holds this Secret in plaintext"
		}
		w.add(rule, p.name, p.node, object, p.key, message)
	}
}

var sopsValue = regexp.MustCompile(`^ENC\[AES256_GCM,data:[^\]]*,type:[a-z]+\]$`)

func isSOPS(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Value == "" || sopsValue.MatchString(strings.TrimSpace(n.Value)))
}

// discloses reports whether a value of a Secret can be read.
func (w *walker) discloses(n *yaml.Node, inData bool) bool {
	n = resolve(n)
	if n == nil || isNull(n) || isAction(n) {
		return false
	}
	if n.Kind != yaml.ScalarNode {
		return len(n.Content) > 0
	}
	text := textOf(n)
	if !w.telling(text) {
		return false
	}
	if inData {
		if raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), "")); err == nil {
			return telling(string(raw))
		}
	}
	return true
}

// isAction is how YAML reads an action without quotes: a mapping as the key of a mapping.
func isAction(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && len(n.Content) == 2 &&
		n.Content[0].Kind == yaml.MappingNode && n.Content[0].Style&yaml.FlowStyle != 0
}

// telling reports whether a value, or what stands beside its actions, is one.
func (w *walker) telling(value string) bool {
	t := w.template
	if t == nil && opening([]byte(value)) >= 0 { // the text was taken as it stands
		own := neutralise([]byte(value))
		t, value = &own, string(own.text)
	}
	rest, actions := t.unmark(value)
	for _, a := range actions {
		if t.literal(a) {
			return true
		}
	}
	if len(actions) > 0 && connectsActions(value) {
		return false
	}
	return telling(rest)
}

// A URL whose password is an action, and punctuation between actions, disclose nothing.
var (
	urlOfActions = regexp.MustCompile(`^\s*[a-z][a-z0-9+.-]*://[^:@/\s]*:\x{e000}\d+\x{e001}@\S*\s*$`)
	punctuation  = regexp.MustCompile(`^[\s:/@.,;|+_=&?%"'-]*$`)
)

func connectsActions(value string) bool {
	return urlOfActions.MatchString(value) || punctuation.MatchString(mark.ReplaceAllString(value, ""))
}

// Values that stand for one which is elsewhere.
var reference = regexp.MustCompile(`^(?:\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$\([A-Za-z_][A-Za-z0-9_]*\)|\$[A-Z_][A-Z0-9_]*|\{\{[^{}]*\}\}|<path:[^<>\s]+>|<[A-Za-z0-9 _./-]+>|(?:ref\+[a-z0-9]+|vault|op|secretref|awssm|gcpsm):[^\s]+[/#][^\s]+|\$ANSIBLE_VAULT;[\s\S]+)$`)

// telling reports whether a value is one: not nothing, no placeholder, no
// reference to somewhere else.
func telling(value string) bool {
	value = strings.TrimSpace(value)
	return !manifest.IsPlaceholder([]byte(value)) && !reference.MatchString(value)
}

// applied looks into the copy that kubectl keeps of what was applied.
func (w *walker) applied(p pair) {
	before := len(w.hits)
	w.embedded(p.node, RuleApplied, false)
	w.seen[p.node] = true
	if len(w.hits) == before && looseSecret.MatchString(textOf(p.node)) {
		w.add(RuleApplied, p.name, p.node, "", "", "an annotation of kubectl's holds a Secret in plaintext")
	}
}

var looseSecret = regexp.MustCompile(`"kind"\s*:\s*"Secret"[\s\S]*"(?:data|stringData)"\s*:\s*\{\s*"|"(?:data|stringData)"\s*:\s*\{\s*"[\s\S]*"kind"\s*:\s*"Secret"`)

// scalar looks into a text that may be a document of its own, and hands over
// what is not written as it is meant.
func (w *walker) scalar(n *yaml.Node) {
	text := textOf(n)
	if len(text) < minSecretLength {
		return
	}
	if w.scalars != nil && (n.Style != 0 || strings.Contains(text, "\n")) {
		w.scalars(text, w.at(n))
	}
	if strings.Contains(text, "Secret") || w.patching && strings.Contains(text, "ata/") {
		if strings.ContainsAny(text, "\n{") {
			w.embedded(n, w.rule, w.patching)
		}
	}
}

// embedded looks into a document in a string: a manifest in a ConfigMap, in the
// values of an Argo CD Application, in kubectl's annotation.
func (w *walker) embedded(n *yaml.Node, rule string, patching bool) {
	if w.depth >= maxEmbedded {
		return
	}
	docs, _ := documents([]byte(textOf(n)))
	for _, d := range docs {
		root := d.root
		if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
			root = root.Content[0]
		}
		if root.Kind == yaml.ScalarNode {
			continue
		}
		in := walker{template: w.template, depth: w.depth + 1, rule: rule, patching: patching, seen: map[*yaml.Node]bool{}, fixed: w.at(n)}
		if w.fixed == 0 && n.Style&yaml.LiteralStyle != 0 {
			in.fixed, in.shift = 0, w.at(n)+d.line-1
		}
		in.document(root)
		w.hits = append(w.hits, in.hits...)
		w.sources = append(w.sources, in.sources...)
	}
}

// document judges a whole document.
func (w *walker) document(root *yaml.Node) {
	for _, s := range dig(unwrap(root), "sops") {
		fields := pairs(s)
		w.sops = w.sops || len(texts(fields, "mac"))+len(texts(fields, "lastmodified")) > 0
	}
	w.visit(root, 0)
}

func unwrap(root *yaml.Node) *yaml.Node {
	if root.Kind == yaml.DocumentNode && len(root.Content) > 0 {
		return root.Content[0]
	}
	return root
}

var secretPointer = regexp.MustCompile(`^/(data|stringData)/(.+)$`)

// patch judges a JSON patch of a Secret, and notes that one is to come.
func (w *walker) patch(list []pair) {
	for _, target := range values(list, "target") {
		if w.isKind(texts(pairs(target), "kind"), "Secret") {
			for _, n := range values(list, "patch") {
				w.seen[n] = true
				if n.Kind == yaml.ScalarNode {
					w.embedded(n, w.rule, true)
				}
			}
		}
	}
	m := secretPointer.FindStringSubmatch(last(list, "path"))
	if m == nil || !hasAny(texts(list, "op"), "add", "replace", "test") || m[1] == "data" && !w.patching {
		return
	}
	for _, p := range list {
		if p.key == "value" && w.discloses(p.node, m[1] == "data") {
			w.add(RulePatch, p.name, p.node, "Secret", m[2], "this patch sets a value of a Secret, and holds it in plaintext")
		}
	}
}

// sealed judges a SealedSecret: what says it is encrypted has to be.
func (w *walker) sealed(list []pair) {
	object := w.name("SealedSecret", list)
	for _, spec := range values(list, "spec") {
		for _, f := range pairs(spec) {
			switch f.key {
			case "encryptedData":
				w.ciphertexts(f.node, object)
			case "data", "stringData":
				w.misplaced(f, object, f.key == "data")
			case "template":
				w.sealedTemplate(f.node, object)
			}
		}
	}
	for _, p := range list {
		if p.key == "data" || p.key == "stringData" {
			w.misplaced(p, object, false)
		}
	}
}

func (w *walker) ciphertexts(m *yaml.Node, object string) {
	for _, p := range pairs(m) {
		if p.node.Kind != yaml.ScalarNode {
			if len(p.node.Content) > 0 && !isAction(p.node) {
				w.add(RuleCiphertext, p.name, p.node, object, p.key, "no ciphertext: plaintext pasted into encryptedData?")
			}
			continue
		}
		text := textOf(p.node)
		if isNull(p.node) || !w.telling(text) {
			continue
		}
		if _, problem := manifest.CheckCiphertext(strings.Join(strings.Fields(text), "")); problem != "" {
			w.add(RuleCiphertext, p.name, p.node, object, p.key, problem)
		}
	}
}

// misplaced judges data where a SealedSecret has none: spec.data is an old form of
// ciphertext, everything else was forgotten to be sealed.
func (w *walker) misplaced(p pair, object string, ciphertext bool) {
	if p.node.Kind == yaml.ScalarNode {
		if text := textOf(p.node); !isNull(p.node) && w.telling(text) {
			if _, problem := manifest.CheckCiphertext(strings.Join(strings.Fields(text), "")); !ciphertext || problem != "" {
				w.add(RuleCiphertext, p.name, p.node, object, "", p.key+" is not encrypted: a SealedSecret has spec.encryptedData")
			}
		}
		return
	}
	for _, item := range pairs(p.node) {
		if w.discloses(item.node, false) {
			w.add(RuleCiphertext, item.name, item.node, object, item.key, p.key+" is not encrypted: a SealedSecret has spec.encryptedData")
		}
	}
}

// secretKey is a key that names a secret.
var secretKey = regexp.MustCompile(`(?i)(passw(or)?d|passphrase|secret|token|api[-_]?key|private[-_]?key|access[-_]?key|credential|\bpwd\b)`)

// sealedTemplate judges what the unsealed Secret gets besides: texts that the
// controller fills in with the sealed values, and that anybody can read.
func (w *walker) sealedTemplate(t *yaml.Node, object string) {
	w.seen[t] = true
	for _, f := range pairs(t) {
		if f.key != "data" && f.key != "stringData" {
			w.visit(f.node, 1)
			continue
		}
		for _, p := range pairs(f.node) {
			if p.node.Kind != yaml.ScalarNode || isNull(p.node) {
				continue
			}
			text := textOf(p.node)
			single := !strings.ContainsAny(strings.TrimSpace(text), " \n\t")
			named := secretKey.MatchString(p.key) && single && !strings.Contains(text, "{{") && w.telling(text)
			if named || f.key == "stringData" && w.telling(text) {
				w.add(RuleTemplate, p.name, p.node, object, p.key, "spec.template is not encrypted, and this looks like a secret")
			}
		}
	}
}

// maySay reports whether a Secret may be in a text, or something else to judge. An
// escape or a tag may hide the word; in a large text, of which a parser makes many
// times as much, only one that does counts.
func maySay(text []byte) bool {
	if bytes.Contains(text, []byte("ecret")) || bytes.Contains(text, []byte("stringData")) {
		return true
	}
	if len(text) <= largeText {
		return bytes.ContainsAny(text, `\!%`)
	}
	return hiddenWord.Match(text)
}

const largeText = 1 << 20 // 1 MiB

// hiddenWord is how YAML and JSON write a letter, join the halves of a word, or
// make one of base64.
var hiddenWord = regexp.MustCompile(`\\(?:x[4-7]|u00[4-7]|U000000[4-7]|\r?\n)|!!binary|!<|%TAG`)
