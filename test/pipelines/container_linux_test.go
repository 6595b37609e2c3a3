package pipelines

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sealway/sealway/internal/scripttest"
	"github.com/sealway/sealway/internal/worldtest"
)

// container runs the container's script in a clone of a commit.
func (r *repository) container(env []string, commit string, args ...string) result {
	r.Helper()
	dir := r.clone(commit, false)
	if os.Getuid() == 0 { // else it can belong to nobody else
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, 12345, 12345)
		})
		if err != nil {
			r.Fatal(err)
		}
	}
	return r.pipeline(dir, env, args...)
}

// pipeline runs the script in a folder with no variables but PATH and an empty HOME.
func (r *repository) pipeline(dir string, env []string, args ...string) result {
	r.Helper()
	script := filepath.Join(scripttest.Root(r), "examples", "ci", "container", "pipeline.sh")
	env = append([]string{"HOME=", "PATH=" + r.tools() + ":" + os.Getenv("PATH")}, env...)
	c := worldtest.Start(r, dir, env, r.all, append([]string{"sh", script}, args...)...)
	res := result{status: c.Wait()}
	res.out = c.Out.String() + c.Errs.String()
	return res
}

// TestContainerfile reads the Containerfile as far as that goes without a container
// engine: known instructions, a base for each stage, copies that exist, no plaintext.
func TestContainerfile(t *testing.T) {
	t.Parallel()
	stages := map[string]bool{}
	known := []string{"FROM", "WORKDIR", "COPY", "RUN", "ENTRYPOINT"}
	text := strings.ReplaceAll(example(t, "container/Containerfile"), "\\\n", " ")
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if !slices.Contains(known, f[0]) {
			t.Errorf("instruction %q is not known here", f[0])
		}
		switch f[0] {
		case "FROM":
			if strings.Count(f[1], "/") < 2 || !strings.Contains(f[1], ":") {
				t.Errorf("%q: no registry, or no tag", f[1])
			}
			if len(f) == 4 && f[2] == "AS" {
				stages[f[3]] = true
			}
		case "COPY":
			if from, is := strings.CutPrefix(f[1], "--from="); is && !stages[from] {
				t.Errorf("there is no stage %q before this: %s", from, line)
			}
			if slices.Contains(f[1:len(f)-1], ".") {
				t.Errorf("local-secrets would become a part of the image: %s", line)
			}
			if f[1] == "ci/pipeline.sh" {
				_ = example(t, "container/pipeline.sh")
			}
		}
	}
	if len(stages) == 0 || !strings.Contains(text, `ENTRYPOINT ["pipeline"]`) {
		t.Error("that is not the Containerfile")
	}
}
