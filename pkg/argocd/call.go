package argocd

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// call is a remote procedure call and how it may be made.
type call struct {
	op        string        // what it does, for messages: "refresh"
	app       string        // of which application; empty for none
	bound     time.Duration // of one attempt; default Options.Call
	patience  time.Duration // how long it is repeated while the server is away; 0: it is sent once
	anonymous bool          // it needs no login
}

// do makes a call: with a token, with a deadline for each attempt, repeated where
// that is right. Errors come back translated.
func do[T any](ctx context.Context, c *Client, k call, f func(context.Context) (T, error)) (T, error) {
	if k.bound <= 0 {
		k.bound = c.opts.Call
	}
	var since time.Time
	for n := 0; ; n++ {
		out, err := attempt(ctx, c, k, f)
		if err == nil {
			return out, nil
		}
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		if since.IsZero() {
			since = time.Now()
		}
		pause := c.opts.delay(n)
		if !passing(err) || time.Since(since)+pause > k.patience {
			return out, c.translate(k, err)
		}
		if err := sleep(ctx, pause); err != nil {
			return out, err
		}
	}
}

// attempt makes a call once, and once more with a new ticket when the server did
// not accept the first one: nothing was done in that case.
func attempt[T any](ctx context.Context, c *Client, k call, f func(context.Context) (T, error)) (out T, err error) {
	if k.anonymous {
		bounded, cancel := context.WithTimeout(ctx, k.bound)
		defer cancel()
		return f(bounded)
	}
	t, err := c.auth.get(ctx)
	if err != nil {
		return out, err
	}
	for again := false; ; again = true {
		out, err = withTicket(ctx, t, k.bound, f)
		if status.Code(err) != codes.Unauthenticated || again {
			return out, err
		}
		if t, err = c.auth.renew(ctx, t, status.Convert(err).Message()); err != nil {
			return out, err
		}
	}
}

func withTicket[T any](ctx context.Context, t ticket, bound time.Duration, f func(context.Context) (T, error)) (T, error) {
	bounded, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(ctx, "token", t.token), bound)
	defer cancel()
	return f(bounded)
}

// passing says whether an error is one of the moment: the server or the way to it
// is away. The server reports a repo server that is away as a failed precondition.
func passing(err error) bool {
	s, ok := status.FromError(err)
	if !ok {
		return false
	}
	m := s.Message()
	switch s.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted:
		return !distrusted(m)
	case codes.Internal, codes.Unknown, codes.FailedPrecondition:
		// The server loses the code of what it wraps (util/grpc/sanitizer.go). A
		// stream that is reset, or a page of a proxy, is not the server's answer.
		return away(m) || strings.Contains(m, "RST_STREAM") || strings.Contains(m, "unexpected HTTP status code")
	}
	return false
}

// away says whether the server passes on that a part behind it does not answer.
func away(message string) bool { return strings.Contains(message, "code = Unavailable") }

// distrusted says whether a connection failed because of who is on the other side:
// another attempt finds the same.
func distrusted(message string) bool {
	return strings.Contains(message, "x509:") || strings.Contains(message, "does not look like a TLS handshake") || strings.Contains(message, "ALPN")
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// translate makes an error of gRPC one of this package.
func (c *Client) translate(k call, err error) error {
	s, ok := status.FromError(err)
	if !ok || errors.As(err, new(typed)) {
		return err
	}
	e := ServerError{Server: c.server, App: k.app, Op: k.op, Code: s.Code(), Message: scrub(plain(s.Message())), away: away(s.Message()), passing: passing(err)}
	switch s.Code() {
	case codes.Unavailable:
		return &UnreachableError{Server: c.server, Op: k.op, Cause: errors.New(e.Message)}
	case codes.DeadlineExceeded:
		return &UnreachableError{Server: c.server, Op: k.op, Cause: errors.New("no answer in " + k.bound.String())}
	}
	return &e
}

// typed is an error that says already what to do.
type typed interface{ Hint() string }

// plain is a message in one line, without gRPC's wrapping ("rpc error: code =
// Unknown desc = x") and without the command line that Argo CD quotes when Helm
// fails.
func plain(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	message = strings.TrimSuffix(message, " Use --debug flag to render out invalid YAML")
	message = between(message, "rpc error: code = ", " desc = ")
	message = between(message, "failed to get command args to log: `", ": Error: ")
	return strings.ReplaceAll(message, "connection error: desc = ", "")
}

// between takes out what begins and ends so, each time.
func between(message, begin, end string) string {
	for {
		before, rest, found := strings.Cut(message, begin)
		if !found {
			return message
		}
		_, after, found := strings.Cut(rest, end)
		if !found {
			return message
		}
		message = before + after
	}
}
