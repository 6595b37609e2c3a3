package guard

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/git/gittest"
)

// TestCut never judges a part of a range for the whole: what a CI system has not
// fetched is said.
func TestCut(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("a.yaml", clean)
	base := origin.Git("rev-parse", "HEAD")
	origin.Git("switch", "--quiet", "-c", "topic")
	origin.Commit("b.yaml", leak)
	origin.Git("rm", "--quiet", "b.yaml")
	origin.Git("commit", "--quiet", "-m", "removed")
	origin.Commit("c.yaml", clean)
	origin.Git("config", "uploadpack.allowAnySHA1InWant", "true")
	url := "file://" + filepath.ToSlash(origin.Dir)
	for _, c := range []struct {
		name, reason string
		depth        string
		commits      string
		want         string // of the error; else the leak is found
	}{
		{"no base", "the newest commit alone was fetched", "1", base + "...HEAD", "there is no commit"},
		{"base alone", "base and head are both here, and nothing between them", "base", base + "...HEAD", "this clone is shallow: what comes before commit "},
		{"some", "the leak lies just behind the edge", "2", strings.Repeat("0", 40) + "...HEAD", "this clone is shallow: what comes before commit "},
		{"enough", "the edge is not in the range", "4", base + "...HEAD", ""},
		{"all", "", "100", base + "...HEAD", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			clone := gittest.New(t)
			depth := c.depth
			if depth == "base" {
				clone.Git("fetch", "--quiet", "--depth=1", url, base)
				depth = "1"
			}
			clone.Git("fetch", "--quiet", "--depth="+depth, url, "topic:topic")
			clone.Git("switch", "--quiet", "topic")
			r, err := Range(t.Context(), open(t, clone.Dir), c.commits, options())
			switch {
			case c.want == "" && (err != nil || len(r.Findings) != 1):
				t.Errorf("%s: %+v, %v", c.reason, r, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%s: %+v, %v; want %q", c.reason, r, err, c.want)
			}
		})
	}
}

// TestNewBranch takes a base of zeros in a clone that has fetched the new branch, as
// a CI system does, for what no other branch has.
func TestNewBranch(t *testing.T) {
	origin := gittest.New(t)
	origin.Commit("old.yaml", leak)
	for _, c := range []struct {
		name, reason string
		make         func(*gittest.Repo)
		branch       string
		want         int // findings
	}{
		{"first", "there was nothing before it", func(*gittest.Repo) {}, "main", 1},
		{"branch", "what main has was looked at when it came", func(r *gittest.Repo) {
			r.Git("switch", "--quiet", "-c", "topic")
			r.Commit("new.yaml", strings.Replace(leak, "password", "token", 1))
		}, "topic", 1},
		{"clean branch", "", func(r *gittest.Repo) {
			r.Git("switch", "--quiet", "-c", "clean", "main")
			r.Commit("clean.yaml", clean)
		}, "clean", 0},
		{"branch of a branch", "it is on both", func(r *gittest.Repo) { r.Git("branch", "second", "topic") }, "second", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.make(origin)
			clone := origin.Clone()
			clone.Git("checkout", "--quiet", "--detach", "origin/"+c.branch)
			r, err := Range(t.Context(), open(t, clone.Dir), strings.Repeat("0", 40)+"...HEAD", options())
			if err != nil || len(r.Findings) != c.want {
				t.Errorf("%s: %+v, %v; want %d findings", c.reason, r, err, c.want)
			}
		})
	}
}
