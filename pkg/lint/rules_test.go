package lint_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/lint"
)

// edit replaces text that stands in a file once; an empty old is a new file, an empty
// change of it none.
type edit struct{ path, old, new string }

// of names a file of the application shop.
func of(name string) string { return "applications/shop/" + name }

// shop is the healthy repository with changes.
func shop(t testing.TB, sealed bool, edits ...edit) files {
	t.Helper()
	data, err := os.ReadFile("testdata/shop.txtar")
	if err != nil {
		t.Fatal(err)
	}
	f := archive(t, string(data))
	var after []edit // of what sealing makes
	for _, e := range edits {
		if strings.Contains(e.path, "/sealed-") && e.old != "" {
			after = append(after, e)
			continue
		}
		f.apply(t, e)
	}
	if sealed {
		f = f.seal(t)
	}
	for _, e := range after {
		f.apply(t, e)
	}
	return f
}

func (f files) apply(t testing.TB, e edit) {
	t.Helper()
	if e.old == "" {
		f[e.path] = e.new
		return
	}
	if n := strings.Count(f[e.path], e.old); n != 1 {
		t.Fatalf("%s: %q stands there %d times", e.path, e.old, n)
	}
	f[e.path] = strings.Replace(f[e.path], e.old, e.new, 1)
}

// upstream is a clone of git.example.com/acme/gitops.
func upstream(_ context.Context, address string) (lint.Upstream, error) {
	u := lint.Upstream{Remotes: []string{"origin is git@git.example.com:acme/gitops.git"}}
	if strings.Contains(address, "git.example.com/acme/gitops") {
		u.Remote, u.Default, u.Branches = "origin", "main", []string{"main", "release"}
	}
	return u, nil
}

// want is a finding: rule, place and a part of the message and of the fix.
type want struct{ rule, at, message, fix string }

// TestRules changes one thing of a healthy repository at a time, and wants exactly the
// findings that it makes. Then every fix that a program can carry out is carried out as
// it is printed, and the finding has to be gone.
func TestRules(t *testing.T) {
	names := map[string]bool{}
	produced := map[string]bool{}
	for _, tt := range cases() {
		if names[tt.name] || tt.reason == "" {
			t.Fatalf("%q: a name stands twice, or has no reason", tt.name)
		}
		names[tt.name] = true
		for _, w := range tt.want {
			produced[w.rule] = true
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := shop(t, !tt.unsealed, tt.edits...)
			res := check(t, f.open(t), lint.Options{Upstream: upstream})
			var got []want
			for i, finding := range res.Findings {
				g := want{rule: finding.Rule, at: finding.Position(), message: finding.Message, fix: finding.Fix}
				if i < len(tt.want) { // compare the parts that are named
					if w := tt.want[i]; strings.Contains(g.message, w.message) && strings.Contains(g.fix, w.fix) {
						g.message, g.fix = w.message, w.fix
					}
				}
				got = append(got, g)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", tt.reason, diff)
			}
			for _, finding := range res.Findings {
				if strings.Contains(finding.Message+finding.Fix+finding.Object+finding.Key, "canary") {
					t.Errorf("a value is told: %+v", finding)
				}
				if finding.Fix == "" || finding.Message == "" {
					t.Errorf("%s: no message or no fix", finding.Rule)
				}
			}
			if tt.manual || len(tt.want) == 0 {
				return
			}
			for i, fix := 0, res.Findings[0].Fix; i < 3 && fix != ""; i++ { // one finding may hide another
				f.fix(t, fix)
				left := check(t, f.open(t), lint.Options{Upstream: upstream}).Findings
				if fix = ""; len(left) > 0 {
					if i == 2 {
						t.Errorf("after every fix: %s: %s\n    %s", left[0].Position(), left[0].Message, left[0].Fix)
					}
					fix = left[0].Fix
				}
			}
		})
	}
	for _, rule := range lint.Rules() {
		if !produced[rule.Name] {
			t.Errorf("no case has a finding of the rule %s", rule.Name)
		}
		if rule.Doc == "" || rule.Fix == "" {
			t.Errorf("the rule %s is not explained", rule.Name)
		}
	}
	if len(names) < 60 {
		t.Errorf("%d cases", len(names))
	}
}

// The healthy repository is healthy: otherwise no case would say anything.
func TestHealthy(t *testing.T) {
	res := check(t, shop(t, true).open(t), lint.Options{Upstream: upstream})
	if len(res.Findings) > 0 {
		t.Errorf("%s", strings.Join(lines(res), "\n"))
	}
}

// Only the applications that are asked for are checked, with all of them known.
func TestSelected(t *testing.T) {
	f := shop(t, true, edit{of("templates/deployment.yaml"), "claimName: shop-data", "claimName: shop-dat"},
		edit{of("templates/deployment.yaml"), "@shop-db-rw:5432/shop", "@blog-db-rw.blog:5432/app"})
	r := f.open(t)
	apps, err := r.Select("blog")
	if err != nil {
		t.Fatal(err)
	}
	res, err := lint.Check(t.Context(), r, apps, lint.Options{Silence: []lint.Silence{{Rule: "object-twice", Reason: "x"}}})
	if err != nil || len(res.Findings) > 0 || res.Applications != 1 || len(res.Unused) > 0 {
		t.Errorf("%+v, %v", res, err)
	}
	if apps, err = r.Select("shop"); err != nil {
		t.Fatal(err)
	}
	if res, err = lint.Check(t.Context(), r, apps, lint.Options{}); err != nil || len(res.Findings) != 2 {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestSilence(t *testing.T) {
	broken := edit{of("templates/deployment.yaml"), "claimName: shop-data", "claimName: elsewhere"}
	tests := []struct {
		name, reason  string
		silence       lint.Silence
		left, unused  int
		problem, hint string
	}{
		{name: "by rule", reason: "everywhere", silence: lint.Silence{Rule: "reference-missing", Reason: "made by hand"}},
		{name: "by path", reason: "a star within a folder", silence: lint.Silence{Rule: "reference-missing", Path: "applications/*/templates/*.yaml", Reason: "made by hand"}},
		{name: "by path below", reason: "two stars over folders", silence: lint.Silence{Rule: "reference-missing", Path: "applications/**", Reason: "made by hand"}},
		{name: "a star stops at a folder", reason: "as in a shell", silence: lint.Silence{Rule: "reference-missing", Path: "applications/*", Reason: "made by hand"}, left: 1, unused: 1},
		{name: "by object", reason: "the object of the finding", silence: lint.Silence{Rule: "reference-missing", Object: "Deployment shop/*", Reason: "made by hand"}},
		{name: "another object", reason: "both have to fit", silence: lint.Silence{Rule: "reference-missing", Object: "Job shop/*", Reason: "made by hand"}, left: 1, unused: 1},
		{name: "another rule", reason: "it is said that it is not needed", silence: lint.Silence{Rule: "object-twice", Reason: "old"}, left: 1, unused: 1},
		{name: "unknown", reason: "a misspelt name would silence nothing", silence: lint.Silence{Rule: "reference-mising", Reason: "x", Where: ".sealway.yaml:3"},
			problem: `.sealway.yaml:3: silence: unknown rule "reference-mising"`, hint: "did you mean reference-missing?"},
		{name: "no reason", reason: "the next reader has to know", silence: lint.Silence{Rule: "reference-missing", Reason: " ", Where: ".sealway.yaml:4"},
			problem: ".sealway.yaml:4: silence: no reason", hint: "write `reason:` with why the finding is right as it is"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := shop(t, true, broken).open(t)
			apps, err := r.Applications()
			if err != nil {
				t.Fatal(err)
			}
			res, err := lint.Check(t.Context(), r, apps, lint.Options{Silence: []lint.Silence{tt.silence}})
			if tt.problem != "" {
				var wrong *lint.SilenceError
				if !as(err, &wrong) || err.Error() != tt.problem || wrong.Hint() != tt.hint || !wrong.Usage() {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Findings) != tt.left || res.Silenced != 1-tt.left || len(res.Unused) != tt.unused {
				t.Errorf("%s: %d findings, %d silenced, unused %v", tt.reason, len(res.Findings), res.Silenced, res.Unused)
			}
		})
	}
}

// Names in rules are unique and kebab-case.
func TestRuleNames(t *testing.T) {
	names := lint.RuleNames()
	sorted := slices.Compact(slices.Sorted(slices.Values(names)))
	if len(sorted) != len(names) {
		t.Errorf("a name stands twice: %v", names)
	}
	for _, n := range names {
		if strings.Trim(n, "abcdefghijklmnopqrstuvwxyz-") != "" {
			t.Errorf("%q", n)
		}
	}
}
