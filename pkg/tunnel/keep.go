package tunnel

import (
	"context"
	"errors"
	"time"
)

// stable is how long a session must have lived for the next attempt to start
// without a delay.
const stable = 5 * time.Second

// keep replaces the session whenever it is lost, until the tunnel ends.
func (t *Tunnel) keep(s *session) {
	defer t.finish()
	failures := 0
	for {
		why := t.watch(s)
		if t.ctx.Err() != nil {
			return
		}
		if failures++; t.o.Now().Sub(s.born) >= stable {
			failures = 0
		}
		if errors.Is(why, errUnclean) {
			// Nothing is known against the Pod: another session takes its place.
			n, err := t.o.join(t.ctx, s.target)
			if err == nil {
				s = n
				t.set(s, nil)
				continue
			}
			if why = t.check(s); why == nil {
				why = err
			}
		}
		t.set(nil, why)
		t.refusing.Store(0)
		e := s.event(Lost)
		e.Err = why
		t.tell(e)
		if s, failures = t.reconnect(failures, why); s == nil {
			return
		}
		t.set(s, nil)
		t.tell(s.event(Restored))
	}
}

// finish ends every session, also those that only live on for their streams.
func (t *Tunnel) finish() {
	t.set(nil, ErrClosed)
	for _, s := range t.all() {
		s.kill(ErrClosed)
	}
}

// calmly is the shortest time between two looks at a Pod that is in doubt.
const calmly = 250 * time.Millisecond

// watch returns why the session is of no use any more.
func (t *Tunnel) watch(s *session) error {
	recheck := time.NewTicker(t.o.Recheck)
	defer recheck.Stop()
	suspect, calm := t.suspect, time.NewTimer(0)
	defer calm.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return t.ctx.Err()
		case <-s.lost():
			return s.why()
		case <-calm.C:
			suspect = t.suspect
			continue
		case <-suspect:
			suspect = nil // for a while: a look costs the API server something
			calm.Reset(calmly)
		case <-recheck.C:
		}
		if err := t.check(s); err != nil {
			return err
		}
	}
}

// check looks at the Pod and takes leave of the session if it cannot be used: a
// Pod that is gone takes its connections along, those of others may finish.
func (t *Tunnel) check(s *session) error {
	ctx, cancel := context.WithTimeout(t.ctx, t.o.Connect)
	defer cancel()
	v := t.o.inspect(ctx, s.target)
	if v.err == nil {
		return nil
	}
	var left time.Duration
	if !v.end.IsZero() {
		left = max(v.end.Sub(t.o.Now()), 0) + last
	}
	for _, other := range t.all() {
		if other.target == s.target {
			other.retire(v.err, left)
		}
	}
	return v.err
}

// last is what the connections of a Pod get when it is gone: what the kubelet
// says about them may still be on its way.
const last = time.Second

// sayAgain is how often the same reason is told.
const sayAgain = 10 * time.Second

// reconnect tries until there is a session, or the tunnel has ended (nil).
func (t *Tunnel) reconnect(failures int, why error) (*session, int) {
	said, at := why.Error(), t.o.Now() // by the event that it is lost
	for ; ; failures++ {
		if failures > 0 {
			d := t.o.delay(failures, t.limit(why))
			if now := t.o.Now(); why.Error() != said || now.Sub(at) >= sayAgain {
				said, at = why.Error(), now
				t.tell(Event{Kind: Retrying, Err: why, Delay: d})
			}
			pause(t.ctx, d)
		}
		s, err := t.o.connect(t.ctx, failures)
		switch {
		case err == nil:
			return s, failures
		case t.ctx.Err() != nil:
			return nil, 0
		}
		why = err
		t.because(err)
	}
}

// limit is the longest delay: short when only a Pod has to get ready.
func (t *Tunnel) limit(why error) time.Duration {
	var pod *NoPodError
	if errors.As(why, &pod) {
		return min(podDelay, t.o.MaxDelay)
	}
	return t.o.MaxDelay
}
