package generate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/sealway/sealway/pkg/generate"
	"github.com/sealway/sealway/pkg/repo"
)

// BenchmarkNew plans 5,000 new Secrets of two keys in one application.
func BenchmarkNew(b *testing.B) {
	var text strings.Builder
	text.WriteString("secrets:\n")
	for i := range 5000 {
		fmt.Fprintf(&text, "  - name: s%d\n    keys: {a: {generate: password}, b: {derive: \"x-{{ a }}\"}}\n", i)
	}
	contract, err := repo.ReadContract("secrets.yaml", []byte(text.String()))
	if err != nil {
		b.Fatal(err)
	}
	app := generate.App{Name: "a", Namespace: "a", Dir: "local-secrets", Contract: contract}
	b.ReportAllocs()
	for b.Loop() {
		p, err := generate.New(context.Background(), []generate.App{app}, generate.Options{})
		if err != nil || len(p.Entries()) != 5000 {
			b.Fatal(err)
		}
	}
}
