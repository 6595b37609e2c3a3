package verify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
)

// TestCanary has an application print its own Secret and crash: what is shown of its
// log has the value masked, however it is asked for.
func TestCanary(t *testing.T) {
	t.Parallel()
	s := newScene(t, "canary")
	s.args("print connecting as shop:$(PASSWORD)@shop-db-rw",
		"print FATAL: password authentication failed for user shop with $(PASSWORD) (SQLSTATE 28P01)", "exit 1")
	s.ship()
	s.crashed()
	log := s.start("kubectl -n canary logs deploy/shop --previous 2>&1 >log.txt; cat log.txt | wc -l").Ends(healthy)
	data, err := os.ReadFile(filepath.Join(s.work.Dir, "log.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), password) {
		t.Fatalf("the log does not hold the value, so nothing is proven: %q %s", data, log.Out.String())
	}
	if err := os.Remove(filepath.Join(s.work.Dir, "log.txt")); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"verify:app canary", "verify:app canary -json", "verify:app canary -html=page.html",
		"verify:app canary -format=github -report=r.sarif,r.xml,r.json,r.md,r.html", "verify:all", "verify:all -json", "verify:app canary -wait -timeout=10s -json"} {
		c := s.start("mage "+line).Ends(findings, timedOut)
		if line == "verify:app canary -json" {
			evidence := strings.Join(s.first(c).Evidence, "\n")
			if !strings.Contains(evidence, "@shop-db-rw") && !strings.Contains(evidence, "28P01") {
				t.Errorf("the log is not shown: %s", evidence)
			}
		}
	}
	everything := s.printed.String()
	for _, name := range []string{"page.html", "r.sarif", "r.xml", "r.json", "r.md", "r.html"} {
		file, err := os.ReadFile(filepath.Join(s.work.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(file), "canary") {
			t.Errorf("%s does not name the application", name)
		}
		everything += string(file)
	}
	if err := scripttest.Valid(filepath.Join(s.work.Dir, "r.sarif"), filepath.Join(s.work.Dir, "r.xml")); err != nil {
		t.Error(err)
	}
	for _, spelling := range scripttest.Spellings(password) {
		if strings.Contains(everything, spelling) {
			t.Errorf("the value is shown as %q:\n%s", spelling, strings.ReplaceAll(everything, spelling, "<<< HERE >>>"))
		}
	}
}
