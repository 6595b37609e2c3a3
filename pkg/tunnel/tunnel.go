package tunnel

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	maxJoining = 16 // sessions that are opened at once
	maxIdle    = 8  // sessions kept for connections to come, besides the first
)

// Tunnel forwards connections to a Service until it is closed. All its methods
// can be called from several goroutines at once.
type Tunnel struct {
	o       Options
	ctx     context.Context // the tunnel's own life, ended by Close
	end     context.CancelFunc
	joining chan struct{} // bounds how many sessions are opened at once
	suspect chan struct{} // somebody had trouble with the session: is its Pod still there?
	wg      sync.WaitGroup

	mu       sync.Mutex
	session  *session
	cause    error         // why there is no session
	changed  chan struct{} // closed and replaced when the session changes
	sessions map[*session]struct{}
	closing  bool

	events   sync.Mutex // held while an event is told
	opened   atomic.Int64
	refusing atomic.Int64 // the last connection that was opened when one was refused; 0: none is
}

// Open connects to the Service once, and keeps that up until the context is done
// or the tunnel is closed. What stands in the way of the first session is the
// error; what happens later is told by Options.Events.
func Open(ctx context.Context, o Options) (*Tunnel, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s, err := o.first(ctx)
	if err != nil {
		return nil, err
	}
	t := &Tunnel{
		o:        o,
		joining:  make(chan struct{}, maxJoining),
		suspect:  make(chan struct{}, 1),
		changed:  make(chan struct{}),
		sessions: map[*session]struct{}{},
	}
	t.ctx, t.end = context.WithCancel(ctx)
	t.set(s, nil)
	t.tell(s.event(Connected))
	t.wg.Go(func() { t.keep(s) }) //nolint:contextcheck // the tunnel has its own, made of this one
	return t, nil
}

// first gets the first session. A server that has trouble with its kubelet, which
// may just be starting, is asked a few times.
func (o Options) first(ctx context.Context) (*session, error) {
	const attempts = 6
	for n := 1; ; n++ {
		s, err := o.connect(ctx, n-1)
		var status apierrors.APIStatus
		passing := errors.As(err, &status) && status.Status().Code >= http.StatusInternalServerError
		if err == nil || !passing || n == attempts {
			return s, err
		}
		pause(ctx, o.delay(n, podDelay))
	}
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
func (t *Tunnel) Dial(ctx context.Context) (net.Conn, error) { //nolint:contextcheck // the connection lives longer
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

// set makes a session the one that shows how the tunnel is; others go to the
// same Pod. What idles at another Pod is of no use any more.
func (t *Tunnel) set(s *session, cause error) {
	t.mu.Lock()
	t.session, t.cause = s, cause
	var others []*session
	for o := range t.sessions {
		if s != nil && o.target != s.target && o.idle() {
			others = append(others, o)
		}
	}
	close(t.changed)
	t.changed = make(chan struct{})
	t.mu.Unlock()
	if s != nil {
		t.add(s)
	}
	for _, o := range others {
		o.kill(cause)
	}
}

// add keeps a session in mind until it has ended.
func (t *Tunnel) add(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.sessions[s]; ok {
		return
	}
	t.sessions[s] = struct{}{}
	t.wg.Go(func() {
		<-s.done
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.sessions, s)
	})
}

// all returns the sessions there are, in use or not.
func (t *Tunnel) all() []*session {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Keys(t.sessions))
}

// because notes why there still is no session.
func (t *Tunnel) because(cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cause = cause
}

// open opens the streams of one connection, on a session that is free or on a
// new one. It waits while the Service cannot be reached.
func (t *Tunnel) open(ctx context.Context) (*pair, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.o.Wait, errWaited)
	defer cancel()
	for attempt := 1; ; attempt++ {
		current, changed := t.current()
		if current == nil {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return nil, t.gaveUp(ctx, nil)
			}
		}
		s, err := t.take(ctx, current)
		if err == nil {
			p, failed := s.open(t.opened.Add(1))
			if failed == nil {
				return p, nil
			}
			s.kill(failed)
			err = failed
		}
		t.doubt()
		if pause(ctx, t.o.delay(attempt, podDelay)); ctx.Err() != nil {
			return nil, t.gaveUp(ctx, err)
		}
	}
}

// current returns the session that shows how the tunnel is, nil when it is not
// well, and a channel that is closed when that changes.
func (t *Tunnel) current() (*session, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.session, t.changed
}

// take returns a session to the same Pod for one connection.
func (t *Tunnel) take(ctx context.Context, current *session) (*session, error) {
	for _, s := range t.all() {
		if s.target == current.target && s.use() {
			return s, nil
		}
	}
	select {
	case t.joining <- struct{}{}:
		defer func() { <-t.joining }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	s, err := t.o.join(ctx, current.target)
	if err != nil {
		return nil, err
	}
	s.use()
	t.add(s)
	if t.ctx.Err() != nil { // the end may not have seen it
		s.kill(ErrClosed)
	}
	return s, nil
}

// give takes a session back, of which a few are kept for the next connections.
func (t *Tunnel) give(s *session, clean bool) {
	s.release(clean)
	current, _ := t.current()
	idle := 0
	for _, o := range t.all() {
		if o != current && o.idle() {
			idle++
		}
	}
	if s != current && s.idle() && (idle > maxIdle || current == nil || s.target != current.target) {
		s.kill(ErrClosed)
	}
}

var errWaited = errors.New("waited long enough")

// gaveUp says why a connection got no session; err is what came last, if any.
func (t *Tunnel) gaveUp(ctx context.Context, err error) error {
	switch cause := context.Cause(ctx); {
	case t.ctx.Err() != nil:
		return ErrClosed
	case !errors.Is(cause, errWaited):
		return cause
	}
	if err == nil {
		t.mu.Lock()
		err = t.cause
		t.mu.Unlock()
	}
	return &WaitError{Object: t.o.object(), Waited: t.o.Wait, Cause: err}
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

// refused notes that nothing listens in the Pod.
func (t *Tunnel) refused(p *pair) {
	if t.refusing.Load() != 0 {
		return
	}
	t.events.Lock()
	defer t.events.Unlock()
	last := t.opened.Load()
	if t.refusing.CompareAndSwap(0, last) {
		t.pass(p.s.event(Refusing))
		t.wg.Go(func() { t.forsake(p, last) })
	}
}

// forsake breaks off the connections of a server that is gone, given that a
// connection to the same port was refused when the last one was made. Most
// kubelets tell such an end by themselves, KWOK does not (kwok's utils/net.Tunnel
// waits for both halves), and whoever waits for an answer would wait for ever.
func (t *Tunnel) forsake(refused *pair, last int64) {
	silent := map[*pair]int64{}
	for _, s := range t.all() {
		if p := s.carried(); p != nil && p != refused && p.number <= last && s.target == refused.s.target {
			silent[p] = p.received.Load()
		}
	}
	if len(silent) == 0 {
		return
	}
	pause(t.ctx, t.o.Silence)
	for p, received := range silent {
		if p.received.Load() == received {
			p.s.breakOff(p, errSilent)
		}
	}
}

// answered notes that something listens: an answer to a connection that was made
// before the refusal says nothing.
func (t *Tunnel) answered(p *pair) {
	since := t.refusing.Load()
	if since == 0 || p.number <= since {
		return
	}
	t.events.Lock()
	defer t.events.Unlock()
	if t.refusing.CompareAndSwap(since, 0) {
		t.pass(p.s.event(Restored))
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
