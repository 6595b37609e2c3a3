package lint

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/ignore"
)

// probe is a file that could lie in the plaintext folder.
const probe = "probe.yaml"

// ignoreGit looks at the rules for every application at once. A rule that only this
// machine has protects nobody else.
func ignoreGit(c *checker) error {
	var paths []string
	for _, a := range c.selected {
		paths = append(paths, a.dir+"/"+a.plaintext+"/"+probe)
	}
	rules, err := c.repo.Tree.IgnoreRules(c.ctx, paths)
	if err != nil {
		return err
	}
	var open, local []string
	source := ""
	for i, a := range c.selected {
		rule, ignored := rules[paths[i]]
		switch name := a.dir + "/" + a.plaintext + "/"; {
		case !ignored:
			open = append(open, name)
		case path.Base(rule.Source) != ".gitignore" || path.IsAbs(rule.Source):
			local, source = append(local, name), rule.Source
		}
	}
	if len(c.selected) == 0 {
		return nil
	}
	fix := fmt.Sprintf("add the line `%s/` to .gitignore", c.selected[0].plaintext)
	if len(open) > 0 {
		c.add(place{".gitignore", 0}, finding("", "Git does not ignore "+list(open), fix))
	}
	if len(local) > 0 {
		c.add(place{".gitignore", 0}, finding("", fmt.Sprintf("only %s of this machine ignores %s; in another clone Git does not", source, list(local)), fix))
	}
	return nil
}

// list names a few.
func list(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func ignoreHelm(c *checker, a *application) {
	if !a.isChart {
		return
	}
	rules := ignore.Empty()
	for _, f := range a.files {
		if f.Name != ignore.HelmIgnore {
			continue
		}
		parsed, err := ignore.Parse(bytes.NewReader(f.Data))
		if err != nil {
			return // the chart does not render, and says so
		}
		rules = parsed
	}
	for dir := a.plaintext; dir != "."; dir = path.Dir(dir) {
		if rules.Ignore(dir, directory{path.Base(dir)}) {
			return
		}
	}
	at := a.at(ignore.HelmIgnore, 0)
	c.add(at, finding("", fmt.Sprintf("Helm does not ignore %s/: `helm package` would ship the plaintext", a.plaintext),
		fmt.Sprintf("add the line `%s/` to %s", a.plaintext, at)))
}

// directory is what the rules of .helmignore want to know of a folder.
type directory struct{ name string }

func (d directory) Name() string       { return d.name }
func (d directory) Size() int64        { return 0 }
func (d directory) Mode() fs.FileMode  { return fs.ModeDir }
func (d directory) ModTime() time.Time { return time.Time{} }
func (d directory) IsDir() bool        { return true }
func (d directory) Sys() any           { return nil }
