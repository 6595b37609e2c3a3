package targets

import (
	"errors"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/report"
)

// Each error of a sync has the cause of its own application, and so has every report.
func TestExplained(t *testing.T) {
	chain := func(name string) report.Chain {
		return report.Chain{Application: name, State: report.Failed, Causes: []report.Cause{
			{Object: "ConfigMap " + name + "/c", Message: "missing", Path: name + ".yaml", Line: 4, Fix: report.Fix{Text: "write it"}}, {Object: "Pod x", Message: "second"}}}
	}
	shop, blog := &argocd.HealthError{App: "argocd/shop", Health: "Degraded"}, &argocd.TimeoutError{App: "blog"}
	for _, c := range []struct {
		name, reason string
		err          error
		chains       []report.Chain
		want         []string // of each error
		rest         int
	}{
		{"two", "each its own", errors.Join(blog, shop), []report.Chain{chain("shop"), chain("blog")}, []string{"ConfigMap blog/c: missing (blog.yaml:4); fix: write it", "ConfigMap shop/c: missing (shop.yaml:4); fix: write it"}, 0},
		{"another", "what no error is about is a warning", errors.Join(blog, shop), []report.Chain{chain("shop"), chain("wiki")}, []string{"", "ConfigMap shop/c"}, 1},
		{"folder", "a folder may have another name than its application", shop, []report.Chain{chain("store")}, []string{"ConfigMap store/c"}, 0},
		{"well", "a healthy application has nothing to say", shop, []report.Chain{{Application: "shop", State: report.OK}}, []string{""}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			rest, err := explained(c.err, c.chains)
			problems := console.Problems(err)
			if len(problems) != len(c.want) || len(rest) != c.rest {
				t.Fatalf("%s: problems %v, rest %v", c.reason, problems, rest)
			}
			for i, p := range problems {
				if before, cause, _ := strings.Cut(p.Message, "; the cause: "); !strings.HasPrefix(before, "application ") || !strings.HasPrefix(cause, c.want[i]) || (cause == "") != (c.want[i] == "") {
					t.Errorf("%s: %s", c.reason, p.Message)
				}
				if c.want[i] != "" && !strings.Contains(p.Hint, "mage verify:app") {
					t.Errorf("no way to the rest: %s", p.Hint)
				}
			}
			var health *argocd.HealthError
			if !errors.As(err, &health) {
				t.Error("the error has lost its kind")
			}
		})
	}
}
