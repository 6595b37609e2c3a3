package targets

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/grpclog"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/tunnel"
)

// argo runs do with a client for Argo CD: for the server that ARGOCD_SERVER names,
// else for the one in the cluster, through a tunnel of its own.
func (s *session) argo(ctx context.Context, do func(context.Context, *argocd.Client) error) error {
	if s.config.ArgoCD.Server != "" {
		return s.argoNamed(ctx, do)
	}
	k, server, err := s.argocdServer(ctx)
	if err != nil {
		return s.unnamed(err)
	}
	options := tunnel.Options{
		Config: k.Config, Core: k.Core, Namespace: server.Namespace, Service: server.Name, Port: server.Port,
		Events: func(e tunnel.Event) {
			if e.Kind != tunnel.Connected {
				s.console.Note("tunnel: %s", e)
			}
		},
	}
	return outliving(ctx, options, func(ctx context.Context, t *tunnel.Tunnel) error {
		transport, err := server.Transport(ctx, t.Dial)
		if err != nil {
			return err
		}
		password := argocd.Credential{
			Source: "Secret " + server.Namespace + "/argocd-initial-admin-secret", Server: transport.Address,
			Password: func(ctx context.Context) (string, string, error) {
				password, err := server.AdminPassword(ctx)
				return "admin", password, err
			},
		}
		o := argocd.Options{Warning: warnings(k)}
		return s.connected(ctx, transport, append(s.token(transport.Address), password), o, do)
	})
}

// unnamed says what was forgotten where nobody has a cluster of their own: in a pipeline,
// or beside a token.
func (s *session) unnamed(err error) error {
	if errors.Is(err, kube.ErrNoCluster) && (s.config.ArgoCD.Token != "" || s.config.CI) {
		return &console.Advised{
			Err:    fmt.Errorf("ARGOCD_SERVER is not set; %w", err),
			Advice: "set ARGOCD_SERVER to the server's address (a variable of the pipeline that does not exist is empty, which is as if not set), or KUBECONFIG to reach it through its cluster",
		}
	}
	return err
}

// outliving is tunnel.With for a function that has something to say to the server
// after Ctrl-C: the tunnel is there until the function returns.
func outliving(ctx context.Context, o tunnel.Options, do func(context.Context, *tunnel.Tunnel) error) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	opened := context.AfterFunc(ctx, end)
	return tunnel.With(life, o, func(_ context.Context, t *tunnel.Tunnel) error {
		if !opened() {
			return context.Cause(ctx)
		}
		return do(ctx, t)
	})
}

// token is ARGOCD_AUTH_TOKEN: it was set for the server that is talked to.
func (s *session) token(address string) []argocd.Credential {
	if s.config.ArgoCD.Token == "" {
		return nil
	}
	return []argocd.Credential{{Source: "ARGOCD_AUTH_TOKEN", Server: address, Token: s.config.ArgoCD.Token}}
}

// warnings looks up what the cluster says about an object. That it may not be asked,
// or does not know the object because that is in another one, is no reason to fail.
func warnings(k *kube.Cluster) func(context.Context, string, string) string {
	return func(ctx context.Context, namespace, uid string) string {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		text, err := k.Warning(ctx, namespace, uid)
		if err != nil {
			return ""
		}
		return text
	}
}

func (s *session) connected(ctx context.Context, t argocd.Transport, creds []argocd.Credential, o argocd.Options, do func(context.Context, *argocd.Client) error) error {
	// What gRPC has to say by itself is in its errors too.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	client, err := argocd.Connect(ctx, t, creds, o)
	if err != nil {
		return err
	}
	s.report.Fact("argocd", t.Address+" "+client.ServerVersion())
	if skew := client.Skew(); skew != "" {
		s.report.Warnings = append(s.report.Warnings, skew)
	}
	err = do(ctx, client)
	return errors.Join(err, client.Close())
}

// argoNamed is for a server that needs no tunnel.
func (s *session) argoNamed(ctx context.Context, do func(context.Context, *argocd.Client) error) error {
	a := s.config.ArgoCD
	t := argocd.Transport{Address: hostPort(a.Server)}
	if !a.Plaintext && !strings.HasPrefix(a.Server, "http://") {
		t.TLS = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: a.Insecure} //nolint:gosec // only where the user said so
	}
	if len(a.NotUnderstood) > 0 {
		// At once: what fails below may fail for it.
		s.console.Note("warning: ARGOCD_OPTS has %s, which sealway does not understand: it reads --plaintext, --insecure and --server-crt FILE", strings.Join(a.NotUnderstood, ", "))
	}
	if a.Insecure {
		s.report.Warnings = append(s.report.Warnings, "ARGOCD_OPTS has --insecure: whoever answers at "+t.Address+" gets the token")
	}
	if a.ServerCert != "" && t.TLS != nil {
		pool, err := authorities(a.ServerCert)
		if err != nil {
			return err
		}
		t.TLS.RootCAs = pool
	}
	creds := s.token(t.Address)
	stored, found, err := argocd.CLICredential(argocd.CLIConfigPath(os.LookupEnv), t.Address)
	if err != nil && len(creds) == 0 {
		return err
	}
	if found {
		creds = append(creds, stored)
	}
	return s.connected(ctx, t, creds, argocd.Options{}, do)
}

// hostPort is the address without its scheme, with the scheme's port if it has none.
func hostPort(server string) string {
	port := "443"
	if rest, ok := strings.CutPrefix(server, "http://"); ok {
		server, port = rest, "80"
	}
	server = strings.TrimSuffix(strings.TrimPrefix(server, "https://"), "/")
	if _, _, err := net.SplitHostPort(server); err == nil {
		return server
	}
	return net.JoinHostPort(strings.Trim(server, "[]"), port)
}

// authorities reads the certificates that --server-crt names.
func authorities(path string) (*x509.CertPool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("ARGOCD_OPTS: --server-crt: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, &console.Usage{Problem: "ARGOCD_OPTS: --server-crt: " + path + ": no certificate in it", Advice: "it is a PEM file with the server's certificate or its authority's"}
	}
	return pool, nil
}
