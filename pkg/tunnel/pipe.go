package tunnel

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeSize is how much each direction of a pipe holds: 64 KiB.
const pipeSize = 64 << 10

// newPipe returns the two ends of a connection in memory. Unlike net.Pipe, it
// holds data, an end can close the half that it writes, and an end can tell the
// other why it is over.
func newPipe(a net.Addr) (near, far *pipeEnd) {
	x, y := newHalf(), newHalf()
	return &pipeEnd{in: x, out: y, addr: a}, &pipeEnd{in: y, out: x, addr: a}
}

// pipeEnd is one end. It is a net.Conn.
type pipeEnd struct {
	in, out *half
	addr    net.Addr
}

var (
	_ net.Conn = (*pipeEnd)(nil)
	_ near     = (*pipeEnd)(nil)
)

// Read returns what the other end has written, and io.EOF once that has ended
// its half.
func (e *pipeEnd) Read(p []byte) (int, error) { return e.in.read(p) }

// Write waits while the other end does not read.
func (e *pipeEnd) Write(p []byte) (int, error) { return e.out.write(p) }

// CloseWrite ends the half that this end writes; it can still read.
func (e *pipeEnd) CloseWrite() error {
	e.out.closeWrite(io.EOF)
	return nil
}

// Close ends both halves. What was written before is still read.
func (e *pipeEnd) Close() error {
	e.out.closeWrite(io.EOF)
	e.in.closeRead(net.ErrClosed, io.ErrClosedPipe)
	return nil
}

// Gone is closed when the other end has been closed: nobody reads any more.
func (e *pipeEnd) Gone() <-chan struct{} { return e.out.unread }

// Abort ends both halves and gives the other end the reason at once.
func (e *pipeEnd) Abort(err error) {
	if err == nil {
		err = net.ErrClosed
	}
	e.out.closeWrite(err)
	e.in.closeRead(net.ErrClosed, err)
}

// LocalAddr is the Service, like RemoteAddr: there is no other address.
func (e *pipeEnd) LocalAddr() net.Addr { return e.addr }

// RemoteAddr is the Service.
func (e *pipeEnd) RemoteAddr() net.Addr { return e.addr }

// SetDeadline bounds Read and Write.
func (e *pipeEnd) SetDeadline(t time.Time) error {
	e.in.readBy.set(e.in, t)
	e.out.writeBy.set(e.out, t)
	return nil
}

// SetReadDeadline bounds Read.
func (e *pipeEnd) SetReadDeadline(t time.Time) error {
	e.in.readBy.set(e.in, t)
	return nil
}

// SetWriteDeadline bounds Write.
func (e *pipeEnd) SetWriteDeadline(t time.Time) error {
	e.out.writeBy.set(e.out, t)
	return nil
}

// half is one direction.
type half struct {
	mu      sync.Mutex
	cond    *sync.Cond
	data    []byte
	start   int   // where what has not been read begins
	ended   error // no more is written: what a reader gets at the end
	readErr error // no more is read, by the reader's own doing
	sendErr error // no more is read: what a writer gets
	unread  chan struct{}
	readBy  deadline
	writeBy deadline
}

func newHalf() *half {
	h := &half{unread: make(chan struct{})}
	h.cond = sync.NewCond(&h.mu)
	return h
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch held := h.data[h.start:]; {
		case h.readErr != nil:
			return 0, h.readErr
		case h.readBy.expired:
			return 0, os.ErrDeadlineExceeded
		case len(held) > 0:
			n := copy(p, held)
			if h.start += n; h.start == len(h.data) {
				h.data, h.start = h.data[:0], 0
			}
			h.cond.Broadcast()
			return n, nil
		case h.ended != nil:
			return 0, h.ended
		}
		h.cond.Wait()
	}
}

func (h *half) write(p []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(p) > 0 {
		switch {
		case h.ended != nil:
			return n, io.ErrClosedPipe
		case h.sendErr != nil:
			return n, h.sendErr
		case h.writeBy.expired:
			return n, os.ErrDeadlineExceeded
		}
		if space := pipeSize - (len(h.data) - h.start); space > 0 {
			k := min(space, len(p))
			h.data = append(h.compact(), p[:k]...)
			n, p = n+k, p[k:]
			h.cond.Broadcast()
			continue
		}
		h.cond.Wait()
	}
	return n, nil
}

// compact drops what has been read, so that the memory of a half stays bounded.
func (h *half) compact() []byte {
	if h.start > 0 {
		h.data = h.data[:copy(h.data, h.data[h.start:])]
		h.start = 0
	}
	return h.data
}

func (h *half) closeWrite(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended == nil {
		h.ended = err
	}
	h.writeBy.stop()
	h.cond.Broadcast()
}

func (h *half) closeRead(reader, writer error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readErr == nil {
		h.readErr, h.sendErr = reader, writer
		close(h.unread)
	}
	h.readBy.stop()
	h.cond.Broadcast()
}

// deadline is guarded by the half that it belongs to.
type deadline struct {
	expired bool
	timer   *time.Timer
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (d *deadline) set(h *half, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d.stop()
	d.expired = !t.IsZero() && !time.Now().Before(t)
	h.cond.Broadcast()
	if t.IsZero() || d.expired {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(time.Until(t), func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if d.timer == timer {
			d.expired = true
			h.cond.Broadcast()
		}
	})
	d.timer = timer
}
