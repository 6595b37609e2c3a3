package diagnose

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// asked counts how often logs are read.
type asked struct{ times int }

func (a *asked) Tail(context.Context, string, string, string, bool) ([]string, error) {
	a.times++
	return []string{"boom"}, nil
}

// TestLogsAreFew: the number of logs does not grow with the number of Pods.
func TestLogsAreFew(t *testing.T) {
	w, a := newWorld(), &asked{}
	w.in.Logs = a
	one := *w.crashes("store-0", 1, "Error").DeepCopy()
	for i := range 49 {
		p := one.DeepCopy()
		p.Name = fmt.Sprint("store-", i+1)
		w.space.Pods = append(w.space.Pods, *p)
	}
	if causes := w.diagnose(t); a.times != 1 || len(causes) != 1 {
		t.Errorf("50 Pods of one workload: %d logs, %d causes", a.times, len(causes))
	}
	w, a.times = newWorld(), 0
	w.in.Logs = a
	one = *w.crashes("web-2-abc", 1, "Error").DeepCopy()
	for i := range 49 {
		p := one.DeepCopy()
		p.Name, p.OwnerReferences = fmt.Sprint("p-", i), controlled("DaemonSet", fmt.Sprint("d-", i))
		w.space.Pods = append(w.space.Pods, *p)
	}
	w.diagnose(t)
	if a.times != tails {
		t.Errorf("50 workloads: %d logs", a.times)
	}
}

// TestEvidenceHasTheLine: of a long log the line that tells the cause comes first, and
// the end is kept.
func TestEvidenceHasTheLine(t *testing.T) {
	const fatal = "FATAL: password authentication failed for user \"shop\""
	for _, at := range []int{0, 10, 17, 18, 19} {
		log := make([]string, 20)
		for i := range log {
			log[i] = fmt.Sprint("line ", i)
		}
		log[at] = fatal
		w := newWorld()
		w.crashes("web-2-abc", 1, "Error", log...)
		said := w.diagnose(t)[0].Evidence
		seen := slices.Concat(said[:1], said[len(said)-shown:])
		if !slices.Contains(seen, fatal) || said[len(said)-1] != log[19] {
			t.Errorf("line %d: %q", at, said)
		}
	}
}
