package guard

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/sealway/sealway/pkg/git/gittest"
)

func sum(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

// TestAllow lets pass what is named by path and content, with a reason, until a day.
func TestAllow(t *testing.T) {
	r := gittest.New(t)
	r.Commit("fixtures/a.yaml", leak)
	r.Commit("b.yaml", leak)
	good := Allow{Path: "fixtures/a.yaml", SHA256: sum(leak), Reason: "a fixture", Expires: "2026-12-31", Line: 7}
	with := func(change func(*Allow)) Allow {
		a := good
		change(&a)
		return a
	}
	last := time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		allow Allow
		now   time.Time
		want  []string // rule path
		warns int
	}{
		{"good", good, last, []string{"plaintext-secret b.yaml"}, 0},
		{"expired", good, last.Add(time.Minute), []string{"allow-expired .sealway.yaml", "plaintext-secret b.yaml", "plaintext-secret fixtures/a.yaml"}, 0},
		{"no reason", with(func(a *Allow) { a.Reason = " " }), last, []string{"allow-invalid .sealway.yaml", "plaintext-secret b.yaml", "plaintext-secret fixtures/a.yaml"}, 0},
		{"no date", with(func(a *Allow) { a.Expires = "" }), last, []string{"allow-invalid .sealway.yaml", "plaintext-secret b.yaml", "plaintext-secret fixtures/a.yaml"}, 0},
		{"no such date", with(func(a *Allow) { a.Expires = "2026-02-30" }), last, []string{"allow-invalid .sealway.yaml", "plaintext-secret b.yaml", "plaintext-secret fixtures/a.yaml"}, 0},
		{"no path", with(func(a *Allow) { a.Path = "" }), last, []string{"allow-invalid .sealway.yaml", "plaintext-secret b.yaml", "plaintext-secret fixtures/a.yaml"}, 0},
		{"no hash", with(func(a *Allow) { a.SHA256 = "*" }), last, []string{"allow-invalid .sealway.yaml", "plaintext-secret b.yaml", "plaintext-secret fixtures/a.yaml"}, 0},
		{"other content", with(func(a *Allow) { a.SHA256 = sum(leak2) }), last, []string{"plaintext-secret b.yaml", "plaintext-secret fixtures/a.yaml"}, 1},
		{"other path", with(func(a *Allow) { a.Path = "fixtures/b.yaml" }), last, []string{"plaintext-secret b.yaml", "plaintext-secret fixtures/a.yaml"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options()
			o.Allow, o.Now = []Allow{c.allow}, c.now
			result, err := All(t.Context(), open(t, r.Dir), o)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range result.Findings {
				got = append(got, f.Rule+" "+f.Path)
				if f.Path == ".sealway.yaml" && (f.Line != 7 || f.Fix == "") {
					t.Errorf("the finding does not say the line, or no fix: %+v", f)
				}
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") || len(result.Warnings) != c.warns {
				t.Errorf("findings %q, want %q; warnings %q", got, c.want, result.Warnings)
			}
		})
	}
}

// TestAllowInHistory does not let the same content pass at another path.
func TestAllowInHistory(t *testing.T) {
	r := gittest.New(t)
	r.Commit("fixtures/a.yaml", leak)
	r.Commit("b.yaml", leak)
	o := options()
	o.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o.Allow = []Allow{{Path: "fixtures/a.yaml", SHA256: sum(leak), Reason: "a fixture", Expires: "2026-12-31"}}
	if got := places(t, r, History, open(t, r.Dir), o); len(got) != 1 || !strings.HasPrefix(got[0], "b.yaml:4 ") {
		t.Errorf("got %q", got)
	}
}
