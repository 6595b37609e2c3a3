package lint_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/lint"
)

// fifty are fifty applications in the shape of this repository's.
func fifty(tb testing.TB) files {
	tb.Helper()
	all := files{".gitignore": "local-secrets/\n"}
	for name, text := range applications(tb) {
		rest, ok := strings.CutPrefix(name, "applications/")
		if !ok {
			continue
		}
		app, file, _ := strings.Cut(rest, "/")
		for i := range 50 {
			if i%3 == map[string]int{"litellm": 0, "openwebui": 1, "authentik": 2}[app] {
				other := fmt.Sprintf("%s%d", app, i)
				text := strings.ReplaceAll(strings.ReplaceAll(text, "namespace: "+app, "namespace: "+other), "path: applications/"+app, "path: applications/"+other)
				all["applications/"+other+"/"+file] = strings.ReplaceAll(text, "link: litellm/", "link: litellm0/")
			}
		}
	}
	return all
}

// BenchmarkFifty checks fifty applications.
func BenchmarkFifty(b *testing.B) {
	r := fifty(b).open(b)
	apps, err := r.Applications()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		res, err := lint.Check(b.Context(), r, apps, lint.Options{})
		if err != nil || res.Applications != 50 || len(res.Findings) > 0 {
			b.Fatalf("%v\n%s", err, strings.Join(lines(res), "\n"))
		}
	}
}

// BenchmarkFiftyMissing checks fifty applications of which each has a ConfigMap that is
// not there: for each the values are searched that would make it.
func BenchmarkFiftyMissing(b *testing.B) {
	all := fifty(b)
	for name := range all {
		if strings.HasSuffix(name, "/configmap.yaml") || strings.HasSuffix(name, "/blueprints.yaml") {
			all[name] = "# nothing\n"
		}
	}
	r := all.open(b)
	apps, err := r.Applications()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		res, err := lint.Check(b.Context(), r, apps, lint.Options{})
		if err != nil || len(res.Findings) != 50 {
			b.Fatalf("%v\n%d", err, len(res.Findings))
		}
	}
}
