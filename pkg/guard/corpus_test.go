package guard

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// corpusValues are the values that the machine of the corpus has in plaintext.
func corpusValues() []Value {
	return []Value{
		{Text: []byte("correct horse battery"), Object: "Secret shop/db", Key: "password"},
		{Text: []byte("p@ss/w+rd&\"1<x"), Object: "Secret shop/db", Key: "odd"},
		{Text: []byte("Tr0ub4do"), Object: "Secret shop/db", Key: "short"},
		{Text: []byte("line one of it\nline two of it"), Object: "Secret shop/db", Key: "lines"},
		{Text: []byte("it's \\ here"), Object: "Secret shop/db", Key: "quote"},
		{Text: []byte("naïve-Ärger-pässword"), Object: "Secret shop/db", Key: "umlaut"},
		{Text: []byte("??>>~~subject?>?"), Object: "Secret shop/db", Key: "urlsafe"},
	}
}

// corpusCase is a file of the corpus: one member of an archive, named
// case/path/of/the/file. Its head says, in lines that are not part of it,
//
//	#: why the outcome is right; a case without it fails
//	#! rule line key     an expected finding; the key may be missing
//	#+ bom|crlf|cr|utf16le|utf16be   how the file is written
//
// What stands between %( and )% is made by the test, so that no token stands in
// this repository.
type corpusCase struct {
	name, path, reason string
	want               []string
	data               []byte
}

func readCorpus(t testing.TB) []corpusCase {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	var cases []corpusCase
	names := map[string]bool{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			c := parseCase(t, f)
			if names[c.name] || c.reason == "" {
				t.Fatalf("%s: case %q stands twice, or has no reason", file, c.name)
			}
			names[c.name] = true
			cases = append(cases, c)
		}
	}
	return cases
}

func parseCase(t testing.TB, f txtar.File) corpusCase {
	t.Helper()
	c := corpusCase{}
	c.name, c.path, _ = strings.Cut(f.Name, "/")
	if c.path == "" {
		t.Fatalf("%s: not case/path", f.Name)
	}
	data := f.Data
	var forms []string
	for {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		text := string(line)
		if v, ok := strings.CutPrefix(text, "#: "); ok {
			c.reason += v
		} else if v, ok := strings.CutPrefix(text, "#! "); ok {
			c.want = append(c.want, strings.TrimSpace(v))
		} else if v, ok := strings.CutPrefix(text, "#+ "); ok {
			forms = append(forms, v)
		} else {
			break
		}
		data = rest
	}
	slices.Sort(c.want)
	c.data = written(t, expand(t, data), forms)
	return c
}

// written is the file in another form.
func written(t testing.TB, data []byte, forms []string) []byte {
	t.Helper()
	for _, form := range forms {
		switch form {
		case "bom":
			data = append([]byte("\xef\xbb\xbf"), data...)
		case "crlf":
			data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
		case "cr":
			data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r"))
		case "utf16le":
			data = utf16Bytes(string(data), binary.LittleEndian)
		case "utf16be":
			data = utf16Bytes(string(data), binary.BigEndian)
		case "no-newline":
			data = bytes.TrimRight(data, "\n")
		default:
			t.Fatalf("unknown form %q", form)
		}
	}
	return data
}

func utf16Bytes(text string, order binary.AppendByteOrder) []byte {
	out := order.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, u)
	}
	return out
}

var macro = regexp.MustCompile(`%\(([a-z0-9]+)(?: ((?:[^)]|\)[^%])*))?\)%`)

// expand fills in what must not stand in the repository.
func expand(t testing.TB, data []byte) []byte {
	t.Helper()
	return macro.ReplaceAllFunc(data, func(m []byte) []byte {
		sub := macro.FindSubmatch(m)
		return []byte(made(t, string(sub[1]), string(sub[2])))
	})
}

const (
	alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// chars are n random characters, the same in each run.
func chars(alphabet string, n int) string {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

func made(t testing.TB, name, arg string) string {
	t.Helper()
	b64 := base64.StdEncoding.EncodeToString
	switch name {
	case "tab":
		return "\t"
	case "at":
		return "@"
	case "b64":
		return b64([]byte(arg))
	case "b64url":
		return base64.RawURLEncoding.EncodeToString([]byte(arg))
	case "b64b64":
		return b64([]byte(b64([]byte(arg))))
	case "b64wrap", "b64wrapyaml", "b64wrapjson": // as base64 breaks it
		text := b64([]byte(arg))
		for i := 76; i < len(text); i += 77 {
			text = text[:i] + "\n" + text[i:]
		}
		breaks := map[string]string{"b64wrap": "\n", "b64wrapyaml": "\n    ", "b64wrapjson": `\n`}
		return strings.ReplaceAll(text, "\n", breaks[name])
	case "hex":
		return hex.EncodeToString([]byte(arg))
	case "query":
		return url.QueryEscape(arg)
	case "path":
		return url.PathEscape(arg)
	case "ciphertext", "ciphertext2048":
		size := 512
		if name == "ciphertext2048" {
			size = 256
		}
		raw := binary.BigEndian.AppendUint16(nil, uint16(size))
		return b64(append(raw, chars(alnum, size+16+len(arg))...))
	case "cut":
		return b64(append([]byte{2, 0}, chars(alnum, 100)...))
	case "ghp":
		return "gh" + "p_" + chars(alnum, 36)
	case "ghpat":
		return "github" + "_pat_" + chars(alnum, 22) + "_" + chars(alnum, 59)
	case "glpat":
		return "gl" + "pat-" + chars(alnum, 20)
	case "sk":
		return "s" + "k-" + chars(alnum, 48)
	case "skproj":
		return "s" + "k-proj-" + chars(alnum, 40)
	case "skant":
		return "s" + "k-ant-api03-" + chars(alnum, 60)
	case "akia":
		return "AK" + "IA" + chars(upper, 16)
	case "xoxb":
		return "xo" + "xb-" + chars("0123456789", 12) + "-" + chars(alnum, 24)
	case "stripe":
		return "sk" + "_live_" + chars(alnum, 24)
	case "google":
		return "AI" + "za" + chars(alnum, 35)
	case "hf":
		return "h" + "f_" + chars(alnum[:52], 34)
	case "npm":
		return "np" + "m_" + chars(alnum, 36)
	case "pypi":
		return "pypi-" + "AgE" + chars(alnum, 60)
	case "sendgrid":
		return "S" + "G." + chars(alnum, 22) + "." + chars(alnum, 43)
	case "vault":
		return "hv" + "s." + chars(alnum, 90)
	case "digitalocean":
		return "do" + "p_v1_" + chars("0123456789abcdef", 64)
	case "slackhook":
		return "https://hooks.slack.com/ser" + "vices/T" + chars(upper, 8) + "/B" + chars(upper, 8) + "/" + chars(alnum, 24)
	case "age":
		return "AGE-SECRET" + "-KEY-1" + chars("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)
	case "jwt":
		enc := base64.RawURLEncoding.EncodeToString
		return enc([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + enc([]byte(`{"iss":"argocd","sub":"ci"}`)) + "." + chars(alnum, 80)
	case "jwtnone":
		enc := base64.RawURLEncoding.EncodeToString
		return enc([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + enc([]byte(`{"iss":"argocd","sub":"ci"}`)) + "." + chars(alnum, 80)
	case "pem":
		return pemText(arg, "\n")
	case "pemjson":
		return pemText(arg, `\n`)
	case "pemyaml":
		return strings.ReplaceAll(pemText(arg, "\n"), "\n", "\n    ")
	case "pemb64":
		return b64([]byte(pemText(arg, "\n")))
	case "repeat":
		n, text, _ := strings.Cut(arg, " ")
		var count int
		if _, err := fmt.Sscan(n, &count); err != nil {
			t.Fatal(err)
		}
		return strings.Repeat(text+"\n", count)
	}
	t.Fatalf("unknown macro %q", name)
	return ""
}

func pemText(kind, newline string) string {
	if kind != "" {
		kind += " "
	}
	line := chars(alnum, 64)
	return strings.Join([]string{"-----BEGIN " + kind + "PRIVATE " + "KEY-----", line, line, "-----END " + kind + "PRIVATE " + "KEY-----"}, newline)
}

// TestCorpus holds the scanner against every case: nothing missing, nothing too much.
func TestCorpus(t *testing.T) {
	cases := readCorpus(t)
	positive := 0
	s := newScanner(corpusValues())
	for _, c := range cases {
		if len(c.want) > 0 {
			positive++
		}
		t.Run(c.name, func(t *testing.T) {
			got := []string{}
			for _, h := range s.scan(c.path, c.data).hits {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %d %s", h.rule, h.line, h.key)))
				for _, v := range corpusValues() {
					if strings.Contains(h.message+h.key+h.object, string(v.Text)) {
						t.Errorf("the finding holds a value: %+v", h)
					}
				}
			}
			slices.Sort(got)
			want := append([]string{}, c.want...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\n%s (-want +got)\n%s\n%s", c.path, c.reason, diff, c.data)
			}
		})
	}
	if len(cases) < 150 || positive < 75 || len(cases)-positive < 50 {
		t.Errorf("%d cases, %d of them positive: at least 150, 75 and 50 negative ones", len(cases), positive)
	}
}
