package verify

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// TestReadOnly verifies as somebody who may do everything, and looks in the API
// server's audit log at what was done.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	s := newScene(t, "readonly")
	s.args("print cannot open /var/lib/shop", "exit 3") // so that logs are read
	s.ship()
	s.crashed()
	user, kubeconfig := s.user("cluster-admin")
	for _, c := range []struct {
		line   string
		least  int // requests: fewer mean that the log is not of this command
		status []int
	}{
		{"mage verify:app readonly", 10, []int{findings}},
		{"mage verify:all", 10, []int{findings}},
		{"mage verify:app readonly -wait -timeout=15s", 20, []int{findings, timedOut}},
		{"mage verify:cluster", 5, []int{healthy, findings}},
	} {
		from := s.audited()
		s.startAs(kubeconfig, c.line).Ends(c.status...)
		requests := s.requests(from, user)
		if len(requests) < c.least {
			t.Errorf("%s: %d requests in the audit log, want at least %d", c.line, len(requests), c.least)
		}
		logs := false
		for _, r := range requests {
			logs = logs || r.Object.Resource == "pods" && r.Object.Subresource == "log"
			if !r.reads() {
				t.Errorf("%s: %s", c.line, r)
			}
		}
		if strings.Contains(c.line, "readonly") && !logs {
			t.Errorf("%s: no log was read, so nothing is proven of that", c.line)
		}
	}
}

// request is a line of the audit log.
type request struct {
	Verb string `json:"verb"`
	URI  string `json:"requestURI"`
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	Object struct {
		APIGroup    string `json:"apiGroup"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
	} `json:"objectRef"`
}

func (r request) String() string { return r.Verb + " " + r.URI }

// reads says whether a request changes nothing. A review of access is a question, too,
// although it is created.
func (r request) reads() bool {
	switch r.Verb {
	case "get", "list", "watch":
		return true
	case "create":
		return r.Object.APIGroup == "authorization.k8s.io" && slices.Contains([]string{"selfsubjectaccessreviews", "selfsubjectrulesreviews"}, r.Object.Resource)
	}
	return false
}

// audited is how long the audit log is.
func (s *scene) audited() int64 {
	s.Helper()
	info, err := os.Stat(s.Up.AuditLog())
	if err != nil {
		s.Fatal(err)
	}
	return info.Size()
}

// requests are those of a user since then.
func (s *scene) requests(from int64, user string) (all []request) {
	s.Helper()
	f, err := os.Open(s.Up.AuditLog())
	if err != nil {
		s.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		s.Fatal(err)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		s.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if !strings.HasSuffix(line, "\n") {
			break // it is being written, for somebody else
		}
		var r request
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			s.Fatalf("%v: %s", err, line)
		}
		if r.User.Username == user {
			all = append(all, r)
		}
	}
	return all
}

// user makes somebody with the rights of a cluster role, and a kubeconfig of theirs.
func (s *scene) user(role string) (name, kubeconfig string) {
	s.Helper()
	account := s.app + "-reader"
	if _, err := s.Client.CoreV1().ServiceAccounts("default").Create(s.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account}}, metav1.CreateOptions{}); err != nil {
		s.Fatal(err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: account},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "default", Name: account}},
	}
	if _, err := s.Client.RbacV1().ClusterRoleBindings().Create(s.Context(), binding, metav1.CreateOptions{}); err != nil {
		s.Fatal(err)
	}
	token, err := s.Client.CoreV1().ServiceAccounts("default").CreateToken(s.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		s.Fatal(err)
	}
	config, err := clientcmd.LoadFromFile(s.Up.Kubeconfig)
	if err != nil {
		s.Fatal(err)
	}
	config.AuthInfos = map[string]*clientcmdapi.AuthInfo{account: {Token: token.Status.Token}}
	for _, c := range config.Contexts {
		c.AuthInfo = account
	}
	s.secrets = append(s.secrets, token.Status.Token)
	path := filepath.Join(s.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		s.Fatal(err)
	}
	return fmt.Sprintf("system:serviceaccount:default:%s", account), path
}

// crashed waits until the shop's container has crashed and is held back.
func (s *scene) crashed() {
	s.Helper()
	s.eventually("the container crashes", func() bool {
		pods, err := s.Client.CoreV1().Pods(s.app).List(s.Context(), metav1.ListOptions{})
		if err != nil {
			s.Fatal(err)
		}
		for _, p := range pods.Items {
			for _, c := range p.Status.ContainerStatuses {
				if w := c.State.Waiting; w != nil && w.Reason == "CrashLoopBackOff" {
					return true
				}
			}
		}
		return false
	})
}
