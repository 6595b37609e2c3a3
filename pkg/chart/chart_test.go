package chart_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sealway/sealway/pkg/chart"
)

// folder reads the files of a chart from the disk.
func folder(t testing.TB, dir string) []chart.File {
	t.Helper()
	var files []chart.File
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files = append(files, chart.File{Name: filepath.ToSlash(rel), Data: data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestApplications(t *testing.T) {
	dirs, err := filepath.Glob("../../applications/*/Chart.yaml")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no application found: %v", err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			name := filepath.Base(dir)
			r, err := chart.Render(folder(t, dir), chart.Options{Release: name, Namespace: name})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Objects) < 4 {
				t.Errorf("%d objects", len(r.Objects))
			}
			for _, o := range r.Objects {
				t.Logf("%s %s:%d wave %d %s", o, o.Path, o.Line, o.Wave, o.Hook)
				data, err := os.ReadFile(filepath.Join(dir, o.Path))
				if err != nil {
					t.Fatal(err)
				}
				line := strings.Split(string(data), "\n")[o.Line-1]
				if !strings.Contains(line, "name: "+o.Name) {
					t.Errorf("%s: %s:%d: %q does not name it", o, o.Path, o.Line, line)
				}
				if spec, ok := chart.PodSpec(o); ok {
					for _, ref := range chart.References(spec.Spec) {
						p, ok := r.LocateReference(o, ref)
						t.Logf("   %+v at %+v", ref, p)
						if !ok {
							t.Errorf("%s: %s: not located", o, ref.Name)
						}
					}
				}
			}
		})
	}
}

// minimal is the smallest chart.
const minimal = `
-- Chart.yaml --
apiVersion: v2
name: web
version: 0.1.0
`

// archive are the files of a txtar archive.
func archive(t testing.TB, text string) []chart.File {
	t.Helper()
	var files []chart.File
	for _, f := range txtar.Parse([]byte(text)).Files {
		files = append(files, chart.File{Name: f.Name, Data: f.Data})
	}
	if len(files) == 0 {
		t.Fatal("no files")
	}
	return files
}
