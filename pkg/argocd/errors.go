package argocd

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
)

// UnreachableError says that argocd-server did not answer, or is not the one that
// it should be.
type UnreachableError struct {
	Server, Op string
	Cause      error
}

func (e *UnreachableError) Error() string {
	if e.Op == "" {
		return fmt.Sprintf("argocd-server %s: %v", e.Server, e.Cause)
	}
	return fmt.Sprintf("argocd-server %s: %s: %v", e.Server, e.Op, e.Cause)
}

// Hint says what to look at.
func (e *UnreachableError) Hint() string {
	text := e.Cause.Error()
	switch {
	case strings.Contains(text, "x509:"):
		return "the server's certificate is not the one that is trusted here: is it the right server? Its CA belongs into the trust of this connection"
	case strings.Contains(text, "does not look like a TLS handshake"):
		return "the server speaks plaintext (it runs with --insecure): connect without TLS, with ARGOCD_OPTS=--plaintext"
	case strings.Contains(text, "ALPN"):
		return "the load balancer in front does not offer HTTP/2 (ALPN h2): have it do so, or set GRPC_ENFORCE_ALPN_ENABLED=false"
	case strings.Contains(text, "unexpected HTTP status code"), strings.Contains(text, "frame too large"), strings.Contains(text, "server preface"):
		return "what answers there does not speak gRPC: is it argocd-server, and is TLS right?"
	case strings.Contains(text, "closed pipe"), strings.Contains(text, "broken pipe"), strings.Contains(text, "reset by peer"), strings.HasSuffix(text, "EOF"):
		return "the other side ended the connection: is it argocd-server, and is TLS right?"
	}
	return "does argocd-server run, and is the address right?"
}

func (e *UnreachableError) Unwrap() error { return e.Cause }

// Unavailable marks the error as one of reach: exit status 4.
func (e *UnreachableError) Unavailable() bool { return true }

// ServerError is an answer of the server that nothing more is known about.
type ServerError struct {
	Server, App, Op string
	Code            codes.Code
	Message         string

	away    bool // it is about a part behind the server that does not answer
	passing bool // it may be another one at the next attempt
}

func (e *ServerError) Error() string {
	if e.App != "" {
		return fmt.Sprintf("%s: %s: %s", object(e.App), e.Op, e.Message)
	}
	return fmt.Sprintf("argocd-server %s: %s: %s", e.Server, e.Op, e.Message)
}

// Hint names what to look at where the code tells.
func (e *ServerError) Hint() string {
	switch {
	case e.Code == codes.Unimplemented:
		return "this version of Argo CD does not know the call"
	case strings.Contains(e.Message, "auto-sync currently set to"):
		return "Argo CD syncs this application by itself, and to nothing but what it follows: push there, or take automated out of its sync policy"
	}
	return ""
}

// Unavailable marks what is not allowed: exit status 4.
func (e *ServerError) Unavailable() bool {
	return e.Code == codes.PermissionDenied || e.Code == codes.Unauthenticated
}

// NoCredentialError says that there is nothing to log in with.
type NoCredentialError struct {
	Server string
	Others []string // what there is, and for which server
}

func (e *NoCredentialError) Error() string {
	text := fmt.Sprintf("argocd-server %s: log in: there is no credential for this server", e.Server)
	if len(e.Others) > 0 {
		text += " (" + strings.Join(e.Others, ", ") + ")"
	}
	return text
}

// Hint names the ways to give one.
func (e *NoCredentialError) Hint() string {
	return "`argocd login " + e.Server + "` stores one, or set ARGOCD_AUTH_TOKEN together with ARGOCD_SERVER"
}

// Unavailable marks the error as one of reach: exit status 4.
func (e *NoCredentialError) Unavailable() bool { return true }

// LoginError says that the server did not accept a user and its password.
type LoginError struct{ Server, Source, User, Reason string }

func (e *LoginError) Error() string {
	return fmt.Sprintf("argocd-server %s: log in as %s: %s (the password is from %s)", e.Server, e.User, e.Reason, e.Source)
}

// Hint says why that may be.
func (e *LoginError) Hint() string {
	return "has the password been changed since? After five failures the account is locked for five minutes"
}

// Unavailable marks the error as one of access: exit status 4.
func (e *LoginError) Unavailable() bool { return true }

// TokenError says that the server did not accept a token.
type TokenError struct {
	Server, Source, Reason string
	Expired                bool
	Ended                  time.Time // when it expired, as the token itself says; may be zero
}

func (e *TokenError) Error() string {
	switch {
	case e.Expired && !e.Ended.IsZero():
		return fmt.Sprintf("argocd-server %s: the token from %s expired at %s", e.Server, e.Source, e.Ended.Format(time.RFC3339))
	case e.Expired:
		return fmt.Sprintf("argocd-server %s: the token from %s has expired", e.Server, e.Source)
	}
	return fmt.Sprintf("argocd-server %s: the token from %s is not accepted: %s", e.Server, e.Source, e.Reason)
}

// Hint says how to get a new one.
func (e *TokenError) Hint() string {
	return "make a new one (`argocd login`, `argocd account generate-token`), or leave " + e.Source + " away"
}

// Unavailable marks the error as one of access: exit status 4.
func (e *TokenError) Unavailable() bool { return true }

// NameError says that an application's name cannot be one.
type NameError struct{ Name string }

func (e *NameError) Error() string { return fmt.Sprintf("application %q: not a name", e.Name) }

// Hint says how it is meant.
func (e *NameError) Hint() string { return "NAME, or NAMESPACE/NAME" }

// Usage marks the error as one of usage: exit status 2.
func (e *NameError) Usage() bool { return true }

// NoApplicationError says that there is no application of that name, or that it
// may not be seen: the server does not say which (argo-cd#13000).
type NoApplicationError struct {
	Name  string
	Near  []string // names that look like it
	Seen  int      // how many applications can be seen at all
	Known []string // all of them, when they are few
}

func (e *NoApplicationError) Error() string {
	text := fmt.Sprintf("no application %s (or no access to it)", e.Name)
	if len(e.Near) > 0 {
		text += "; did you mean " + strings.Join(e.Near, " or ") + "?"
	}
	return text
}

// Hint says what to look at.
func (e *NoApplicationError) Hint() string {
	if e.Seen == 0 {
		return "no application at all can be seen with this account: is it the right Argo CD, and are they registered?"
	}
	if len(e.Near) > 0 {
		return ""
	}
	if e.Seen == 1 {
		return "one other application can be seen; is it registered in this Argo CD?"
	}
	if len(e.Known) > 0 {
		return "the applications are: " + strings.Join(e.Known, ", ")
	}
	return fmt.Sprintf("%d other applications can be seen; is it registered in this Argo CD?", e.Seen)
}

// Unavailable marks the error as one of reach: exit status 4.
func (e *NoApplicationError) Unavailable() bool { return true }

// PermissionError says that the account may not do something with an application
// that it can see.
type PermissionError struct{ App, Project, Action, User string }

func (e *PermissionError) Error() string {
	user := e.User
	if user == "" {
		user = "this account"
	}
	return fmt.Sprintf("%s: %s may not %s it", object(e.App), user, e.Action)
}

// Hint is the missing rule, and where it belongs: a project's role has its rules in the
// project.
func (e *PermissionError) Hint() string {
	_, name, qualified := strings.Cut(e.App, "/")
	if !qualified {
		name = e.App
	}
	if f := strings.Split(e.User, ":"); len(f) == 3 && f[0] == "proj" {
		return fmt.Sprintf("the rule that is missing in role %s of AppProject %s: p, %s, applications, %s, %s/%s, allow", f[2], f[1], e.User, e.Action, e.Project, name)
	}
	return fmt.Sprintf("the rule that is missing in argocd-rbac-cm: p, <role>, applications, %s, %s/%s, allow", e.Action, e.Project, name)
}

// Unavailable marks the error as one of access: exit status 4.
func (e *PermissionError) Unavailable() bool { return true }

// The parts of Argo CD that work behind its server.
const (
	Controller = "the application controller"
	RepoServer = "the repo server"
)

// PartError says that a part of Argo CD behind its server does not answer.
type PartError struct {
	App, Op   string
	Part      string // Controller or RepoServer; empty when it may be either
	Namespace string // of Argo CD; may be empty
	Cause     string
}

func (e *PartError) Error() string {
	return fmt.Sprintf("%s: %s: %s (%s)", object(e.App), e.Op, e.fault(), e.Cause)
}

// fault is which part it is about.
func (e *PartError) fault() string {
	part := e.Part
	if part == "" {
		part = Controller + " or " + RepoServer
	}
	return "Argo CD's server answers, but " + part + " does not"
}

// Hint names the Pods.
func (e *PartError) Hint() string {
	namespace := e.Namespace
	if namespace == "" {
		namespace = "argocd"
	}
	pods := "argocd-application-controller and argocd-repo-server"
	switch e.Part {
	case Controller:
		pods = "argocd-application-controller"
	case RepoServer:
		pods = "argocd-repo-server"
	}
	return fmt.Sprintf("do the Pods of %s run? `kubectl -n %s get pods`", pods, namespace)
}

// Unavailable marks the error as one of reach: exit status 4.
func (e *PartError) Unavailable() bool { return true }
