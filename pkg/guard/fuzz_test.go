package guard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsjson "sigs.k8s.io/json"
	sigsyaml "sigs.k8s.io/yaml"
)

// taken are the Secrets with values that kubectl and the API server would make of
// a text: kubectl's reader splits and converts it, the API server decodes.
func taken(text []byte) (n int) {
	dec := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for range 50 {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if err != nil {
			break
		}
		n += secretsIn(raw, 0)
	}
	if raw, err := sigsyaml.YAMLToJSON(text); err == nil { // as other tools read it
		n += secretsIn(raw, 0)
	}
	return n
}

func secretsIn(raw []byte, depth int) (n int) {
	var head struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Items      []json.RawMessage `json:"items"`
	}
	if sigsjson.UnmarshalCaseSensitivePreserveInts(raw, &head) != nil || head.APIVersion != "v1" || depth > 5 {
		return 0
	}
	if head.Kind == "List" || head.Kind == "SecretList" {
		for _, item := range head.Items {
			n += secretsIn(item, depth+1)
		}
		return n
	}
	var s corev1.Secret
	if head.Kind != "Secret" || sigsjson.UnmarshalCaseSensitivePreserveInts(raw, &s) != nil {
		return 0
	}
	var sops struct {
		SOPS map[string]any `json:"sops"`
	}
	if json.Unmarshal(raw, &sops) == nil && sops.SOPS != nil {
		return 0 // the API server refuses the field: sops' own files are never applied as they are
	}
	for _, v := range s.Data {
		if plainly(string(v)) {
			return 1
		}
	}
	for _, v := range s.StringData {
		if plainly(v) {
			return 1
		}
	}
	return 0
}

// plainly is a value that no rule takes for a placeholder or for a template.
func plainly(v string) bool {
	v = strings.TrimSpace(v)
	return telling(v) && !strings.Contains(v, "{{") && !strings.Contains(v, "{%") && !strings.ContainsAny(v, "\ue000\ue001\ue002")
}

// missed reports whether the guard passes over a Secret that would be taken.
func missed(text []byte) bool {
	if taken(text) == 0 {
		return false
	}
	hits := newScanner(nil).scan("s.yaml", text).hits
	return !slices.ContainsFunc(hits, func(h hit) bool { return h.rule == RuleSecret || h.rule == RuleApplied })
}

// FuzzSecret holds the guard against the API machinery: whatever that takes for a
// Secret with values is found, however it is written.
func FuzzSecret(f *testing.F) {
	seeds := 0
	for _, c := range readCorpus(f) {
		if strings.Contains(string(c.data), "ecret") {
			f.Add(c.data)
			seeds++
		}
	}
	if seeds < 50 {
		f.Fatalf("only %d seeds", seeds)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) < 1<<14 && missed(text) {
			t.Errorf("not found:\n%s", text)
		}
	})
}

// FuzzSpelling writes a Secret in a random spelling, which the API machinery takes
// and the guard finds.
func FuzzSpelling(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		text := spell(rand.New(rand.NewPCG(seed, 1)))
		if missed([]byte(text)) {
			t.Errorf("not found:\n%s", text)
		}
	})
}

// TestSpellingIsTaken shows that FuzzSpelling tests something.
func TestSpellingIsTaken(t *testing.T) {
	good := 0
	for seed := range uint64(500) {
		text := spell(rand.New(rand.NewPCG(seed, 1)))
		if taken([]byte(text)) > 0 {
			good++
		}
	}
	if good < 400 {
		t.Errorf("the API machinery takes only %d of 500 spellings", good)
	}
}

// spell writes a v1 Secret with one value in some way.
func spell(r *rand.Rand) string {
	switch r.IntN(6) {
	case 0:
		return spellJSON(r)
	case 1:
		return spellMerged(r)
	default:
		return spellYAML(r)
	}
}

// spellJSON writes it as JSON, alone, in a List, or behind another object.
func spellJSON(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	blank := func() string { return pick("", " ", "\n", "\t", "\r\n") }
	text := func(s string) string {
		var b strings.Builder
		for _, c := range s {
			if r.IntN(8) == 0 {
				fmt.Fprintf(&b, `\u%04x`, c)
			} else {
				b.WriteRune(c)
			}
		}
		return blank() + `"` + b.String() + `"` + blank()
	}
	fields := []string{
		text("apiVersion") + ":" + text("v1"), text("kind") + ":" + text("Secret"), text("metadata") + `:{"name":"x"}`,
		pick(text("data")+":{"+text("password")+":"+text("aHVudGVyMg==")+"}", text("stringData")+":{"+text("password")+":"+text("hunter2")+"}"),
	}
	r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	object := "{" + strings.Join(fields, ",") + "}"
	return strings.Replace(pick("%s", "%s\n", "\ufeff%s", `{"kind":"Service"}`+"\n%s", `{"apiVersion":"v1","kind":"List","items":[{"kind":"Service"},%s]}`, "---\n%s\n---\nkind: Service\n"), "%s", object, 1)
}

// spellMerged writes it with anchors, aliases and merge keys, or into a List.
func spellMerged(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	value := pick("hunter2", `"hunter2"`, "|\n      hunter2")
	return pick(
		"base: &base\n  kind: Secret\n  apiVersion: v1\n<<: *base\nstringData:\n  password: "+value+"\n",
		"base: &base {kind: Secret, apiVersion: v1}\nmore: &more\n  stringData:\n    password: "+value+"\n<<: [*base, *more]\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {annotations: &values {password: hunter2}}\nstringData: *values\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {annotations: &values {password: hunter2}}\nstringData:\n  <<: *values\n  other: x\n",
		"apiVersion: &v v1\nkind: List\nitems:\n- apiVersion: *v\n  kind: Secret\n  stringData:\n    password: "+value+"\n",
		"kind: &k Secret\nmetadata: {labels: {a: *k}}\napiVersion: v1\ndata: {password: aHVudGVyMg==}\n",
		"<<: {kind: Secret, apiVersion: v1}\ndata: {password: aHVudGVyMg==}\n",
		"kind: ConfigMap\napiVersion: v1\nkind: Secret\nstringData:\n  password: "+value+"\n",
	)
}

// spellYAML writes it as YAML, in flow or block style.
func spellYAML(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	word := func(w string) string {
		i := r.IntN(len(w))
		return pick(w, `"`+w+`"`, "'"+w+"'", fmt.Sprintf(`"%s\x%02x%s"`, w[:i], w[i], w[i+1:]), "!!str "+w, fmt.Sprintf(`"%s\u%04x%s"`, w[:i], w[i], w[i+1:]), "&a"+fmt.Sprint(r.IntN(1000))+" "+w)
	}
	colon := func() string { return pick(": ", ":  ", " : ", ":\t") }
	flow := r.IntN(3) == 0
	value := pick("hunter2", `"hunter2"`, "'hunter2'", `"hun\tter2"`)
	fields := []string{word("apiVersion") + colon() + word("v1"), word("kind") + colon() + word("Secret")}
	switch {
	case flow:
		fields = append(fields, word("stringData")+colon()+"{"+pick("", "x: '', ")+word("password")+colon()+value+pick("", ",")+"}")
		if r.IntN(2) == 0 {
			fields = append(fields, "metadata: {name: x}")
		}
	case r.IntN(2) == 0:
		fields = append(fields, word("stringData")+pick(":", ": # x", ":\n\n")+"\n"+pick("  ", " ", "      ")+word("password")+colon()+pick(value, "|\n        hunter2", ">-\n        hunter2"))
	default:
		fields = append(fields, word("data")+":\n  password"+colon()+pick("aHVudGVyMg==", `"aHVudGVyMg=="`, ">-\n    aHVu\n    dGVyMg=="))
	}
	r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	var text string
	if flow {
		text = pick("", "\n", "# x\n") + "{" + strings.Join(fields, pick(", ", ",\n  ", ", # x\n")) + "}" + pick("", "\n")
	} else {
		text = pick("", "# x\n", "\n") + strings.Join(fields, pick("\n", "\n\n", "\n# x\n")) + pick("", "\n", " # x\n")
	}
	text = pick("", "", "---\n", "--- # x\n", "%YAML 1.1\n---\n", "kind: Service\n---\n", "\ufeff") + text + pick("", "", "\n---\n", "\n...\n", "\n---\nkind: Service\n")
	if r.IntN(6) == 0 {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

// TestTaken shows that the oracle itself sees Secrets.
func TestTaken(t *testing.T) {
	for text, want := range map[string]bool{
		"kind: Secret\napiVersion: v1\nstringData: {a: hunter2}":          true,
		`{"kind":"Secret","apiVersion":"v1","data":{"a":"aHVudGVyMg=="}}`: true,
		"kind: Secret\napiVersion: v1\nstringData: {a: ''}":               false,
		"kind: ConfigMap\napiVersion: v1\ndata: {a: b}":                   false,
	} {
		if (taken([]byte(text)) > 0) != want {
			t.Errorf("%s: taken %v, want %v", text, !want, want)
		}
	}
}

// mutate changes a few bytes of a text: most results are nothing, and some are
// Secrets that nobody would write.
func mutate(r *rand.Rand, text []byte) []byte {
	bits := []string{"\n", "\r", "\t", " ", "  ", ":", ": ", "-", "- ", "---\n", "...\n", "\n---\n", "{", "}", "{{", "}}", "[", "]", ",", "\"", "'", "#", " #", "\\", "\\n", "&a ", "*a", "<<: ", "!", "!!str ", "!!binary ", "!!map ", "|", ">", "|-\n", "?", "? ", "%", "\ufeff", "\u2028", "\u0085", "\x00", "~", "null", "0x1F", "1e3", "yes", "@", "`", "kind", "List", "items", "Secret", "v1", "data", "stringData", "sops: ", "\ue000", "\xff"}
	for range 1 + r.IntN(3) {
		at := r.IntN(len(text) + 1)
		switch r.IntN(5) {
		case 0: // delete
			end := min(len(text), at+1+r.IntN(4))
			text = slices.Concat(text[:at], text[end:])
		case 1: // repeat a part
			end := min(len(text), at+r.IntN(40))
			text = slices.Concat(text[:end], text[at:end], text[end:])
		case 2: // move a part
			end := min(len(text), at+r.IntN(20))
			part := slices.Clone(text[at:end])
			rest := slices.Concat(text[:at], text[end:])
			to := r.IntN(len(rest) + 1)
			text = slices.Concat(rest[:to], part, rest[to:])
		default:
			text = slices.Concat(text[:at], []byte(bits[r.IntN(len(bits))]), text[at:])
		}
	}
	return text
}

// TestMutations is a short walk of the fuzz tests, the same each time.
func TestMutations(t *testing.T) {
	var seeds [][]byte
	for _, c := range readCorpus(t) {
		if len(c.data) < 2000 && taken(c.data) > 0 {
			seeds = append(seeds, c.data)
		}
	}
	found := 0
	for i := range uint64(mutations) {
		r := rand.New(rand.NewPCG(i, 2))
		seed := []byte(spell(r))
		if r.IntN(2) == 0 {
			seed = seeds[r.IntN(len(seeds))]
		}
		text := mutate(r, seed)
		if taken(text) > 0 {
			found++
		}
		if missed(text) {
			t.Errorf("%d: not found:\n%q", i, text)
		}
	}
	if found < mutations/20 {
		t.Errorf("only %d of %d are Secrets", found, mutations)
	}
}

const mutations = 5000
