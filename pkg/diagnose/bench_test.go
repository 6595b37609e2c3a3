package diagnose

import (
	"fmt"
	"testing"
)

// BenchmarkDiagnose is one application of 10 Pods of which each waits for something,
// among 50 in the state.
func BenchmarkDiagnose(b *testing.B) {
	w := newWorld()
	noConfig(w, func(*Origin) {})
	for i := range 9 {
		p := *w.pod("web-2-abc")
		p.Name = fmt.Sprintf("web-2-%d", i)
		w.space.Pods = append(w.space.Pods, p)
	}
	for i := range 49 {
		space := *w.space
		space.Name = fmt.Sprintf("other-%d", i)
		w.state.Spaces[space.Name] = &space
	}
	for i := range 100 {
		w.event("Pod", fmt.Sprintf("web-%05d", i), "Unhealthy", "x")
	}
	w.in.Masker = w.state.Masker()
	b.ReportAllocs()
	for b.Loop() {
		if len(Diagnose(b.Context(), w.in)) == 0 {
			b.Fatal("no cause")
		}
	}
}
