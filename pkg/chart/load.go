package chart

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"
)

const (
	chartFile  = "Chart.yaml"
	valuesFile = "values.yaml"
)

// withoutPlaintext leaves out the folder of plaintext Secrets: Helm would put a file
// that .helmignore forgot at the templates' disposal.
func withoutPlaintext(files []File, folder string) []File {
	if folder == "" {
		folder = "local-secrets"
	}
	folder = strings.Trim(path.Clean(strings.ReplaceAll(folder, "\\", "/")), "/")
	out := make([]File, 0, len(files))
	for _, f := range files {
		if name := path.Clean(f.Name); name != folder && !strings.HasPrefix(name, folder+"/") {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// load reads the chart as Helm's own loader of a folder does.
func load(files []File) (*chart.Chart, error) {
	keep, err := notIgnored(files)
	if err != nil {
		return nil, err
	}
	buffered := make([]*loader.BufferedFile, 0, len(keep))
	for _, f := range keep {
		buffered = append(buffered, &loader.BufferedFile{Name: f.Name, Data: bytes.TrimPrefix(f.Data, utf8bom)})
	}
	c, err := loader.LoadFiles(buffered)
	if err != nil {
		return nil, chartError("", err)
	}
	return c, nil
}

var utf8bom = []byte{0xEF, 0xBB, 0xBF}

// notIgnored are the files that .helmignore leaves in the chart.
func notIgnored(files []File) ([]File, error) {
	rules := ignore.Empty()
	for _, f := range files {
		if f.Name != ignore.HelmIgnore {
			continue
		}
		parsed, err := ignore.Parse(bytes.NewReader(f.Data))
		if err != nil {
			return nil, chartError(ignore.HelmIgnore, err)
		}
		rules = parsed
	}
	rules.AddDefaults()
	folders := map[string]bool{}
	out := make([]File, 0, len(files))
	for _, f := range files {
		if fs.ValidPath(f.Name) && !ignored(rules, f.Name, folders) {
			out = append(out, f)
		}
	}
	return out, nil
}

// ignored tests a file and the folders above it, each of them once.
func ignored(rules *ignore.Rules, name string, folders map[string]bool) bool {
	for i, c := range name {
		if c != '/' {
			continue
		}
		skip, known := folders[name[:i]]
		if !known {
			skip = rules.Ignore(name[:i], info{name[:i], true})
			folders[name[:i]] = skip
		}
		if skip {
			return true
		}
	}
	return rules.Ignore(name, info{name, false})
}

// info is what the rules of .helmignore want to know of a file.
type info struct {
	name string
	dir  bool
}

func (i info) Name() string       { return path.Base(i.name) }
func (i info) Size() int64        { return 0 }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir
	}
	return 0
}

// checkDependencies refuses a chart that Argo CD would have to complete from the network.
func checkDependencies(c *chart.Chart) error {
	var missing []string
	for _, want := range c.Metadata.Dependencies {
		if !slices.ContainsFunc(c.Dependencies(), func(d *chart.Chart) bool { return d.Name() == want.Name }) {
			missing = append(missing, want.Name)
		}
	}
	if len(missing) > 0 {
		return &DependencyError{Chart: c.Name(), Missing: missing}
	}
	return nil
}
