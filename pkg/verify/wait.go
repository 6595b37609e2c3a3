package verify

import (
	"context"
	"slices"
	"time"

	"github.com/sealway/sealway/pkg/report"
)

// WaitOptions say how long and how often to look. The zero value is for people.
type WaitOptions struct {
	Timeout time.Duration // for all of it; default 5 minutes
	Every   time.Duration // pause between two looks; default 2 seconds
	Grace   time.Duration // how long a final cause has to stand before it is certain; default 10 seconds
	Looks   int           // how many looks in a row have to show it; default 3

	Progress func(Event) // told of every change, from one goroutine; nil for nobody
}

func (o WaitOptions) withDefaults() WaitOptions {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Minute
	}
	if o.Every <= 0 {
		o.Every = 2 * time.Second
	}
	if o.Grace <= 0 {
		o.Grace = 10 * time.Second
	}
	if o.Looks <= 0 {
		o.Looks = 3
	}
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	return o
}

// Event is something that has changed while waiting.
type Event struct {
	Chain report.Chain
	After time.Duration // since the beginning
	Away  error         // the cluster did not answer this time; Chain is not set
}

// End is what a wait came to.
type End struct {
	Chains   []report.Chain // of the last look that was answered
	Waited   time.Duration
	TimedOut bool // neither healthy nor a certain cause
}

// Wait looks until every application is healthy in two looks in a row, or a final
// cause is certain: seen in several looks in a row and longer than its grace. Where for
// three times that long nothing is left to wait for but what cannot be seen, it ends, too:
// permissions do not heal. At the end of its time it gives what it has seen last. A look that fails is an error when it
// is the first; later ones are waited out.
func Wait(ctx context.Context, o WaitOptions, look func(context.Context) ([]report.Chain, error)) (End, error) {
	o = o.withDefaults()
	w := waiter{o: o, begun: time.Now(), since: map[string]sighting{}, shown: map[string]string{}}
	deadline := time.NewTimer(o.Timeout)
	defer deadline.Stop()
	for n := 0; ; n++ {
		bounded, cancel := context.WithDeadline(ctx, w.begun.Add(o.Timeout))
		chains, err := look(bounded)
		late := bounded.Err() != nil && ctx.Err() == nil
		cancel()
		if ctx.Err() != nil {
			return w.end(), ctx.Err()
		}
		if err != nil && n == 0 && !late {
			w.last = chains
			return w.end(), err
		}
		if err != nil && !late {
			o.Progress(Event{After: time.Since(w.begun), Away: err})
		}
		if err == nil && w.see(chains, n == 0) {
			return w.end(), nil
		}
		select {
		case <-time.After(o.Every):
		case <-deadline.C:
			late = true
		case <-ctx.Done():
			return w.end(), ctx.Err()
		}
		if late {
			end := w.end()
			end.TimedOut = true
			return end, nil
		}
	}
}

// waiter remembers what was seen.
type waiter struct {
	o     WaitOptions
	begun time.Time
	last  []report.Chain
	since map[string]sighting // of final causes that the last look has shown
	shown map[string]string   // by application
	good  int                 // looks in a row with which nothing was wrong
	blind sighting            // looks in a row in which the gravest was that something cannot be seen
}

// sighting is since when and how often in a row a cause was seen.
type sighting struct {
	first time.Time
	looks int
}

func (w *waiter) end() End { return End{Chains: w.last, Waited: time.Since(w.begun)} }

// see takes a look into account, and says whether it is the last. Applications that
// are healthy at the first look need no second one.
func (w *waiter) see(chains []report.Chain, first bool) (done bool) {
	w.last = chains
	for _, c := range chains {
		if line := Line(c); w.shown[c.Application] != line {
			w.shown[c.Application] = line
			if first && Well(c.State) {
				continue // it is what everybody hopes for
			}
			w.o.Progress(Event{Chain: c, After: time.Since(w.begun)})
		}
	}
	if Well(State(chains)) {
		w.good++
		return first || w.good > 1
	}
	w.good = 0
	return w.certain(chains) || w.unseen(chains)
}

// certain says whether one of the final causes has stood long enough.
func (w *waiter) certain(chains []report.Chain) bool {
	seen, now, certain := map[string]sighting{}, time.Now(), false
	for _, c := range chains {
		for _, cause := range c.Causes {
			if !cause.Final || cause.Rule == soft { // what is not pushed keeps nothing from becoming healthy
				continue
			}
			id := c.Application + "\x00" + cause.Rule + "\x00" + cause.Object
			s, known := w.since[id]
			if !known {
				s.first = now
			}
			s.looks++
			seen[id] = s
			certain = certain || s.looks >= w.o.Looks && now.Sub(s.first) >= w.o.Grace
		}
	}
	w.since = seen
	return certain
}

// unseen says whether what cannot be seen has been all there is to wait for, long enough.
func (w *waiter) unseen(chains []report.Chain) bool {
	if State(chains) != report.Unknown || slices.ContainsFunc(chains, moves) {
		w.blind = sighting{}
		return false
	}
	if w.blind.looks++; w.blind.looks == 1 {
		w.blind.first = time.Now()
	}
	return w.blind.looks >= w.o.Looks && time.Since(w.blind.first) >= 3*w.o.Grace
}

// moves says whether a link may still become healthy by itself.
func moves(c report.Chain) bool {
	return slices.ContainsFunc(c.Links, func(l report.Link) bool { return l.State == report.Waiting && !l.Follows })
}

// State is the gravest state of the applications.
func State(chains []report.Chain) report.State {
	states := make([]report.State, len(chains))
	for i, c := range chains {
		states[i] = c.State
	}
	return report.Gravest(states...)
}

// Well says whether nothing is wrong: what is only worth a look does not count.
func Well(s report.State) bool {
	return slices.Contains([]report.State{report.OK, report.Warned, report.Skipped}, s)
}
