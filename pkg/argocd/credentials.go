package argocd

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// Credential is one way to be known to one server.
type Credential struct {
	// Source says in messages where it comes from: "ARGOCD_AUTH_TOKEN".
	Source string
	// Server is the address that it belongs to, as Transport.Address has it. It is
	// never sent to another one; without an address it is sent to none.
	Server string
	// Token is a token of an account or of a project's role. Password is not asked
	// when there is one.
	Token string `json:"-"`
	// Password gives a user and its password. It is asked at the first call that
	// needs a login, and again when the session has ended.
	Password func(context.Context) (user, password string, err error) `json:"-"`
	// Optional says that a token that the server does not accept is passed over for
	// the next credential: one that a program keeps for later, not one that a
	// person has set.
	Optional bool
}

// String keeps the token out of messages.
func (c Credential) String() string { return "credential of " + c.Source + " for " + c.Server }

// GoString keeps the token out of messages.
func (c Credential) GoString() string { return c.String() }

// claims is what is read of a token, without proof: it is for messages alone.
type claims struct {
	Subject string `json:"sub"`
	Expires int64  `json:"exp"`
}

func (c claims) expires() time.Time {
	if c.Expires == 0 {
		return time.Time{}
	}
	return time.Unix(c.Expires, 0).UTC()
}

// user is the name of the account, without what it may be used for.
func (c claims) user() string {
	if strings.HasPrefix(c.Subject, "proj:") {
		return c.Subject
	}
	name, _, _ := strings.Cut(c.Subject, ":")
	return name
}

func read(token string) (c claims) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(body, &c) != nil {
		return claims{}
	}
	return c
}
