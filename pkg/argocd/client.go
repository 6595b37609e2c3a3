package argocd

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apiclient/account"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/session"
	"github.com/argoproj/argo-cd/v2/pkg/apiclient/version"
	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v2/reposerver/apiclient"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/types/known/emptypb"
)

// The part of the generated clients that is used.
type (
	applications interface {
		List(context.Context, *application.ApplicationQuery, ...grpc.CallOption) (*v1alpha1.ApplicationList, error)
		Get(context.Context, *application.ApplicationQuery, ...grpc.CallOption) (*v1alpha1.Application, error)
		Watch(context.Context, *application.ApplicationQuery, ...grpc.CallOption) (application.ApplicationService_WatchClient, error)
		Sync(context.Context, *application.ApplicationSyncRequest, ...grpc.CallOption) (*v1alpha1.Application, error)
		TerminateOperation(context.Context, *application.OperationTerminateRequest, ...grpc.CallOption) (*application.OperationTerminateResponse, error)
		GetApplicationSyncWindows(context.Context, *application.ApplicationSyncWindowsQuery, ...grpc.CallOption) (*application.ApplicationSyncWindowsResponse, error)
		ManagedResources(context.Context, *application.ResourcesQuery, ...grpc.CallOption) (*application.ManagedResourcesResponse, error)
		ResourceTree(context.Context, *application.ResourcesQuery, ...grpc.CallOption) (*v1alpha1.ApplicationTree, error)
		GetManifests(context.Context, *application.ApplicationManifestQuery, ...grpc.CallOption) (*apiclient.ManifestResponse, error)
		RevisionMetadata(context.Context, *application.RevisionMetadataQuery, ...grpc.CallOption) (*v1alpha1.RevisionMetadata, error)
	}
	accounts interface {
		CanI(context.Context, *account.CanIRequest, ...grpc.CallOption) (*account.CanIResponse, error)
	}
	sessions interface {
		Create(context.Context, *session.SessionCreateRequest, ...grpc.CallOption) (*session.SessionResponse, error)
	}
)

// Client is a connection to one argocd-server. It may be used by several
// goroutines; Close ends it.
type Client struct {
	server  string // its address, for messages
	version string
	opts    Options

	conn     *grpc.ClientConn
	apps     applications
	accounts accounts
	auth     *auth
}

// maxMessage bounds one message: 200 MiB, as upstream's client has it
// (util/grpc, ARGOCD_GRPC_MAX_SIZE_MB).
const maxMessage = 200 << 20

// pings keep a watch alive through load balancers. The server refuses more than one
// in ten seconds, and any while no call is open ("too_many_pings", argo-cd#15739).
const pings = 30 * time.Second

// Connect reaches the server and asks for its version, which needs no login. Of
// the credentials those for this server are used, in order.
func Connect(ctx context.Context, t Transport, creds []Credential, o Options) (*Client, error) {
	o = o.withDefaults()
	conn, err := grpc.NewClient("passthrough:///"+t.Address, dialOptions(t, o)...)
	if err != nil {
		return nil, &UnreachableError{Server: t.Address, Cause: err}
	}
	c := &Client{
		server:   t.Address,
		opts:     o,
		conn:     conn,
		apps:     application.NewApplicationServiceClient(conn),
		accounts: account.NewAccountServiceClient(conn),
	}
	c.auth = newAuth(t.Address, creds, c.login(session.NewSessionServiceClient(conn)))
	versions := version.NewVersionServiceClient(conn)
	v, err := do(ctx, c, call{op: "ask for the version", anonymous: true, patience: time.Second},
		func(ctx context.Context) (*version.VersionMessage, error) {
			return versions.Version(ctx, &emptypb.Empty{})
		})
	if err != nil {
		_ = conn.Close() // the first error is the one that counts
		return nil, err
	}
	c.version = v.Version
	return c, nil
}

func dialOptions(t Transport, o Options) []grpc.DialOption {
	creds := insecure.NewCredentials()
	if t.TLS != nil {
		creds = credentials.NewTLS(t.TLS.Clone())
	}
	dial := t.Dial
	if dial == nil {
		dial = func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", t.Address)
		}
	}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx) }),
		grpc.WithUserAgent(o.UserAgent),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pings, Timeout: 15 * time.Second}),
		grpc.WithConnectParams(grpc.ConnectParams{
			MinConnectTimeout: o.Connect,
			Backoff:           backoff.Config{BaseDelay: o.MinDelay, Multiplier: 1.6, Jitter: 0.2, MaxDelay: o.MaxDelay},
		}),
		grpc.WithDisableServiceConfig(),
	}
}

// Close ends the connection and the calls on it.
func (c *Client) Close() error { return c.conn.Close() }

// ServerVersion is the server's version, for instance "v2.14.21+4ec0c3a".
func (c *Client) ServerVersion() string { return c.version }

// Skew is a warning about the server's version, empty for those that this client
// was made for: 2.x from 2.8 on, and 3.x.
func (c *Client) Skew() string {
	var major, minor int
	if n, _ := fmt.Sscanf(strings.TrimPrefix(c.version, "v"), "%d.%d", &major, &minor); n != 2 {
		return fmt.Sprintf("argocd-server %s: its version %q is unknown to this program", c.server, c.version)
	}
	if major == 3 || major == 2 && minor >= 8 {
		return ""
	}
	return fmt.Sprintf("argocd-server %s is version %s; this program is made for 2.8 to 3.x", c.server, c.version)
}

// sameServer compares two addresses of servers; https and its port are the default.
func sameServer(a, b string) bool {
	a, b = canonical(a), canonical(b)
	return a != "" && a == b
}

func canonical(address string) string {
	address = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(address), "/"))
	port := 443
	for scheme, standard := range map[string]int{"https://": 443, "http://": 80} {
		if rest, found := strings.CutPrefix(address, scheme); found {
			address, port = rest, standard
		}
	}
	if address == "" {
		return ""
	}
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), strconv.Itoa(port))
}
