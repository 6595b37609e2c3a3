package argocd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/session"
	"google.golang.org/grpc/codes"
)

// auth holds the token that calls carry, and gets one when there is none or the
// server does not accept it any longer.
type auth struct {
	server string
	login  func(context.Context, Credential) (token, user string, err error)

	turn  chan struct{} // holds one element while somebody logs in or looks
	creds []Credential  // those for this server that are left, the first is in use
	none  error         // why there are no credentials at all

	ticket ticket
	failed error // a refusal that another attempt would not change
}

// ticket is a token and which one in the row it is.
type ticket struct {
	token, user, source string
	number              int
}

func newAuth(server string, creds []Credential, login func(context.Context, Credential) (string, string, error)) *auth {
	a := &auth{server: server, login: login, turn: make(chan struct{}, 1)}
	var others []string
	for _, c := range creds {
		switch {
		case c.Token == "" && c.Password == nil:
		case sameServer(c.Server, server):
			a.creds = append(a.creds, c)
		case c.Server == "":
			others = append(others, c.Source+" names no server")
		default:
			others = append(others, c.Source+" is for "+c.Server)
		}
	}
	if len(a.creds) == 0 {
		a.none = &NoCredentialError{Server: server, Others: others}
	}
	return a
}

// get gives the token that calls carry now, and logs in when there is none. One
// login at a time: five failures in a row lock an account for a while.
func (a *auth) get(ctx context.Context) (ticket, error) {
	if err := a.lock(ctx); err != nil {
		return ticket{}, err
	}
	defer a.unlock()
	if a.ticket.token != "" {
		return a.ticket, nil
	}
	return a.next(ctx)
}

// renew is told that the server did not accept a ticket, and gives a newer one.
func (a *auth) renew(ctx context.Context, old ticket, reason string) (ticket, error) {
	if err := a.lock(ctx); err != nil {
		return ticket{}, err
	}
	defer a.unlock()
	if a.ticket.token != "" && a.ticket.number != old.number {
		return a.ticket, nil // somebody else was here before
	}
	a.ticket.token = ""
	if used := a.creds[0]; used.Token != "" {
		refused := refusal(a.server, used, reason)
		if !used.Optional || len(a.creds) == 1 {
			a.failed = refused
			return ticket{}, refused
		}
		a.creds = a.creds[1:]
	}
	return a.next(ctx)
}

// refusal says why a token was not accepted. The server's reason is not always
// there; the token itself says when it ends.
func refusal(server string, used Credential, reason string) *TokenError {
	e := &TokenError{Server: server, Source: used.Source, Reason: reason}
	if strings.Contains(strings.ToLower(reason), "expired") {
		e.Expired, e.Ended = true, read(used.Token).expires()
	}
	return e
}

// next gets a ticket from the first credential that is left. It is called with the
// turn taken.
func (a *auth) next(ctx context.Context) (ticket, error) {
	switch {
	case a.none != nil:
		return ticket{}, a.none
	case a.failed != nil:
		return ticket{}, a.failed
	}
	c := a.creds[0]
	token, user := c.Token, read(c.Token).user()
	if token == "" {
		var err error
		if token, user, err = a.login(ctx, c); err != nil {
			var refused *LoginError
			if errors.As(err, &refused) {
				a.failed = err
			}
			return ticket{}, err
		}
	}
	a.ticket = ticket{token: token, user: user, source: c.Source, number: a.ticket.number + 1}
	return a.ticket, nil
}

func (a *auth) lock(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (a *auth) unlock() { <-a.turn }

// Login makes sure that the server knows the caller, which the first call does
// otherwise, and says as whom and by which credential.
func (c *Client) Login(ctx context.Context) (user, source string, err error) {
	t, err := c.auth.get(ctx)
	if err != nil {
		return "", "", err
	}
	return t.user, t.source, nil
}

// login opens a session with a user and its password. The session ends after a
// day (users.session.duration), or when the password changes.
func (c *Client) login(sessions sessions) func(context.Context, Credential) (string, string, error) {
	return func(ctx context.Context, cred Credential) (string, string, error) {
		user, password, err := cred.Password(ctx)
		if err != nil {
			return "", "", fmt.Errorf("argocd-server %s: log in: %w", c.server, err)
		}
		r, err := do(ctx, c, call{op: "log in", anonymous: true, patience: c.opts.Patience}, func(ctx context.Context) (*session.SessionResponse, error) {
			return sessions.Create(ctx, &session.SessionCreateRequest{Username: user, Password: password})
		})
		var refused *ServerError
		if errors.As(err, &refused) && refused.Code == codes.Unauthenticated {
			return "", "", &LoginError{Server: c.server, Source: cred.Source, User: user, Reason: refused.Message}
		}
		if err != nil {
			return "", "", err
		}
		return r.Token, user, nil
	}
}
