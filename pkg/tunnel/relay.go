package tunnel

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// near is the end of a connection on this machine.
type near interface {
	io.ReadWriteCloser
	CloseWrite() error
	// Abort closes it so that the other side does not take it for a proper end.
	Abort(error)
}

// replay is how much of a connection is kept to be sent again: 64 KiB.
const replay = 64 << 10

// linger is how long a connection stays open for what is still to be sent when
// the Pod has ended its side.
const linger = 5 * time.Second

// relay is one connection.
type relay struct {
	t      *Tunnel
	near   near
	upDone chan struct{} // closed when nothing more comes from the near side

	received atomic.Int64 // bytes that came back

	// writing is held while something is sent, so that what goes over another
	// pair comes in order. Whoever waits for an answer never takes it: sending
	// may wait for answers to be read.
	writing  sync.Mutex
	pair     *pair
	finished bool // the near side has ended its half

	mu    sync.Mutex
	sent  []byte // all that was sent, while nothing has come back
	whole bool   // sent is complete
	ended bool   // finished, for those that do not hold writing
}

// relay carries a connection until it ends. It says once whether it could be
// opened.
func (t *Tunnel) relay(ctx context.Context, n near, opened func(error)) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() { n.Abort(context.Cause(ctx)) })
	defer stop()
	r := &relay{t: t, near: n, whole: true, upDone: make(chan struct{})}
	p, err := t.open(ctx)
	opened(err)
	if err != nil {
		n.Abort(err)
		return
	}
	r.pair = p
	t.wg.Go(func() { r.up(cancel) })
	t.wg.Go(func() { r.abandoned(ctx, cancel) })
	if err := r.run(ctx, p); err != nil {
		n.Abort(err)
	} else {
		r.drain(ctx)
	}
	n.Close()
	<-r.upDone
}

// abandoned ends the connection when nobody waits for its end any more. Of one
// in process that is known, soon after its Close. Of one on a port it is not: a
// half that was closed looks like both; when nothing has come for a while, it is
// taken for both.
func (r *relay) abandoned(ctx context.Context, cancel context.CancelCauseFunc) {
	<-r.upDone
	if g, ok := r.near.(interface{ Gone() <-chan struct{} }); ok {
		select {
		case <-g.Gone():
			pause(ctx, linger)
		case <-ctx.Done():
		}
	} else {
		for before := int64(-1); before != r.received.Load() && ctx.Err() == nil; {
			before = r.received.Load()
			pause(ctx, halfOpen)
		}
	}
	cancel(net.ErrClosed)
}

// halfOpen is how long a connection stays open without any data when this side
// has ended its half.
const halfOpen = time.Minute

// drain lets the near side take notice of the end before it is closed: closing
// with unread data would take back what is still on its way.
func (r *relay) drain(ctx context.Context) {
	if r.near.CloseWrite() != nil {
		return
	}
	timer := time.NewTimer(linger)
	defer timer.Stop()
	select {
	case <-r.upDone:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// up carries what the near side sends.
func (r *relay) up(cancel context.CancelCauseFunc) {
	defer close(r.upDone)
	buf := make([]byte, 32<<10) // 32 KiB
	for {
		n, err := r.near.Read(buf)
		if n > 0 {
			r.send(buf[:n])
		}
		switch {
		case errors.Is(err, io.EOF):
			r.finish()
			return
		case err != nil:
			cancel(err)
			return
		}
	}
}

// send passes data on. That it fails shows on the way back.
func (r *relay) send(data []byte) {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.remember(data)
	_, _ = r.pair.data.Write(data)
}

func (r *relay) remember(data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.whole && len(r.sent)+len(data) <= replay {
		r.sent = append(r.sent, data...)
		return
	}
	r.whole, r.sent = false, nil
}

// finish passes the end of the near side's half on.
func (r *relay) finish() {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.finished = true
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	_ = r.pair.data.Close()
}

// answered notes that something has come back: what was sent has been taken.
func (r *relay) answered() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.whole, r.sent = false, nil
}

// again says whether the connection can be made anew without anybody noticing.
func (r *relay) again(err *ConnError) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	untouched := len(r.sent) == 0 && !r.ended
	return r.whole && (err.Refused || err.rejected || untouched)
}

// attach continues on another pair of streams.
func (r *relay) attach(p *pair) {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.pair = p
	r.mu.Lock()
	sent := r.sent
	r.mu.Unlock()
	if len(sent) > 0 {
		_, _ = p.data.Write(sent)
	}
	if r.finished {
		_ = p.data.Close()
	}
}

// run carries what comes back, on as many pairs of streams as it takes.
func (r *relay) run(ctx context.Context, p *pair) error {
	var since time.Time // of the first failure
	for attempt := 1; ; attempt++ {
		failed, err := r.down(ctx, p)
		r.leave(p, err == nil && (failed == nil || failed.Refused || failed.rejected))
		switch {
		case failed == nil:
			return err
		case !r.again(failed):
			return failed
		}
		if now := r.t.o.Now(); since.IsZero() {
			since = now
		} else if now.Sub(since) >= r.patience(failed) {
			return failed
		}
		if failed.Refused && r.t.o.Refused < 0 {
			return failed
		}
		r.trouble(ctx, p, failed, attempt)
		if p, err = r.t.open(ctx); err != nil {
			return err
		}
		r.attach(p)
	}
}

// leave ends a pair of streams. What ended properly leaves the session to others.
func (r *relay) leave(p *pair, clean bool) {
	if clean {
		p.close()
	}
	r.t.give(p.s, clean)
	p.close()
}

// patience is how long a connection that failed in this way is tried again.
func (r *relay) patience(failed *ConnError) time.Duration {
	if failed.Refused {
		return r.t.o.Refused
	}
	return r.t.o.Wait
}

// trouble has the Pod looked at, and waits a moment.
func (r *relay) trouble(ctx context.Context, p *pair, failed *ConnError, attempt int) {
	r.t.doubt()
	if failed.Refused {
		r.t.refused(p)
	}
	if failed.Refused || failed.rejected {
		pause(ctx, r.t.o.delay(attempt, podDelay))
	}
}

// down carries what comes back over one pair. It tells a failure of the far
// side from one of the near side.
func (r *relay) down(ctx context.Context, p *pair) (*ConnError, error) {
	stop := context.AfterFunc(ctx, func() { p.s.kill(errUnclean) })
	defer stop()
	first := true
	for {
		data, err := p.data.ReadData() // as a frame has brought it, without a copy
		n := len(data)
		if n > 0 && first {
			first = false
			r.answered()
			r.t.answered(p)
		}
		if n > 0 {
			r.received.Add(int64(n))
			p.received.Add(int64(n))
			if _, err := r.near.Write(data); err != nil {
				return nil, err
			}
		}
		if err != nil {
			return r.verdict(ctx, p), context.Cause(ctx)
		}
	}
}

// verdict says whether the end of a stream was a failure. An end of the session
// looks like the end of the data, so it is asked for first.
func (r *relay) verdict(ctx context.Context, p *pair) *ConnError {
	lost := p.s.ended()
	<-p.known
	e := &ConnError{Object: r.t.o.object(), Pod: p.s.pod, Port: p.s.port}
	switch {
	case ctx.Err() != nil:
		return nil //nolint:nilerr // whoever ended the context knows why
	case p.message != "":
		e.Reason, e.Refused = p.message, refusal(p.message)
	case p.rejected != nil && !lost:
		e.Reason, e.rejected = "the stream was rejected", true
	case lost:
		e.Reason = "the session was lost: " + p.s.why().Error()
	default:
		return nil
	}
	return e
}

// refusal says whether the message of a kubelet or container runtime means that
// the connection in the Pod was never made.
func refusal(message string) bool {
	for _, sign := range []string{"connection refused", "dial tcp", "failed to dial", "failed to connect", "no target or command"} {
		if strings.Contains(message, sign) {
			return true
		}
	}
	return false
}
