package verify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
)

// TestHealthy deploys the project's own applications and ten charts that are made as
// public ones are, and nothing is found. Most of them hold something that looks wrong
// and is not: optional references, hooks that do not run, what is scaled to nothing.
func TestHealthy(t *testing.T) {
	t.Parallel()
	s := newRepository(t)
	apps := s.charts(filepath.Join(scripttest.Root(t), "test", "verify", "testdata", "charts"), true)
	if len(apps) < 10 {
		t.Fatalf("there are %d charts, want ten", len(apps))
	}
	apps = append(apps, s.charts(filepath.Join(scripttest.Root(t), "applications"), false)...)
	if len(apps) < 13 {
		t.Fatalf("there are %d applications, want thirteen", len(apps))
	}
	s.sh(healthy, "mage secrets:generate")
	s.sh(healthy, "sed -i 's/CHANGEME/"+password+"/' applications/litellm/local-secrets/*.yaml")
	s.sh(healthy, "mage seal:all")
	s.push()
	for _, app := range apps {
		app.sync()
	}
	for _, app := range apps {
		app.healthy()
	}
	c := s.start("mage verify:all -wait -timeout=3m -json -report=r.sarif,r.xml")
	status := c.Wait()
	if err := scripttest.Valid(filepath.Join(s.work.Dir, "r.sarif"), filepath.Join(s.work.Dir, "r.xml")); err != nil {
		t.Error(err)
	}
	for _, chain := range c.Report().Chains {
		if len(chain.Causes) > 0 || len(chain.Strays) > 0 {
			t.Errorf("%s is healthy, and was found wrong:\n%s", chain.Application, pretty(chain))
		}
	}
	if status != healthy || len(c.Report().Chains) != len(apps) {
		t.Errorf("exit status %d, %d of %d applications:\n%s%s", status, len(c.Report().Chains), len(apps), c.Out.String(), c.Errs.String())
	}
}

// charts copies all charts of a folder into the repository, each as an application.
// Those that have an application.yaml get the repository's URL into it.
func (s *scene) charts(folder string, prefix bool) (apps []*scene) {
	s.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if prefix {
			name = "chart-" + name
		}
		app := s.of(name)
		to := s.work.Path("applications/" + name)
		if err := os.CopyFS(to, os.DirFS(filepath.Join(folder, e.Name()))); err != nil {
			s.Fatal(err)
		}
		// A developer may have both here.
		sealed, err := filepath.Glob(filepath.Join(to, "templates", "sealed-*"))
		if err != nil {
			s.Fatal(err)
		}
		for _, old := range append(sealed, filepath.Join(to, "local-secrets")) {
			if err := os.RemoveAll(old); err != nil {
				s.Fatal(err)
			}
		}
		if prefix {
			app.write("application.yaml", shop()["application.yaml"])
			app.write(".helmignore", shop()[".helmignore"])
		} else {
			app.write("application.yaml", strings.Replace(app.read("application.yaml"), "https://github.com/sealway/sealway.git", "REMOTE", 1))
		}
		apps = append(apps, app)
	}
	return apps
}
