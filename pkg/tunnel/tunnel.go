package tunnel

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Tunnel forwards connections to a Service until it is closed. All its methods
// can be called from several goroutines at once.
type Tunnel struct {
	o       Options
	ctx     context.Context // the tunnel's own life, ended by Close
	end     context.CancelFunc
	suspect chan struct{} // somebody had trouble with the session: is its Pod still there?
	wg      sync.WaitGroup

	mu       sync.Mutex
	session  *session
	cause    error         // why there is no session
	changed  chan struct{} // closed and replaced when the session changes
	sessions map[*session]struct{}
	closing  bool

	events   sync.Mutex // held while an event is told
	refusing atomic.Bool
}

// Open connects to the Service once, and keeps that up until the context is done
// or the tunnel is closed. What stands in the way of the first session is the
// error; what happens later is told by Options.Events.
func Open(ctx context.Context, o Options) (*Tunnel, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s, err := o.connect(ctx, 0)
	if err != nil {
		return nil, err
	}
	t := &Tunnel{o: o, suspect: make(chan struct{}, 1), changed: make(chan struct{}), sessions: map[*session]struct{}{}}
	t.ctx, t.end = context.WithCancel(ctx)
	t.set(s, nil)
	t.tell(s.event(Connected))
	t.wg.Go(func() { t.keep(s) })
	return t, nil
}

// With opens a tunnel for the time that the function runs.
func With(ctx context.Context, o Options, f func(context.Context, *Tunnel) error) error {
	t, err := Open(ctx, o)
	if err != nil {
		return err
	}
	defer t.Close()
	return f(ctx, t)
}

// Close ends the tunnel with all of its connections and listeners, and returns
// when nothing of them is left.
func (t *Tunnel) Close() error {
	t.mu.Lock()
	t.closing = true
	t.mu.Unlock()
	t.end()
	t.wg.Wait()
	return nil
}

// start runs something that Close waits for, unless it is too late for that.
func (t *Tunnel) start(f func()) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing || t.ctx.Err() != nil {
		return ErrClosed
	}
	t.wg.Go(f)
	return nil
}

// Dial returns a new connection to the Service. It waits for a session while
// there is none. The connection lives until it or the tunnel is closed; the
// context is about Dial alone. Whether anything listens in the Pod shows at the
// first Read: the protocol says nothing sooner.
func (t *Tunnel) Dial(ctx context.Context) (net.Conn, error) {
	near, far := newPipe(t.addr())
	opened := make(chan error, 1)
	life, cancel := context.WithCancelCause(t.ctx)
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	err := t.start(func() {
		defer cancel(nil)
		t.relay(life, far, func(err error) { opened <- err })
	})
	if err == nil {
		err = <-opened
	}
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		near.Close()
		cancel(err)
		return nil, err
	}
	return near, nil
}

// DialContext is Dial in the shape of http.Transport.DialContext; the address is
// the caller's affair.
func (t *Tunnel) DialContext(ctx context.Context, _, _ string) (net.Conn, error) { return t.Dial(ctx) }

func (t *Tunnel) addr() net.Addr { return addr(t.o.Service + "." + t.o.Namespace) }

// addr is the address of both ends of a connection in process.
type addr string

func (addr) Network() string  { return "tunnel" }
func (a addr) String() string { return string(a) }

// set makes a session the one that new connections use.
func (t *Tunnel) set(s *session, cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.session, t.cause = s, cause
	if s != nil {
		t.sessions[s] = struct{}{}
		t.wg.Go(func() { t.forget(s) })
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// forget drops a session when it has ended.
func (t *Tunnel) forget(s *session) {
	<-s.done
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.sessions, s)
}

// because notes why there still is no session.
func (t *Tunnel) because(cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cause = cause
}

// open opens streams for one connection on the session, and waits for one where
// there is none.
func (t *Tunnel) open(ctx context.Context) (*pair, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.o.Wait, errWaited)
	defer cancel()
	for {
		t.mu.Lock()
		s, changed := t.session, t.changed
		t.mu.Unlock()
		if s != nil && s.use() {
			p, err := s.open()
			if err == nil {
				return p, nil
			}
			s.release()
			s.kill(err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, t.gaveUp(ctx)
		}
	}
}

var errWaited = errors.New("waited long enough")

func (t *Tunnel) gaveUp(ctx context.Context) error {
	switch cause := context.Cause(ctx); {
	case t.ctx.Err() != nil:
		return ErrClosed
	case !errors.Is(cause, errWaited):
		return cause
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return &WaitError{Object: t.o.object(), Waited: t.o.Wait, Cause: t.cause}
}

// doubt has the session's Pod looked at.
func (t *Tunnel) doubt() {
	select {
	case t.suspect <- struct{}{}:
	default:
	}
}

// tell passes an event on.
func (t *Tunnel) tell(e Event) {
	t.events.Lock()
	defer t.events.Unlock()
	t.pass(e)
}

// pass is for one that holds the lock of the events.
func (t *Tunnel) pass(e Event) {
	e.Service = t.o.Namespace + "/" + t.o.Service
	t.o.Events(e)
}

func (s *session) event(k Kind) Event {
	return Event{Kind: k, Pod: s.pod, Port: s.port, Transport: s.transport}
}

// refused notes that nothing listens in the Pod, or that something does again.
func (t *Tunnel) refused(s *session, now bool) {
	if t.refusing.Load() == now {
		return
	}
	t.events.Lock()
	defer t.events.Unlock()
	switch {
	case !t.refusing.CompareAndSwap(!now, now):
	case now:
		t.pass(s.event(Refusing))
	default:
		t.pass(s.event(Restored))
	}
}

// pause waits, unless the tunnel ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
