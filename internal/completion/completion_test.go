package completion

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/repo"
)

const listText = `sealway takes a secret all the way.

Targets:
  gitops:publish       commits sealed files; several separated by commas.
  gitops:portForward*    opens Argo CD on http://localhost:8080, until Ctrl-C.
  bare

* default target
`

const helpText = `App seals what changed in one application, or in several separated by commas.

Usage:

	sealway seal:app <app> [<flags>]

Flags:

	-DryRun=<bool>  show what would change
	-cert=<string>  a file
	-wait=<time.Duration>

Aliases: s

`

func TestReadList(t *testing.T) {
	want := []Target{
		{Name: "gitops:publish", About: "commits sealed files; several separated by commas"},
		{Name: "gitops:portForward", About: "opens Argo CD on http://localhost:8080, until Ctrl-C"},
		{Name: "bare"},
	}
	if d := cmp.Diff(want, readList(listText)); d != "" {
		t.Error(d)
	}
	if got := readList("panic: Targets\n  x y\n"); got != nil {
		t.Errorf("of something else %v", got)
	}
}

func TestReadHelp(t *testing.T) {
	want := Target{
		Name: "seal:app", About: "App seals what changed in one application, or in several separated by commas.", Args: []string{"app"},
		Flags: []Flag{{Name: "dryRun", About: "show what would change", Bool: true}, {Name: "cert", About: "a file"}, {Name: "wait"}},
	}
	got, ok := readHelp(helpText)
	if d := cmp.Diff(want, got); !ok || d != "" {
		t.Error(ok, d)
	}
	if _, ok := readHelp("Unknown target: \"x\"\n"); ok {
		t.Error("a target of nothing")
	}
}

// In a repository that imports the targets under an alias, mage calls them by it.
func TestImported(t *testing.T) {
	own := []Target{{Name: "all"}, {Name: "seal:all", About: "a"}, {Name: "gitops:portForward"}}
	for name, want := range map[string]Target{
		"seal:all":               {Name: "seal:all", About: "a"},
		"ops:seal:all":           {Name: "ops:seal:all", About: "a"},
		"ops:gitops:portforward": {Name: "ops:gitops:portForward"},
		"unseal:all":             {Name: "unseal:all"}, // of the alias unseal, or another one
		"lint":                   {Name: "lint"},
	} {
		if got := imported(name, own); !cmp.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// help and names are a program and a repository of a test.
type help map[string]Target

func (h help) Targets(context.Context) []Target {
	var out []Target
	for _, t := range h {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Target) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (h help) Target(_ context.Context, name string) (Target, bool) {
	t, ok := h[name]
	return t, ok
}

type names map[string]map[string][]string

func (n names) Applications(context.Context) []string {
	return []string{"blog", "shop", "a,b", "-dash"}
}
func (n names) Keys(_ context.Context, app string) map[string][]string { return n[app] }
func (names) Files(prefix string) []string                             { return []string{prefix + "file", prefix + "dir/"} }

func TestComplete(t *testing.T) {
	c := Completer{
		Help: help{
			"seal:app":         {Name: "seal:app", About: "one, or several separated by commas", Args: []string{"app"}, Flags: []Flag{{Name: "dryRun", Bool: true}, {Name: "cert"}}},
			"seal:all":         {Name: "seal:all", Flags: []Flag{{Name: "json", Bool: true}}},
			"secrets:set":      {Name: "secrets:set", Args: []string{"app", "secret", "key"}, Flags: []Flag{{Name: "new", Bool: true}}},
			"secrets:show":     {Name: "secrets:show", Args: []string{"app"}, Flags: []Flag{{Name: "secret"}, {Name: "reveal"}}},
			"secrets:generate": {Name: "secrets:generate", Flags: []Flag{{Name: "app", About: "separated by commas"}, {Name: "force", About: "separated by commas"}}},
			"gitops:publish":   {Name: "gitops:publish", About: "-all in the name's place for all", Args: []string{"app"}},
			"secrets:guard":    {Name: "secrets:guard", Flags: []Flag{{Name: "format"}, {Name: "range"}}},
		},
		Names: names{"shop": {"db": {"password", "url"}, "api": {"token"}}, "blog": {"db": {"key"}}},
	}
	all := "gitops:publish seal:all seal:app secrets:generate secrets:guard secrets:set secrets:show"
	for _, tc := range []struct{ line, want, reason string }{
		{"", all, "targets first"},
		{"-", "-h -l -t -v", "Mage's own flags in front of them"},
		{"-h|", all, "the target that is explained"},
		{"-t|", "", "a duration"},
		{"-t|5m|", all, ""},
		{"seal:all|", "-json", "flags when all arguments are there"},
		{"seal:all|-json|", "", "each once"},
		{"seal:all|-JSON|-", "", "Mage does not tell upper and lower case apart"},
		{"seal:all|se", all, "or another target"},
		{"nothing|", "", "no target"},
		{"seal:all|nothing|", "", ""},
		{"seal:app|", "blog shop", "no name with a comma in a list, none that looks like a flag"},
		{"seal:app|shop,", "shop,blog", "each once"},
		{"seal:app|shop|", "-dryRun -cert=", ""},
		{"seal:app|shop|-cert=x", "-cert=xfile -cert=xdir/", ""},
		{"seal:app|shop|-dryRun=", "", "on or off"},
		{"seal:app|shop|-nothing=", "", ""},
		{"seal:app|shop|seal:all|-", "-json", "the flags of the last target"},
		{"secrets:set|", "blog shop a,b", "one name, no list"},
		{"secrets:set|shop|", "api db", ""},
		{"secrets:set|shop|db|", "password url", ""},
		{"secrets:set|shop|db|url|", "-new", ""},
		{"secrets:set|none|", "", ""},
		{"secrets:set|-new|", "", "an argument, as Mage takes it"},
		{"secrets:show|shop|-reveal=", "-reveal=api/token -reveal=db/password -reveal=db/url", ""},
		{"secrets:show|shop|-secret=db|-reveal=", "-reveal=password -reveal=url", ""},
		{"secrets:generate|-app=blog,", "-app=blog,shop", ""},
		{"secrets:generate|-force=", "-force=blog/ -force=shop/", ""},
		{"secrets:generate|-force=shop/", "-force=shop/api/ -force=shop/db/", ""},
		{"secrets:generate|-force=shop/db/", "-force=shop/db/password -force=shop/db/url", ""},
		{"secrets:generate|-force=shop/db/url,blog/db/", "-force=shop/db/url,blog/db/key", ""},
		{"gitops:publish|-", "-all", ""},
		{"secrets:guard|-format=", "-format=text -format=json -format=sarif -format=github", ""},
		{"secrets:guard|-range=", "", "nobody can guess"},
	} {
		var got []string
		for _, w := range c.Complete(t.Context(), strings.Split(tc.line, "|")) {
			got = append(got, w.Value)
		}
		if d := cmp.Diff(tc.want, strings.Join(got, " ")); d != "" {
			t.Errorf("%s (%s): %s", tc.line, tc.reason, d)
		}
	}
	if got := c.Complete(t.Context(), nil); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		line  string
		words []string
		quote byte
	}{
		{"a b", []string{"a", "b"}, 0},
		{"a  b ", []string{"a", "b", ""}, 0},
		{`a 'b c' "d e"f`, []string{"a", "b c", "d ef"}, 0},
		{`a 'b c`, []string{"a", "b c"}, '\''},
		{`a "b \" \$ \x c`, []string{"a", `b " $ \x c`}, '"'},
		{`a b\ c\`, []string{"a", "b c"}, 0},
		{`a '' "" `, []string{"a", "", "", ""}, 0},
		{`a -x=1:2,3 $(b`, []string{"a", "-x=1:2,3", "$(b"}, 0},
		{"a b <c d >>e", []string{"a", "b", "d", ""}, 0},
		{"a b 2>", []string{"a", "b", ""}, 0},
		{"a b 2>/dev/null -js", []string{"a", "b", "-js"}, 0},
		{"a b2 >x c", []string{"a", "b2", "c"}, 0},
		{"a b\\\nc", []string{"a", "bc"}, 0},
		{"", []string{""}, 0},
	} {
		words, quote := split(c.line)
		if d := cmp.Diff(c.words, words); d != "" || quote != c.quote {
			t.Errorf("%q: %q: %s", c.line, quote, d)
		}
	}
}

func TestAnswer(t *testing.T) {
	list := []Candidate{{Value: "seal:app", Description: "seals: one"}, {Value: `my "app`}, {Value: "-cert=", Open: true}, {Value: "it's$"}}
	for _, c := range []struct {
		shell      Shell
		in, answer string
	}{
		{Bash, "sealway seal:a\x00a\x00", "app \n"},             // bash cuts at the colon
		{Bash, "sealway seal:a\x00seal:a\x00", "seal:app \n"},   // and does not if it is told so
		{Bash, "sealway SEAL:A\x00A\x00", "app \n"},             // Mage does not tell them apart
		{Bash, "sealway -ce\x00-ce\x00", "-cert=\n"},            // the value follows
		{Bash, "sealway \"my\x00my\x00", "my \\\"app\n"},        // bash closes the quote
		{Bash, "sealway 'my\x00my\x00", "my \"app\n"},           //
		{Bash, "sealway 'it\x00it\x00", ""},                     // cannot be said there
		{Bash, "sealway my\\ \x00my\\ \x00", "my\\ \\\"app \n"}, //
		{Bash, "sealway it\x00it\x00", "it\\'s\\$ \n"},          //
		{Bash, "sealway sea\x00other\x00", "seal:app \n"},       // what bash replaces is not at the end
		{Bash, "sealway\x00sealway\x00", ""},                    // there is no word yet
		{Bash, "one text\x00", ""},                              //
		{Zsh, "sealway\x00x\x00", "closed\tseal\\:app:seals: one\nclosed\tmy \"app\nopen\t-cert=\nclosed\tit's$\n"},
		{Fish, "sealway\x00x\x00", "seal:app\tseals: one\nmy \"app\t\n-cert=\t\nit's$\t\n"},
	} {
		if d := cmp.Diff(c.answer, Read(c.shell, c.in).Answer(list)); d != "" {
			t.Errorf("%s %q: %s", c.shell, c.in, d)
		}
	}
	for _, in := range []string{"", "\x00", "a", "\x00\x00", "\x00\x00\x00"} {
		for _, s := range Shells() {
			Read(s, in).Answer(list) // whatever comes
		}
	}
}

func TestScript(t *testing.T) {
	for _, s := range Shells() {
		text, err := Script(s, Source{Command: "my-mage", Own: "sealway", Program: `/it's/a\b`})
		if err != nil || strings.Contains(text, "@") && !strings.Contains(text, "[@]") && s != Zsh || !strings.Contains(text, "my-mage") {
			t.Errorf("%s: %v\n%s", s, err, text)
		}
		for _, name := range []string{"", "a b", "$(x)", "../x", "-x", "a\nb"} {
			_, err := Script(s, Source{Command: name, Own: "sealway"})
			var wrong *CommandError
			if !errors.As(err, &wrong) {
				t.Errorf("%s: %q is taken: %v", s, name, err)
			}
		}
	}
	if !slices.Equal(fixed["shell"], []string{"bash", "zsh", "fish"}) || len(Shells()) != 3 {
		t.Error("the shells and those that are completed differ")
	}
}

func TestIsMage(t *testing.T) {
	hash := strings.Repeat("0af", 21) + "b"
	for file, want := range map[string]bool{"/home/me/.magefile/" + hash: true, hash + ".exe": true, "/bin/sealway": false, hash[1:]: false} {
		if IsMage(file) != want {
			t.Errorf("%s: %v", file, !want)
		}
	}
}

// What cannot be read has no names, and hides no others.
func TestRepository(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"shop/secrets.yaml":            "secrets:\n  - name: db\n    keys: {password: {generate: password}}\n",
		"shop/local-secrets/a.yaml":    "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {url: v, password: v}\n",
		"shop/local-secrets/b.yaml":    "kind: [\n",
		"shop/templates/sealed-c.yaml": "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: api, namespace: shop}\nspec: {encryptedData: {token: AgA}}\n",
		"blog/secrets.yaml":            "no: [\n",
	} {
		file := filepath.Join(dir, "applications", filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	r := Repository{Open: func(context.Context) (*repo.Repository, error) {
		return repo.New(&git.Tree{Root: dir}, repo.Options{})
	}}
	if got := r.Applications(t.Context()); !slices.Equal(got, []string{"blog", "shop"}) {
		t.Errorf("applications %q", got)
	}
	if d := cmp.Diff(map[string][]string{"db": {"password", "url"}, "api": {"token"}}, r.Keys(t.Context(), "shop")); d != "" {
		t.Error(d)
	}
	for _, app := range []string{"blog", "nothing", "../..", ""} {
		if got := r.Keys(t.Context(), app); len(got) != 0 {
			t.Errorf("%q: %v", app, got)
		}
	}
	t.Chdir(filepath.Join(dir, "applications"))
	if got := r.Files("sh"); !slices.Equal(got, []string{"blog/", "shop/"}) {
		t.Errorf("files %q", got)
	}
	if got := r.Files("shop/"); !slices.Equal(got, []string{"shop/local-secrets/", "shop/secrets.yaml", "shop/templates/"}) {
		t.Errorf("files %q", got)
	}
	none := Repository{Open: func(context.Context) (*repo.Repository, error) { return nil, errors.New("no repository") }}
	if none.Applications(t.Context()) != nil || none.Keys(t.Context(), "a") != nil || none.Files("none/") != nil {
		t.Error("names of nothing")
	}
}
