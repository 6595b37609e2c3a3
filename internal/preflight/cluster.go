package preflight

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/pkg/report"
)

// oldest and newest are the Kubernetes versions that sealway is for: Argo CD 2.14 is
// tested with 1.28 and later (its docs/operator-manual/tested-kubernetes-versions.md),
// and the sandbox is the newest that sealway's own tests run on. client-go 0.31 uses
// nothing here that either lacks.
const (
	oldest = 28
	newest = 37
)

const noCluster = "there is no usable kubeconfig"

// unusable is the error without the name that the check has already.
func unusable(err error) outcome {
	o := failure(report.Failed, err).blocks(noCluster)
	o.saw = strings.TrimPrefix(o.saw, "kubeconfig: ")
	return o
}

const chooseContext = "`kubectl config use-context NAME`, or set `context` in .sealway.yaml (SEALWAY_CONTEXT)"

// kubeconfig looks at the file and its context, and connects to nothing.
func (i *inspection) kubeconfig(context.Context) outcome {
	d, err := i.Kubeconfig()
	if err != nil {
		return unusable(err)
	}
	if len(d.Contexts) > 0 && !slices.Contains(d.Contexts, d.Context) {
		saw := "the setting `context` names " + d.Context + ", which the kubeconfig does not have"
		if i.Context == "" {
			saw = "the kubeconfig has no current context"
			if d.Current != "" {
				saw = "the kubeconfig's current context is " + d.Current + ", which it does not have"
			}
		}
		return failed(saw+"; there are: "+strings.Join(d.Contexts, ", "), chooseContext).blocks(noCluster)
	}
	k, err := i.Cluster()
	if err != nil {
		return unusable(err)
	}
	i.cluster = k
	out := ok("context %s (%s), user %s, of %s", d.Context, k.Server, d.User, strings.Join(d.Files, ", "))
	if len(d.Contexts) > 1 {
		out.saw += fmt.Sprintf("; %d contexts: %s", len(d.Contexts), strings.Join(d.Contexts, ", "))
	}
	all := []outcome{out}
	if i.Context != "" && i.Context != d.Current {
		all = append(all, warned(fmt.Sprintf("the setting `context` names %s, and kubectl's current context is %s", d.Context, orNone(d.Current)),
			"if you mean the other cluster: "+chooseContext))
	} else if len(d.Contexts) > 1 {
		all[0].saw += ", another one with " + chooseContext
	}
	if k.Config.Insecure {
		all = append(all, warned("the API server's certificate is not checked (insecure-skip-tls-verify): whoever answers in its place gets the credentials", "have certificate-authority-data in the kubeconfig in its place"))
	}
	return join(append(all, credentials(k.Config, d.User, i.Certificates.Now)...)...)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// credentials looks at what can be known of them without asking anybody.
func credentials(c *rest.Config, user string, now time.Time) []outcome {
	if p := c.ExecProvider; p != nil {
		if _, err := exec.LookPath(p.Command); err != nil {
			fix := "install it, or use a kubeconfig that does not need it"
			if p.InstallHint != "" {
				fix = strings.TrimSpace(p.InstallHint)
			}
			return []outcome{failed(fmt.Sprintf("user %s gets credentials from the program %s, which is not on PATH", user, p.Command), fix).
				blocks(p.Command + ", which gets the credentials, is not installed")}
		}
	}
	data := c.CertData
	if len(data) == 0 && c.CertFile == "" {
		return nil
	}
	pair, err := tls.X509KeyPair(data, c.KeyData)
	if len(data) == 0 {
		pair, err = tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	}
	if err != nil || pair.Leaf == nil { // the request will say what is wrong
		return nil
	}
	if end := pair.Leaf.NotAfter; now.After(end) {
		return []outcome{failed(fmt.Sprintf("the client certificate of user %s expired on %s", user, end.Format(time.DateOnly)), logIn).
			blocks("the credentials have expired")}
	}
	return nil
}

const logIn = "log in to the cluster again, or get a new kubeconfig from who looks after it"

// version is major.minor.patch; the zero value is unknown.
type version struct{ major, minor, patch int }

var versionNumbers = regexp.MustCompile(`v?(\d+)\.(\d+)(?:\.(\d+))?`)

// parseVersion finds the first version in a text.
func parseVersion(text string) version {
	m := versionNumbers.FindStringSubmatch(text)
	if m == nil {
		return version{}
	}
	var v version
	v.major, _ = strconv.Atoi(m[1])
	v.minor, _ = strconv.Atoi(m[2])
	v.patch, _ = strconv.Atoi(m[3])
	return v
}

func (v version) known() bool { return v != version{} }

// before compares with major.minor.
func (v version) before(major, minor int) bool {
	return v.major < major || v.major == major && v.minor < minor
}

// apiServer asks for the version.
func (i *inspection) apiServer(ctx context.Context) outcome {
	data, err := bounded(ctx, func() ([]byte, error) {
		return i.cluster.Core.Get().AbsPath("/version").MaxRetries(0).DoRaw(ctx)
	})
	if apierrors.IsForbidden(err) {
		return warned(i.cluster.Server+" answers, and does not allow to ask for its version", "")
	}
	if err != nil {
		cause, fix := apiCause(err, i.cluster)
		return failed(i.cluster.Server+": "+cause, fix).blocks("the API server cannot be used")
	}
	var v struct{ GitVersion string }
	if err := json.Unmarshal(data, &v); err != nil {
		return failed(i.cluster.Server+" answers, but not as a Kubernetes API server does", "is the address in the kubeconfig right? something else may answer there").
			blocks("the API server cannot be used")
	}
	i.version = parseVersion(v.GitVersion)
	return i.supported(v.GitVersion)
}

func (i *inspection) supported(text string) outcome {
	switch v := i.version; {
	case !v.known():
		return warned(fmt.Sprintf("it answers, and calls its version %q", text), "")
	case v.before(1, oldest):
		return warned(fmt.Sprintf("Kubernetes %s; sealway and Argo CD 2.14 are for 1.%d and later", text, oldest), "update the cluster; what does not work is said by the command that needs it")
	case !v.before(1, newest+1):
		return ok("Kubernetes %s, newer than 1.%d, which sealway is tested with", text, newest)
	}
	return ok("Kubernetes %s", text)
}

// bounded returns when ctx is over even if f does not: a credential program may hang.
func bounded[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	c := make(chan answer, 1)
	go func() {
		v, err := f()
		c <- answer{v, err}
	}()
	select {
	case a := <-c:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// apiCause says in words why a request to the API server failed, and what to do.
func apiCause(err error, k *kube.Cluster) (cause, fix string) {
	const network = "is the cluster up, and is a VPN needed to reach it? is the kubeconfig's context the right one?"
	if cause, fix = certificateCause(err); cause != "" {
		return cause, fix
	}
	host := k.Server
	if u, e := url.Parse(k.Server); e == nil && u.Host != "" {
		host = u.Host
	}
	var dns *net.DNSError
	var plain tls.RecordHeaderError
	switch text := err.Error(); {
	case apierrors.IsUnauthorized(err):
		return "it does not accept these credentials", logIn
	case strings.Contains(text, "getting credentials:"):
		_, text, _ = strings.Cut(text, "getting credentials: ")
		first, _, _ := strings.Cut(text, "\n")
		return "the kubeconfig's credential program failed: " + first, logIn
	case errors.As(err, &dns):
		return "the name " + dns.Name + " is not known", network
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at " + host, network
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return "no answer in time", network
	case errors.As(err, &plain) || strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return "it does not speak TLS", "is the address in the kubeconfig right? something else may answer there"
	case apierrors.ReasonForError(err) != "":
		return "it answers: " + oneLine(text), "wait until the API server is well, or ask who looks after it"
	}
	var u *url.Error // its own text has the whole address in it
	if errors.As(err, &u) {
		err = u.Err
	}
	return oneLine(err.Error()), network
}

func certificateCause(err error) (cause, fix string) {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return "its certificate comes from an authority that the kubeconfig does not have", "get the kubeconfig anew if the cluster was made anew; if not, something between you and the cluster answers in its place"
	case errors.As(err, &name):
		return "its certificate is not for this name: " + oneLine(name.Error()), "use the name that the certificate has as `server` in the kubeconfig, or set `tls-server-name`"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has expired or is not valid yet", "compare the clock of this machine; if it is right, the API server's certificate has to be renewed"
	case errors.As(err, &invalid):
		return "its certificate is not valid: " + oneLine(invalid.Error()), "ask who looks after the cluster"
	}
	return "", ""
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
