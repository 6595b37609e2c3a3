package verify

import (
	"fmt"

	"github.com/sealway/sealway/pkg/report"
)

// tally counts the objects of one link.
type tally struct {
	states []report.State
	good   int
	first  string // what is the matter with the gravest so far
	worst  report.State
}

// add counts one object; note says what is the matter with it.
func (t *tally) add(s report.State, note string) {
	t.states = append(t.states, s)
	if s == report.OK || s == report.Skipped {
		t.good++
		return
	}
	if t.first == "" || report.Gravest(t.worst, s) != t.worst {
		t.first, t.worst = note, s
	}
}

func (t *tally) total() int { return len(t.states) }

// link is the link of all that was counted: "2 of 3 ready: Pod x is not ready".
func (t *tally) link(done string) report.Link {
	l := report.Link{State: report.Gravest(t.states...), Summary: fmt.Sprintf("%d of %d %s", t.good, t.total(), done)}
	if l.State == report.Skipped {
		l.State = report.OK
	}
	if t.first != "" {
		l.Summary += "; " + t.first
	}
	return l
}
