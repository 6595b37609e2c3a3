package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/spdystream"
	corev1 "k8s.io/api/core/v1"
)

// session is a connection to the kubelet of one Pod. It carries one connection
// at a time: SPDY's flow control is not implemented by anybody here, so that of
// two on one session, the one that is not read stops the other.
//
// It is built on spdystream itself: the wrapper in apimachinery waits up to 30 s
// for the answer to a stream when the connection has long gone, keeps a stream
// that timed out for ever, and does not notice pings without an answer.
type session struct {
	target
	transport string
	conn      *watched
	spdy      *spdystream.Connection
	born      time.Time
	requests  atomic.Int64
	done      chan struct{} // closed when all that the session had is gone

	mu      sync.Mutex
	busy    bool
	pair    *pair // of the connection that it carries
	retired bool
	timer   *time.Timer
	reason  error
}

// connect chooses a Pod and opens a session to it.
func (o Options) connect(ctx context.Context, attempt int) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Connect)
	defer cancel()
	t, err := o.choose(ctx, attempt)
	if err != nil {
		return nil, err
	}
	return o.join(ctx, t)
}

// join opens a session to a Pod that was chosen.
func (o Options) join(ctx context.Context, t target) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Connect)
	defer cancel()
	conn, transport, err := o.upgrade(ctx, t.pod)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || isTimeout(err) {
		err = fmt.Errorf("no answer within %s: %w", o.Connect, context.DeadlineExceeded)
	}
	if err != nil {
		return nil, o.access(err, "create", "pods/portforward")
	}
	w := &watched{Conn: conn, limit: 3 * o.KeepAlive}
	framed, err := spdystream.NewConnection(w, false)
	if err != nil {
		w.Close()
		return nil, o.access(err, "create", "pods/portforward")
	}
	s := &session{target: t, transport: transport, conn: w, spdy: framed, born: o.Now(), done: make(chan struct{})}
	s.serve(o.KeepAlive)
	return s, nil
}

func (s *session) serve(keepAlive time.Duration) {
	pinger := make(chan struct{})
	go func() {
		defer close(pinger)
		s.ping(keepAlive)
	}()
	go func() {
		defer close(s.done)
		s.spdy.Serve(func(stream *spdystream.Stream) { _ = stream.Refuse() })
		s.kill(nil)
		<-pinger
	}()
}

// ping makes the other side say something; that it does not is noticed by the
// connection itself.
func (s *session) ping(every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			_, _ = s.spdy.Ping()
		case <-s.lost():
			return
		}
	}
}

// lost is closed when the session has ended.
func (s *session) lost() <-chan bool { return s.spdy.CloseChan() }

func (s *session) ended() bool {
	select {
	case <-s.lost():
		return true
	default:
		return false
	}
}

// kill ends the session and all of its streams. Whatever has ended by itself
// keeps its own reason.
func (s *session) kill(why error) {
	s.mu.Lock()
	if s.reason == nil && !s.ended() {
		s.reason = why
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.conn.Close()
}

// why says why the session has ended.
func (s *session) why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason != nil {
		return s.reason
	}
	return s.conn.reason()
}

// use takes the session for a connection, if it is free and still good.
func (s *session) use() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy || s.retired || s.reason != nil || s.ended() {
		return false
	}
	s.busy = true
	return true
}

// idle says whether the session waits for a connection.
func (s *session) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.busy && s.reason == nil
}

// release gives the session back. One that is retired has had its last
// connection, and one whose connection broke off may carry on with it for ever:
// the kubelet does not stop sending.
func (s *session) release(clean bool) {
	s.mu.Lock()
	s.busy, s.pair = false, nil
	retired := s.retired
	s.mu.Unlock()
	switch {
	case retired:
		s.kill(ErrClosed)
	case !clean:
		s.kill(errUnclean)
	}
}

var (
	errUnclean = errors.New("its connection was broken off")
	errSilent  = fmt.Errorf("nothing listens in the Pod any more: %w", errUnclean)
)

// carried is the pair of the connection that the session carries, if any.
func (s *session) carried() *pair {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pair
}

// breakOff ends the session if it still carries the pair.
func (s *session) breakOff(p *pair, why error) {
	s.mu.Lock()
	theirs := s.pair == p
	if theirs && s.reason == nil && !s.ended() {
		s.reason = why
	}
	s.mu.Unlock()
	if theirs {
		s.conn.Close()
	}
}

// retire lets a connection that the session has end by itself, within the time
// that is left to the Pod (zero: nobody knows).
func (s *session) retire(why error, left time.Duration) {
	s.mu.Lock()
	free := !s.busy
	if left > 0 && !s.retired {
		s.timer = time.AfterFunc(left, func() { s.kill(why) })
	}
	s.retired = true
	s.mu.Unlock()
	if free {
		s.kill(why)
	}
}

// pair are the two streams of one connection.
type pair struct {
	s          *session
	number     int64        // of the tunnel's pairs
	received   atomic.Int64 // bytes
	data, errs *spdystream.Stream
	closed     chan struct{}
	once       sync.Once

	known    chan struct{} // closed when the following are
	message  string        // what came on the error stream
	rejected error         // the other side reset a stream before it took it
}

// open creates the streams of one connection without waiting for the answers: the
// other side takes the streams in order, and a rejection shows as an end without
// data. An error means that the session is of no use any more.
func (s *session) open(number int64) (*pair, error) {
	p := &pair{s: s, number: number, closed: make(chan struct{}), known: make(chan struct{})}
	s.mu.Lock()
	s.pair = p
	s.mu.Unlock()
	h := http.Header{}
	h.Set(corev1.StreamType, corev1.StreamTypeError)
	h.Set(corev1.PortHeader, strconv.Itoa(s.port))
	h.Set(corev1.PortForwardRequestIDHeader, strconv.FormatInt(s.requests.Add(1), 10))
	err := p.create(h)
	p.watch()
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *pair) create(h http.Header) (err error) {
	if p.errs, err = p.s.spdy.CreateStream(h, nil, false); err != nil {
		return err
	}
	if err := p.errs.Close(); err != nil { // nothing is ever written to it
		return err
	}
	h = h.Clone()
	h.Set(corev1.StreamType, corev1.StreamTypeData)
	p.data, err = p.s.spdy.CreateStream(h, nil, false)
	return err
}

// maxMessage bounds what is read of an error stream: 4 KiB.
const maxMessage = 4 << 10

// watch collects what the other side says about the streams.
func (p *pair) watch() {
	var wg sync.WaitGroup
	var text []byte
	var answers [2]error
	if p.errs != nil {
		wg.Go(func() { answers[0] = p.answer(p.errs) })
		wg.Go(func() {
			text, _ = io.ReadAll(io.LimitReader(p.errs, maxMessage))
			_, _ = io.Copy(io.Discard, p.errs)
		})
	}
	if p.data != nil {
		wg.Go(func() { answers[1] = p.answer(p.data) })
	}
	go func() {
		defer close(p.known)
		wg.Wait()
		p.message, p.rejected = string(text), errors.Join(answers[:]...)
	}()
}

// tick is how often a wait for an answer looks whether it is still of interest.
const tick = 100 * time.Millisecond

// answer waits until the other side has taken or rejected the stream. Somebody
// has to: spdystream hands a rejection over and waits for it to be taken, with
// all other streams behind it.
func (p *pair) answer(stream *spdystream.Stream) error {
	for {
		over := p.over()
		err := stream.WaitTimeout(tick)
		if !errors.Is(err, spdystream.ErrTimeout) {
			return err
		}
		if over {
			return nil
		}
	}
}

func (p *pair) over() bool {
	select {
	case <-p.closed:
		return true
	case <-p.s.lost():
		return true
	default:
		return false
	}
}

// close ends both streams, whatever they still had to say.
func (p *pair) close() {
	p.once.Do(func() {
		for _, s := range []*spdystream.Stream{p.errs, p.data} {
			if s != nil {
				_ = s.Reset()
			}
		}
		close(p.closed)
	})
	<-p.known
}
