package seal_test

import (
	"context"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/seal"
)

// clusterFake holds what a controller made of one sealed file.
type clusterFake struct {
	ciphertext, value map[string]string // by key
	why               string
	absent            bool
}

func (c *clusterFake) Proves(_ context.Context, _, _, key, ciphertext string, value []byte) (bool, error) {
	return c.ciphertext[key] == ciphertext && c.value[key] == string(value), nil
}

func (c *clusterFake) Exists(context.Context, string, string) (bool, error) { return !c.absent, nil }

func (c *clusterFake) Why(context.Context, string, string) (string, error) { return c.why, nil }

func TestDelivered(t *testing.T) {
	cases := []struct {
		name, reason string
		change       func(*world, *clusterFake)
		want         string // in the finding; empty: none
	}{
		{name: "all there", reason: "ciphertext and values agree"},
		{name: "older", reason: "the cluster has the file from before the last seal",
			change: func(_ *world, c *clusterFake) { c.ciphertext["password"] = "older" },
			want:   "the cluster has another version of these keys: password"},
		{name: "another value", reason: "a person changed the Secret by hand",
			change: func(_ *world, c *clusterFake) { c.value["user"] = "x" },
			want:   "the cluster has another version of these keys: user"},
		{name: "not unsealed", reason: "the cluster knows why",
			change: func(_ *world, c *clusterFake) { c.ciphertext, c.why = nil, "no key could decrypt secret" },
			want:   "no key could decrypt secret"},
		{name: "not sealed", reason: "plaintext alone reaches no cluster",
			change: func(w *world, _ *clusterFake) { w.remove(w.repo.Tree.Root + "/" + sealedDB) },
			want:   "it is not sealed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, map[string]string{plainDB: twoValues})
			w.seal()
			apps, err := w.repo.Applications()
			if err != nil {
				t.Fatal(err)
			}
			committed, err := seal.Committed(t.Context(), w.repo, apps[0])
			if err != nil {
				t.Fatal(err)
			}
			cluster := &clusterFake{ciphertext: map[string]string{}, value: w.unseal(sealedDB)}
			for _, it := range committed[0].Items {
				cluster.ciphertext[it.Key] = it.Ciphertext
			}
			if c.change != nil {
				c.change(w, cluster)
			}
			findings, checked, err := seal.Delivered(t.Context(), w.repo, apps, cluster)
			if err != nil || checked != 1 {
				t.Fatalf("%d checked, %v", checked, err)
			}
			switch {
			case c.want == "" && len(findings) > 0, c.want != "" && (len(findings) != 1 || findings[0].Message != c.want):
				t.Errorf("%s: %+v, want %q", c.reason, findings, c.want)
			}
			for _, f := range findings {
				if strings.Contains(f.Message+f.Fix, canary) || f.Path == "" || f.Fix == "" {
					t.Errorf("finding %+v", f)
				}
			}
		})
	}
}

func TestUnsealed(t *testing.T) {
	w := newWorld(t, map[string]string{plainDB: twoValues})
	w.seal()
	apps, err := w.repo.Applications()
	if err != nil {
		t.Fatal(err)
	}
	for _, why := range []string{"", "no key could decrypt secret"} {
		findings, checked, err := seal.Unsealed(t.Context(), w.repo, apps, &clusterFake{why: why})
		if err != nil || checked != 1 {
			t.Fatalf("%d checked, %v", checked, err)
		}
		if (why == "") != (len(findings) == 0) || why != "" && (findings[0].Message != why || findings[0].Path != sealedDB) {
			t.Errorf("%q: %+v", why, findings)
		}
	}
	findings, checked, err := seal.Unsealed(t.Context(), w.repo, apps, &clusterFake{why: "not there", absent: true})
	if err != nil || checked != 0 || len(findings) != 0 {
		t.Errorf("not published: %d checked, %+v, %v", checked, findings, err)
	}
}
