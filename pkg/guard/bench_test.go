package guard

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/git/gittest"
)

// benchValues are as many values as a repository of many applications has.
func benchValues() []Value {
	out := make([]Value, 500)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range out {
		out[i] = Value{Text: []byte(randomText(r, 48)), Object: "Secret a/b", Key: fmt.Sprint(i)}
	}
	return out
}

func randomText(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(alnum[r.IntN(len(alnum))])
	}
	return b.String()
}

// manifestText is a Helm template, a workload or a sealed file, of 2 to 6 KB.
func manifestText(r *rand.Rand) string {
	var b strings.Builder
	switch r.IntN(3) {
	case 0:
		b.WriteString("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: x, namespace: y}\nspec:\n  encryptedData:\n")
		for i := range 3 {
			fmt.Fprintf(&b, "    key%d: AgB%s\n", i, randomText(r, 717))
		}
	case 1:
		b.WriteString("apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ include \"x\" . }}\ndata:\n")
		for i := range 60 {
			fmt.Fprintf(&b, "  key%d: {{ .Values.key%d | b64enc | quote }}\n", i, r.IntN(1000))
		}
	default:
		b.WriteString("apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n")
		for i := range 20 {
			fmt.Fprintf(&b, "        - name: c%d\n          image: example.com/%s:v1\n          env:\n            - {name: A, valueFrom: {secretKeyRef: {name: x, key: k%d}}}\n", i, randomText(r, 20), r.IntN(100))
		}
	}
	return b.String()
}

// fastImport fills a repository with commits, quickly.
func fastImport(b *testing.B, r *gittest.Repo, stream *bytes.Buffer) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "git", "fast-import", "--quiet")
	cmd.Dir, cmd.Stdin = r.Dir, stream
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("git fast-import: %v\n%s", err, out)
	}
	r.Git("reset", "--quiet", "--hard", "main")
}

func commit(stream *bytes.Buffer, n int, files map[string]string) {
	fmt.Fprintf(stream, "commit refs/heads/main\ncommitter T <t@example.com> %d +0000\ndata 1\nx\n", 1700000000+n)
	for path, text := range files {
		fmt.Fprintf(stream, "M 644 inline %s\ndata %d\n%s\n", path, len(text), text)
	}
}

// BenchmarkIndex is the hook's work: 20 files staged in a repository of 5,000.
func BenchmarkIndex(b *testing.B) {
	r := gittest.New(b)
	random := rand.New(rand.NewPCG(1, 2))
	files := map[string]string{}
	for i := range 5000 {
		files[fmt.Sprintf("applications/a%d/templates/%d.yaml", i%50, i)] = manifestText(random)
	}
	var stream bytes.Buffer
	commit(&stream, 0, files)
	fastImport(b, r, &stream)
	for i := range 20 {
		r.Write(fmt.Sprintf("applications/a%d/templates/%d.yaml", i%50, i), manifestText(random))
	}
	r.Git("add", ".")
	o := options()
	o.Values = benchValues()
	for b.Loop() {
		result, err := Index(b.Context(), open(b, r.Dir), o)
		if err != nil || result.Files != 20 || len(result.Findings) > 0 {
			b.Fatalf("%v, %+v", err, result)
		}
	}
}

// BenchmarkHistory scans 10,000 commits with three changed files each.
func BenchmarkHistory(b *testing.B) {
	const commits = 10000
	r := gittest.New(b)
	random := rand.New(rand.NewPCG(1, 3))
	var stream bytes.Buffer
	for i := range commits {
		files := map[string]string{}
		for range 3 {
			n := random.IntN(2000)
			files[fmt.Sprintf("applications/a%d/templates/%d.yaml", n%50, n)] = manifestText(random)
		}
		commit(&stream, i, files)
	}
	fastImport(b, r, &stream)
	o := options()
	o.Values = benchValues()
	stream = bytes.Buffer{}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var files int
	for b.Loop() {
		result, err := History(b.Context(), open(b, r.Dir), o)
		if err != nil || len(result.Findings) > 0 {
			b.Fatalf("%v, %d findings", err, len(result.Findings))
		}
		files = result.Files
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(files), "blobs")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(files)*1000, "s/1000blobs")
	// What the process took from the system on top of the repository's making.
	b.ReportMetric(float64(after.Sys-before.Sys)/(1<<20), "MiB-more")
}

// BenchmarkScan is the scanner alone.
func BenchmarkScan(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 4))
	texts := make([][]byte, 100)
	size := 0
	for i := range texts {
		texts[i] = []byte(manifestText(random))
		size += len(texts[i])
	}
	s := newScanner(benchValues())
	b.SetBytes(int64(size))
	for b.Loop() {
		for _, text := range texts {
			s.scan("a.yaml", text)
		}
	}
}

// BenchmarkValues looks for 500 values in a large text that no parser is for.
func BenchmarkValues(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 5))
	text := []byte(randomText(random, 4<<20))
	m := newMatcher(benchValues())
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		m.each(text, func(int, needle) { b.Fatal("found") })
	}
}
