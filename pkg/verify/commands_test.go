package verify_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/verify"
)

// Commands are for the cluster that was looked at, call targets as they are called here,
// and have Argo CD's name where Argo CD is asked and the folder's where the repository is.
func TestCommands(t *testing.T) {
	s := shop()
	s.Kubectl, s.Command, s.Display, s.Argo.Name = "kubectl --context prod", "go tool mage", "prod-shop", "prod-shop"
	x := s.State.In("shop")
	x.Secrets = append(x.Secrets, cluster.NewSecret(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "by-hand"}}))
	s.Sealed[0].State, s.Argo.Sync = report.Changed, "OutOfSync"
	s.Argo.Resources[0].Sync = "OutOfSync"
	got := verify.Chain(t.Context(), s)
	said, err := json.Marshal(got)
	if err != nil || got.Application != "prod-shop" {
		t.Errorf("%v, the chain of %s", err, got.Application)
	}
	for _, want := range []string{"`kubectl --context prod -n shop delete secret by-hand`", "`go tool mage seal:app shop`", "`go tool mage gitops:sync prod-shop`", "`go tool mage gitops:diff prod-shop`"} {
		if !strings.Contains(string(said), want) {
			t.Errorf("nothing says %s:\n%s", want, said)
		}
	}
	for _, no := range []string{"`mage", "`kubectl -n", "seal:app prod-shop", "gitops:sync shop"} {
		if strings.Contains(string(said), no) {
			t.Errorf("something says %s:\n%s", no, said)
		}
	}
}

// What would delete data is no command, and neither is what would delete it along.
func TestStraysWithData(t *testing.T) {
	for _, kind := range []string{"Cluster", "PersistentVolumeClaim", "Namespace"} {
		s := shop()
		s.Argo.Sync = "OutOfSync"
		s.Argo.Resources = append(s.Argo.Resources,
			diagnose.Resource{Group: "x", Kind: kind, Namespace: "shop", Name: "data", Sync: "OutOfSync", NeedsPruning: true},
			diagnose.Resource{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "old", Sync: "OutOfSync", NeedsPruning: true})
		strays := verify.Chain(t.Context(), s).Strays
		if len(strays) != 2 || strings.Contains(strays[0].Fix, "`") || !strings.Contains(strays[0].Fix, "data") {
			t.Fatalf("%s: %+v", kind, strays)
		}
		if strings.Contains(strays[1].Fix, "-prune`") || !strings.Contains(strays[1].Fix, "`kubectl -n shop delete deployment.apps old`") {
			t.Errorf("beside a %s: %+v", kind, strays[1])
		}
	}
}

// A SealedSecret of no file of the repository cannot be mended there, and nothing that the
// application has is broken by it.
func TestStraySealedIsNoCause(t *testing.T) {
	s := shop()
	x := s.State.In("shop")
	x.SealedSecrets = append(x.SealedSecrets, cluster.SealedSecret{
		Meta: cluster.Meta{Namespace: "shop", Name: "by-hand", UID: "hand", Generation: 1}, Observed: 1, Synced: "False", Message: "no key could decrypt secret (password)",
	})
	got := verify.Chain(t.Context(), s)
	if len(got.Causes) > 0 || len(got.Strays) != 1 || got.Strays[0].Object != "SealedSecret shop/by-hand" || !strings.Contains(got.Strays[0].Message, "no key could decrypt") {
		t.Errorf("state %s, causes %+v, strays %+v", got.State, got.Causes, got.Strays)
	}
}

// thrifty counts who asks more than whether the chart renders an object.
type thrifty struct {
	everywhere
	asked *[]string
}

func (thrifty) Has(_, name string) bool { return name == "rendered" }

func (o thrifty) Find(kind, name string) diagnose.Origin {
	*o.asked = append(*o.asked, name)
	return o.everywhere.Find(kind, name)
}

// Of what is made by hand in a namespace nobody is asked why the chart does not render it.
func TestStraysAreCheap(t *testing.T) {
	s := shop()
	x := s.State.In("shop")
	for _, name := range []string{"by-hand", "rendered"} {
		x.Secrets = append(x.Secrets, cluster.NewSecret(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}))
	}
	var asked []string
	s.Origins = thrifty{asked: &asked}
	got := verify.Chain(t.Context(), s)
	if len(got.Strays) != 1 || got.Strays[0].Object != "Secret shop/by-hand" || slices.Contains(asked, "by-hand") {
		t.Errorf("strays %v, asked for %v", got.Strays, asked)
	}
}
