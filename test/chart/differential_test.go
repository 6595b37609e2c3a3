// Package chart_test holds pkg/chart against the helm program: the same charts give
// the same objects.
package chart_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/sealway/sealway/internal/sandbox"
	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/pkg/chart"
)

func TestAsHelm(t *testing.T) {
	bin, err := sandbox.Build(t.Context(), sandbox.Options{}, sandbox.Helm)
	if err != nil {
		t.Fatal(err)
	}
	dirs := applications(t)
	for _, name := range fixtures(t) {
		dirs[name] = unpack(t, name)
	}
	archived := unpack(t, "dependencies")
	pack(t, filepath.Join(archived, "charts"), "db")
	dirs["archive"] = archived
	for name, dir := range dirs {
		for _, o := range options(name) {
			t.Run(name+strings.Join(o.ValueFiles, ""), func(t *testing.T) {
				r, err := chart.Render(read(t, dir), o)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, obj := range r.Objects {
					got = append(got, canonical(t, obj.Raw))
				}
				want := template(t, bin["helm"], dir, o)
				slices.Sort(got)
				slices.Sort(want)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-helm +ours):\n%s", diff)
				}
			})
		}
	}
}

// options are those that a chart is rendered with.
func options(name string) []chart.Options {
	plain := chart.Options{Release: "release", Namespace: "space", KubeVersion: "1.31.0", APIVersions: []string{"monitoring.coreos.com/v1"}}
	all := []chart.Options{plain}
	if name == "helpers" {
		over := plain
		over.ValueFiles = []string{"prod.yaml"}
		over.Parameters = []chart.Parameter{
			{Name: "ports.extra", Value: "1234"}, {Name: "text", Value: "1,2", ForceString: true}, {Name: "listed", Value: "{a,b}"},
			{Name: `annotations.example\.com/a`, Value: "b"},
		}
		all = append(all, over)
	}
	return all
}

// applications are the charts of this repository.
func applications(t *testing.T) map[string]string {
	files, err := filepath.Glob(filepath.Join(scripttest.Root(t), "applications", "*", "Chart.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no application found: %v", err)
	}
	dirs := map[string]string{}
	for _, f := range files {
		dirs[filepath.Base(filepath.Dir(f))] = filepath.Dir(f)
	}
	return dirs
}

func fixtures(t *testing.T) []string {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixture found: %v", err)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".txtar"))
	}
	return names
}

// unpack writes a fixture into a folder.
func unpack(t *testing.T, name string) string {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	archive.Files = append(archive.Files, txtar.File{Name: "prod.yaml", Data: []byte("replicas: 5\nfullnameOverride: prod\n")})
	dir := t.TempDir()
	for _, f := range archive.Files {
		file := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// pack makes an archive of a subchart in the place of its folder.
func pack(t *testing.T, charts, name string) {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for _, f := range read(t, filepath.Join(charts, name)) {
		head := &tar.Header{Name: path.Join(name, f.Name), Mode: 0o644, Size: int64(len(f.Data))}
		if err := w.WriteHeader(head); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.Data); err != nil {
			t.Fatal(err)
		}
	}
	for _, end := range []func() error{w.Close, zip.Close} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(charts, name)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(charts, name+"-0.1.0.tgz"), out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir string) []chart.File {
	t.Helper()
	var files []chart.File
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(os.DirFS(dir), name)
		files = append(files, chart.File{Name: name, Data: data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// separator is a line between two documents.
var separator = regexp.MustCompile(`(?m)^---\n`)

// template runs the program and returns the objects.
func template(t *testing.T, helm, dir string, o chart.Options) []string {
	t.Helper()
	args := []string{"template", o.Release, dir, "--namespace", o.Namespace, "--kube-version", o.KubeVersion, "--include-crds"}
	for _, v := range append([]string{"postgresql.cnpg.io/v1", "bitnami.com/v1alpha1", "bitnami.com/v1alpha1/SealedSecret"}, o.APIVersions...) {
		args = append(args, "--api-versions", v)
	}
	for _, f := range o.ValueFiles {
		args = append(args, "--values", filepath.Join(dir, f))
	}
	for _, p := range o.Parameters {
		set := "--set"
		if p.ForceString {
			set = "--set-string"
		}
		value := p.Value
		if !strings.HasPrefix(value, "{") {
			value = strings.ReplaceAll(value, ",", `\,`)
		}
		args = append(args, set, p.Name+"="+value)
	}
	cmd := exec.CommandContext(t.Context(), helm, args...)
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+t.TempDir(), "HELM_CONFIG_HOME="+t.TempDir(), "HELM_DATA_HOME="+t.TempDir(), "KUBECONFIG=/dev/null")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("helm template: %v\n%s", err, stderr.String())
	}
	var objects []string
	for _, doc := range separator.Split(string(out), -1) {
		var raw map[string]any
		if err := yaml.Unmarshal([]byte(doc), &raw); err != nil {
			t.Fatalf("%v in:\n%s", err, doc)
		}
		if raw == nil {
			continue
		}
		if raw["kind"] == "List" {
			for _, item := range raw["items"].([]any) {
				objects = append(objects, canonical(t, item))
			}
			continue
		}
		objects = append(objects, canonical(t, raw))
	}
	if len(objects) == 0 {
		t.Fatal("helm renders nothing")
	}
	return objects
}

// canonical is an object as one text; numbers compare as JSON has them.
func canonical(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(data, &plain); err != nil {
		t.Fatal(err)
	}
	data, err = json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
