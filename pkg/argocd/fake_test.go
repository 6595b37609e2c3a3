package argocd_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/account"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/session"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/version"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/sealway/sealway/pkg/argocd"
)

var _ = func() bool { // before the first connection, as grpclog asks
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	return true
}()

// The values that no message may hold.
const (
	canaryPassword = "canary-pässword-1"
	canaryToken    = "canary-token-2"
)

const (
	address = "argocd.example.com:443"
	commitA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	commitB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// argoCD is a server with a controller and a Git repository of one branch. It runs
// in a bubble of its own time: hours pass at once, and in order.
type argoCD struct {
	t      *testing.T
	ctx    context.Context
	others sync.WaitGroup // the controller's goroutines

	mu       sync.Mutex
	listener *bufconn.Listener
	server   *grpc.Server
	dials    int

	apps     map[string]*v1alpha1.Application
	applied  map[string]string // the commit that the cluster holds
	version  int
	watchers map[chan v1alpha1.ApplicationWatchEvent]string
	calls    map[string]int
	syncs    []*application.ApplicationSyncRequest
	logins   int
	carried  map[string]bool // tokens that calls carried
	valid    map[string]bool // tokens that are accepted

	// What goes wrong, and how the parts behave. Set before the client is made.
	head     string                                                // of the branch that is followed
	fault    func(ctx context.Context, method string, n int) error // of the nth call, counted from 1; default: none
	lost     func(method string, n int) error                      // the same, after the call was carried out
	refresh  func(ctx context.Context, name string)                // what the controller does; default: it compares
	operate  func(name string)                                     // what it does with an operation; default: it succeeds
	found    func(*v1alpha1.Application)                           // completes each comparison
	deaf     bool                                                  // watches bring no events
	bare     bool                                                  // a list has no health of resources, as of Argo CD 3
	past     *v1alpha1.Application                                 // a state of before, with which each watch begins
	cut      time.Duration                                         // after which each watch is cut
	windows  *application.ApplicationSyncWindowsResponse
	can      string
	managed  []*v1alpha1.ResourceDiff
	tree     *v1alpha1.ApplicationTree
	rendered []string
}

func bubble(t *testing.T, f func(*testing.T, *argoCD)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := newArgoCD(t)
		f(t, a)
	})
}

func newArgoCD(t *testing.T) *argoCD {
	ctx, cancel := context.WithCancel(context.Background())
	open := true
	a := &argoCD{
		t: t, ctx: ctx, head: commitA, can: "yes",
		apps: map[string]*v1alpha1.Application{}, applied: map[string]string{},
		watchers: map[chan v1alpha1.ApplicationWatchEvent]string{}, calls: map[string]int{},
		carried: map[string]bool{}, valid: map[string]bool{canaryToken: true},
		windows: &application.ApplicationSyncWindowsResponse{CanSync: &open},
		tree:    &v1alpha1.ApplicationTree{},
	}
	a.start()
	t.Cleanup(func() {
		cancel()
		a.stop()
		a.others.Wait()
	})
	return a
}

// start brings the server up, with upstream's rule for pings.
func (a *argoCD) start() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listener = bufconn.Listen(1 << 20)
	a.server = grpc.NewServer(
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second}),
		grpc.MaxSendMsgSize(200<<20),
		grpc.WaitForHandlers(true),
		grpc.UnaryInterceptor(a.unary),
		grpc.StreamInterceptor(a.stream),
	)
	application.RegisterApplicationServiceServer(a.server, &applicationServer{argoCD: a})
	session.RegisterSessionServiceServer(a.server, &sessionServer{argoCD: a})
	version.RegisterVersionServiceServer(a.server, &versionServer{argoCD: a})
	account.RegisterAccountServiceServer(a.server, &accountServer{argoCD: a})
	server, listener := a.server, a.listener
	a.others.Go(func() { _ = server.Serve(listener) }) // it ends by Stop
}

func (a *argoCD) stop() {
	a.mu.Lock()
	server := a.server
	a.mu.Unlock()
	server.Stop()
}

func (a *argoCD) dial(ctx context.Context) (net.Conn, error) {
	a.mu.Lock()
	a.dials++
	l := a.listener
	a.mu.Unlock()
	return l.DialContext(ctx)
}

// connect makes a client that logs in as admin.
func (a *argoCD) connect(o argocd.Options) *argocd.Client {
	a.t.Helper()
	c, err := a.tryConnect(o, admin(canaryPassword))
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}

func (a *argoCD) tryConnect(o argocd.Options, creds ...argocd.Credential) (*argocd.Client, error) {
	c, err := argocd.Connect(a.ctx, argocd.Transport{Address: address, Dial: a.dial}, creds, o)
	if err == nil {
		a.t.Cleanup(func() { _ = c.Close() }) // there is nothing to do about it
	}
	return c, err
}

func admin(password string) argocd.Credential {
	return argocd.Credential{Source: "Secret argocd-initial-admin-secret", Server: address, Password: func(context.Context) (string, string, error) {
		return "admin", password, nil
	}}
}

func (a *argoCD) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	method := info.FullMethod[slices.Index([]byte(info.FullMethod), '.')+1:]
	n, err := a.received(ctx, method)
	if err != nil {
		return nil, err
	}
	resp, err := handler(ctx, req)
	if err == nil && a.lost != nil {
		err = a.lost(method, n)
	}
	return resp, err
}

func (a *argoCD) stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if _, err := a.received(s.Context(), info.FullMethod[slices.Index([]byte(info.FullMethod), '.')+1:]); err != nil {
		return err
	}
	return handler(srv, s)
}

func (a *argoCD) received(ctx context.Context, method string) (n int, err error) {
	a.mu.Lock()
	a.calls[method]++
	n = a.calls[method]
	md, _ := metadata.FromIncomingContext(ctx)
	token := ""
	for _, token = range md.Get("token") {
		a.carried[token] = true
	}
	valid := a.valid[token]
	a.mu.Unlock()
	if a.fault != nil {
		if err := a.fault(ctx, method, n); err != nil {
			return n, err
		}
	}
	if method != "VersionService/Version" && method != "SessionService/Create" && !valid {
		return n, status.Error(codes.Unauthenticated, "invalid session: token has invalid claims: token is expired")
	}
	return n, nil
}

// count is how often a method was called.
func (a *argoCD) count(method string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls[method]
}

// endSessions has every token given so far refused.
func (a *argoCD) endSessions() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.valid)
}

// add registers an application that follows the branch.
func (a *argoCD) add(name string, change func(*v1alpha1.Application)) {
	app := &v1alpha1.Application{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "argocd", Labels: map[string]string{"app": name}},
		Spec: v1alpha1.ApplicationSpec{
			Project:     "default",
			Source:      &v1alpha1.ApplicationSource{RepoURL: "https://git.example.com/repo", Path: "applications/" + name, TargetRevision: "main"},
			Destination: v1alpha1.ApplicationDestination{Namespace: name},
		},
	}
	app.Status.ControllerNamespace = "argocd"
	a.set(name, func(*v1alpha1.Application) {
		if change != nil {
			change(app)
		}
		a.apps[name] = app
	})
}

// with changes what the server and the controller look at.
func (a *argoCD) with(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// set changes an application and tells the watchers.
func (a *argoCD) set(name string, change func(*v1alpha1.Application)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a.apps[name])
	app := a.apps[name]
	if app == nil {
		return
	}
	a.version++
	app.ResourceVersion = strconv.Itoa(a.version)
	a.publish(watch.Modified, app)
}

func (a *argoCD) publish(kind watch.EventType, app *v1alpha1.Application) {
	if a.deaf {
		return
	}
	for w, name := range a.watchers {
		if name == app.Name {
			select {
			case w <- v1alpha1.ApplicationWatchEvent{Type: kind, Application: *app.DeepCopy()}:
			default: // as upstream does when its buffer is full
			}
		}
	}
}

func (a *argoCD) remove(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	app := a.apps[name]
	delete(a.apps, name)
	a.publish(watch.Deleted, app)
}

func (a *argoCD) get(name string) *v1alpha1.Application {
	a.mu.Lock()
	defer a.mu.Unlock()
	if app := a.apps[name]; app != nil {
		return app.DeepCopy()
	}
	return nil
}

// later does something in the controller's own time.
func (a *argoCD) later(d time.Duration, f func()) {
	a.others.Go(func() {
		select {
		case <-time.After(d):
			f()
		case <-a.ctx.Done():
		}
	})
}

// now is the time as it is kept in the API, in whole seconds.
func now() *metav1.Time {
	t := metav1.NewTime(time.Now().Truncate(time.Second))
	return &t
}

// compare is what the controller does on a refresh.
func (a *argoCD) compare(name string) {
	a.set(name, func(app *v1alpha1.Application) {
		s := &app.Status
		s.ReconciledAt, s.Conditions = now(), nil
		s.Sync = v1alpha1.SyncStatus{Status: v1alpha1.SyncStatusCodeOutOfSync, Revision: a.head}
		s.Health.Status = "Healthy"
		if a.applied[name] == "" {
			s.Health.Status = "Missing"
		}
		if a.applied[name] == a.head {
			s.Sync.Status = v1alpha1.SyncStatusCodeSynced
		}
		s.Resources = []v1alpha1.ResourceStatus{{Group: "apps", Kind: "Deployment", Namespace: name, Name: name, Status: s.Sync.Status, Health: &v1alpha1.HealthStatus{Status: s.Health.Status}}}
		if a.found != nil {
			a.found(app)
		}
	})
}

// running is an operation's first step.
func (a *argoCD) running(name string) {
	a.set(name, func(app *v1alpha1.Application) {
		app.Status.OperationState = &v1alpha1.OperationState{Operation: *app.Operation, Phase: "Running", StartedAt: *now(), SyncResult: &v1alpha1.SyncOperationResult{Revision: a.revision(app)}}
	})
}

func (a *argoCD) revision(app *v1alpha1.Application) string {
	if r := app.Operation.Sync.Revision; r != "" {
		return r
	}
	return a.head
}

// finish is its last one.
func (a *argoCD) finish(name, phase, message string, results ...*v1alpha1.ResourceResult) {
	a.set(name, func(app *v1alpha1.Application) {
		if app.Operation == nil || app.Status.OperationState == nil {
			return // terminated
		}
		s := app.Status.OperationState
		s.Phase, s.Message, s.FinishedAt = "Succeeded", message, now()
		if phase == "Failed" || phase == "Error" {
			s.Phase = "Failed"
		} else if !app.Operation.Sync.DryRun {
			a.applied[name] = s.SyncResult.Revision
		}
		s.SyncResult.Resources = results
		app.Operation = nil
	})
}

func succeeds(a *argoCD, name string) {
	a.later(300*time.Millisecond, func() {
		a.running(name)
		a.later(time.Second, func() {
			a.finish(name, "Succeeded", "successfully synced")
			a.later(200*time.Millisecond, func() { a.compare(name) })
		})
	})
}

// request writes an operation, as SetAppOperation does.
func (a *argoCD) request(name string, op v1alpha1.Operation) error {
	busy := false
	a.set(name, func(app *v1alpha1.Application) {
		if busy = app.Operation != nil; busy {
			return
		}
		app.Operation, app.Status.OperationState = &op, nil
	})
	if busy {
		// Its code is lost on the way, as upstream's sanitizer does it.
		return errors.New("error setting app operation: rpc error: code = FailedPrecondition desc = another operation is already in progress")
	}
	if a.operate != nil {
		a.operate(name)
	} else {
		succeeds(a, name)
	}
	return nil
}

// operationOf is one of somebody else.
func operationOf(user, revision string) v1alpha1.Operation {
	op := v1alpha1.Operation{Sync: &v1alpha1.SyncOperation{Revision: revision}, InitiatedBy: v1alpha1.OperationInitiator{Username: user}}
	if user == "" {
		op.InitiatedBy.Automated = true
	}
	return op
}
