package project

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestChoose(t *testing.T) {
	if list, err := choose(nil); err != nil || len(list) != 6 {
		t.Errorf("without a list: %v, %v, want all six", list, err)
	}
	some, none, wrong := "linux/arm64,windows/amd64", "", "linux/amd64,plan9/386"
	if list, err := choose(&some); err != nil || !slices.Equal(list, []string{"linux/arm64", "windows/amd64"}) {
		t.Errorf("%s: %v, %v", some, list, err)
	}
	for _, only := range []string{none, wrong} {
		if list, err := choose(&only); err == nil {
			t.Errorf("%q: %v, want an error", only, list)
		}
	}
}

func TestBinary(t *testing.T) {
	s := binary("windows/arm64", "/out", "v1.2.3")
	for _, want := range []string{"/out/sealway-windows-arm64.exe", "windows", "arm64", "-s -w -X main.version=v1.2.3"} {
		if !slices.ContainsFunc(s.args, func(a string) bool { return filepath.ToSlash(a) == want }) {
			t.Errorf("%q is not in %q", want, s.args)
		}
	}
	if !slices.Equal(s.env, []string{"CGO_ENABLED=0", "GOFLAGS=-trimpath"}) {
		t.Errorf("environment %q", s.env)
	}
}

// Every platform that is released is compiled by the gate, as dist does it.
func TestGateCompilesEveryPlatform(t *testing.T) {
	steps := checks("/out")
	for _, p := range platforms() {
		want := binary(p, "/out", "gate")
		i := slices.IndexFunc(steps, func(s step) bool { return s.name == "binary "+p })
		if i < 0 || !slices.Equal(steps[i].args, want.args) || !slices.Equal(steps[i].env, want.env) {
			t.Errorf("%s is not compiled as dist does", p)
		}
	}
}

// The list has every file but itself, as sha256sum writes it.
func TestWriteSums(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"b": "b\n", "a": "", sums: "old"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeSums(dir); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, sums))
	if err != nil {
		t.Fatal(err)
	}
	const want = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n" +
		"0263829989b6fd954f72baaf2fc64bc2e2f01d692d4de72986ea808f6e99813f  b\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
