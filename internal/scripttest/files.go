package scripttest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// state is every file, link and folder of the script's work, with mode and
// content; Git's own folders (.git, remote.git) and the script's home are left out.
func (s *script) state() (map[string]string, error) {
	out := map[string]string{}
	err := filepath.WalkDir(s.work, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := d.Name(); {
		case !d.IsDir() && name == ".git": // of a linked work tree
			return nil
		case d.IsDir() && (strings.HasSuffix(name, ".git") || name == ".home" || name == ".tmp"): // bare repositories are called x.git
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %x", sha256.Sum256(data))
		}
		rel, err := filepath.Rel(s.work, path)
		out[filepath.ToSlash(rel)] = text
		return err
	})
	return out, err
}

func snapshot(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "snapshot")
	s := of(ts)
	var err error
	s.before, err = s.state()
	ts.Check(err)
}

func unchanged(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "unchanged")
	s := of(ts)
	if s.before == nil {
		ts.Fatalf("unchanged: no snapshot before it")
	}
	now, err := s.state()
	ts.Check(err)
	if d := cmp.Diff(s.before, now); d != "" {
		ts.Fatalf("files changed (-before +now):\n%s", d)
	}
}

func changedOnly(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 0, "changed-only FILE...")
	s := of(ts)
	now, err := s.state()
	ts.Check(err)
	got := map[string]bool{}
	for path := range now {
		if now[path] != s.before[path] && !strings.HasPrefix(now[path], "d") {
			got[path] = true
		}
	}
	for path := range s.before {
		if _, there := now[path]; !there {
			got[path] = true
		}
	}
	want := make([]string, len(args))
	for i, a := range args {
		rel, err := filepath.Rel(s.work, ts.MkAbs(a))
		ts.Check(err)
		want[i] = filepath.ToSlash(rel)
	}
	slices.Sort(want)
	if d := cmp.Diff(want, slices.Sorted(maps.Keys(got))); d != "" {
		ts.Fatalf("changed files (-want +got):\n%s", d)
	}
}

func edit(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 3, "edit FILE OLD NEW")
	before, after := text(ts, args[1]), text(ts, args[2])
	data := ts.ReadFile(args[0])
	if n := strings.Count(data, before); n != 1 {
		ts.Fatalf("%s: %q stands there %d times", args[0], before, n)
	}
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.WriteFile(path, []byte(strings.Replace(data, before, after, 1)), info.Mode()))
}

func writeBytes(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2 || len(args) == 3, "bytes FILE TEXT [N]")
	n := 1
	if len(args) == 3 {
		var err error
		n, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	ts.Check(err)
	_, err = f.WriteString(strings.Repeat(text(ts, args[1]), n))
	ts.Check(err)
	ts.Check(f.Close())
}

// text reads Go's escapes.
func text(ts *testscript.TestScript, s string) string {
	out, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		ts.Fatalf("%q: %v", s, err)
	}
	return out
}

// jsonValue follows a path such as entries.0.action through the document on stdout.
func jsonValue(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "json PATH VALUE")
	outputs := of(ts).printed
	dec := json.NewDecoder(strings.NewReader(outputs[len(outputs)-1].stdout))
	dec.UseNumber()
	var doc any
	if err := dec.Decode(&doc); err != nil || dec.More() {
		ts.Fatalf("stdout is not one JSON document: %v", err)
	}
	at := doc
	for step := range strings.SplitSeq(args[0], ".") {
		switch v := at.(type) {
		case map[string]any:
			at = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				ts.Fatalf("%s: a list of %d has no %s", args[0], len(v), step)
			}
			at = v[i]
		default:
			at = nil
		}
	}
	if got := fmt.Sprint(at); got != args[1] {
		ts.Fatalf("%s is %q, want %q", args[0], got, args[1])
	}
}

func fileMode(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "mode FILE PERM")
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has the mode %s, want %s", args[0], got, args[1])
	}
}
