package lint

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
)

// application is one application as it lies on the disk, rendered.
type application struct {
	repo.Application
	dir       string // relative to the root, with slashes
	plaintext string // folder of the plaintext, relative to dir

	files   []chart.File // all but the plaintext
	isChart bool
	options chart.Options
	chart   *chart.Rendered // nil when it is no chart, or does not render
	broken  error           // why not

	contract    *repo.Contract // nil when there is none, or it cannot be read
	argo        *argoApplication
	unreadable  []error
	sealedFiles []repo.File       // that hold SealedSecrets
	sealed      []manifest.Sealed // of these files

	// objects are what a sync applies: rendered, and the sealed files that the chart
	// does not render. Those that Argo CD skips are not among them.
	objects []chart.Object
}

func load(ctx context.Context, r *repo.Repository, app repo.Application, o Options) (*application, error) {
	a := &application{Application: app, dir: r.Rel(app.Dir)}
	rel, err := filepath.Rel(app.Dir, app.Plaintext)
	if err != nil {
		return nil, err
	}
	a.plaintext = filepath.ToSlash(rel)
	if err := a.read(r, app.Dir, "", maxLinks); err != nil {
		return nil, err
	}
	if a.contract, err = r.LoadContract(app); err != nil {
		a.unreadable = append(a.unreadable, err)
	}
	for _, f := range a.files {
		if f.Name == applicationFile {
			if a.argo, err = readApplication(a.dir+"/"+f.Name, f.Data); err != nil {
				a.unreadable = append(a.unreadable, err)
			}
		}
	}
	if err := a.readSealed(ctx, r); err != nil {
		return nil, err
	}
	a.render(r, o)
	a.collect()
	return a, nil
}

// maxFile is the largest file that is read: charts hold text.
const maxFile = 16 << 20 // 16 MiB

// maxLinks is how many links to folders may lead into one another.
const maxLinks = 8

// read reads the files of a folder of the application, as Helm does: links are followed,
// out of the repository they are not. What cannot be a file of a chart is passed over.
func (a *application) read(r *repo.Repository, dir, below string, links int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return r.Unreadable(dir, err)
	}
	for _, e := range entries {
		name, rel := filepath.Join(dir, e.Name()), path.Join(below, e.Name())
		isLink := e.Type()&fs.ModeSymlink != 0
		if rel == a.plaintext || e.Name() == ".git" || isLink && (links == 0 || r.Inside(name) != nil || astray(r, name)) {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return r.Unreadable(name, err)
		}
		switch left := links; {
		case info.IsDir():
			if isLink {
				left--
			}
			if err := a.read(r, name, rel, left); err != nil {
				return err
			}
		case info.Mode().IsRegular() && info.Size() <= maxFile:
			data, err := os.ReadFile(name)
			if err != nil {
				return r.Unreadable(name, err)
			}
			a.files = append(a.files, chart.File{Name: rel, Data: data})
		}
	}
	return nil
}

// astray reports whether a link leads into a folder of plaintext, or to a folder that it
// lies in.
func astray(r *repo.Repository, name string) bool {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return true
	}
	root, err := filepath.EvalSymlinks(r.Tree.Root)
	if err != nil {
		return true
	}
	rel, err := filepath.Rel(root, target)
	if err != nil || r.IsPlaintext(filepath.ToSlash(rel)+"/") {
		return true
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(name))
	return err != nil || strings.HasPrefix(dir+string(filepath.Separator), target+string(filepath.Separator))
}

// readSealed finds the sealed files. seal:check says which of them cannot be read.
func (a *application) readSealed(ctx context.Context, r *repo.Repository) error {
	folder, err := r.Folder(ctx, a.Sealed)
	if err != nil && ctx.Err() != nil {
		return err
	}
	for _, f := range folder {
		found, err := manifest.FindSealed(f.Rel, f.Data)
		a.sealed = append(a.sealed, found...)
		if len(found) > 0 || err != nil {
			a.sealedFiles = append(a.sealedFiles, f)
		}
	}
	return nil
}

// render renders the chart as Argo CD would, as far as application.yaml says how.
func (a *application) render(r *repo.Repository, o Options) {
	a.isChart = slices.ContainsFunc(a.files, func(f chart.File) bool { return f.Name == "Chart.yaml" })
	if !a.isChart {
		return
	}
	a.options = chart.Options{Release: a.Name, Namespace: a.Namespace, KubeVersion: o.KubeVersion, Plaintext: a.plaintext}
	if a.argo != nil {
		var outside []chart.File
		outside, a.broken = a.argo.helm(&a.options, a.dir, func(rel string) ([]byte, error) {
			name := filepath.Join(r.Tree.Root, filepath.FromSlash(rel))
			if r.IsPlaintext(rel) || r.Inside(name) != nil {
				return nil, fs.ErrNotExist
			}
			return os.ReadFile(name)
		})
		if a.broken != nil {
			return
		}
		a.files = append(a.files, outside...)
	}
	a.chart, a.broken = chart.Render(a.files, a.options)
}

// collect puts the objects together.
func (a *application) collect() {
	if a.chart != nil {
		for _, o := range a.chart.Objects {
			if o.Hook != chart.Skip {
				a.objects = append(a.objects, o)
			}
		}
	}
	for i := range a.sealed {
		s := &a.sealed[i]
		namespace := a.namespaceOf(s)
		if !slices.ContainsFunc(a.objects, func(o chart.Object) bool {
			return isSealed(o) && o.Name == s.Name && o.Namespace == namespace
		}) {
			a.objects = append(a.objects, a.sealedObject(s, namespace))
		}
	}
}

func isSealed(o chart.Object) bool { return o.Group == "bitnami.com" && o.Kind == "SealedSecret" }

func isCluster(o chart.Object) bool { return o.Group == "postgresql.cnpg.io" && o.Kind == "Cluster" }

// namespaceOf is where a SealedSecret goes.
func (a *application) namespaceOf(s *manifest.Sealed) string {
	if s.Namespace == "" {
		return a.Namespace
	}
	return s.Namespace
}

// sealedObject is a sealed file that the chart does not render as an object of it.
func (a *application) sealedObject(s *manifest.Sealed, namespace string) chart.Object {
	items, data := map[string]any{}, map[string]any{}
	for _, it := range s.Items {
		items[it.Key] = ""
	}
	for _, k := range s.Template.Data {
		data[k] = ""
	}
	return chart.Object{
		Group: "bitnami.com", Version: "v1alpha1", Kind: "SealedSecret", Namespace: namespace, Name: s.Name,
		Path: relative(a.dir, s.Path), Line: s.Line, Wave: wave(s.Annotations),
		Raw: map[string]any{"spec": map[string]any{"encryptedData": items, "template": map[string]any{
			"type": s.Template.Type, "data": data, "metadata": map[string]any{"name": s.Template.Name},
		}}},
	}
}

// relative is a path of the repository as one of the application's folder.
func relative(dir, name string) string {
	if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
		return rest
	}
	return strings.Repeat("../", strings.Count(dir, "/")+1) + name
}

// wave reads the annotation of a sync wave.
func wave(annotations map[string]string) int {
	n := 0
	sign := 1
	text := annotations[waveAnnotation]
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		text, sign = rest, -1
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n * sign
}

const (
	waveAnnotation = "argocd.argoproj.io/sync-wave"
	hookAnnotation = "argocd.argoproj.io/hook"
)

// clusters are the application's PostgreSQL clusters.
func (a *application) clusters() []chart.Object {
	var out []chart.Object
	for _, o := range a.objects {
		if isCluster(o) && !slices.ContainsFunc(out, func(c chart.Object) bool { return c.Name == o.Name && c.Namespace == o.Namespace }) {
			out = append(out, o)
		}
	}
	return out
}

// spec is the contract's entry of a Secret.
func (a *application) spec(namespace, name string) *repo.SecretSpec {
	if a.contract == nil {
		return nil
	}
	if s := a.contract.Secret(name); s != nil && s.NamespaceOr(a.Namespace) == namespace {
		return s
	}
	return nil
}

// contractPath is the contract's path in the repository.
func (a *application) contractPath() string {
	return a.dir + "/" + path.Base(filepath.ToSlash(a.Contract))
}

// whole reports whether all that a sync applies is known: the chart renders, and no other
// source of application.yaml brings more.
func (a *application) whole() bool {
	if a.chart == nil {
		return false
	}
	if a.argo == nil {
		return true
	}
	ours := 0
	for _, s := range a.argo.sources {
		if s.Chart.Value != "" || s.Path.Value != "" {
			ours++
		}
	}
	return ours <= 1
}

// chartBroken tells why a chart does not render. Braces in a sealed file are told by
// their own rule.
func chartBroken(c *checker, a *application) {
	if a.broken == nil {
		return
	}
	var dependency *chart.DependencyError
	var broken *chart.Error
	switch {
	case errors.As(a.broken, &dependency):
		c.add(a.at("Chart.yaml", 0), finding("", "the chart does not render: dependencies that are not in charts/: "+strings.Join(dependency.Missing, ", "),
			"run `helm dependency build "+a.dir+"` and commit "+a.dir+"/charts/"))
	case errors.As(a.broken, &broken):
		name := broken.Path
		switch {
		case name != "":
		case strings.Contains(broken.Cause, "application") || strings.HasPrefix(broken.Cause, "parameter "):
			name = applicationFile
		default:
			name = "Chart.yaml"
		}
		if a.hasBraces(a.dir + "/" + name) {
			return
		}
		at := a.at(name, broken.Line)
		c.add(at, finding("", "the chart does not render: "+broken.Cause, "mend "+at.String()+"; `helm template "+a.dir+"` shows the same error"))
	default:
		c.add(a.at("Chart.yaml", 0), finding("", "the chart does not render: "+a.broken.Error(), "`helm template "+a.dir+"` shows the same error"))
	}
}

// fileUnreadable tells of a contract or application.yaml that cannot be read.
func fileUnreadable(c *checker, a *application) {
	for _, err := range a.unreadable {
		c.unreadable(a, err)
	}
}

func (c *checker) unreadable(a *application, err error) {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		for _, e := range many.Unwrap() {
			c.unreadable(a, e)
		}
		return
	}
	var me *manifest.Error
	if !errors.As(err, &me) {
		c.add(place{a.dir, 0}, finding("", err.Error(), "mend the file"))
		return
	}
	f := finding(me.Object, me.Problem, me.Fix)
	f.Key = me.Key
	c.add(place{me.Path, me.Line}, f)
}
