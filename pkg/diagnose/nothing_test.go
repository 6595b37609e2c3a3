package diagnose

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/cluster"
)

// TestNothingKnown: from what could not be seen nothing is concluded.
func TestNothingKnown(t *testing.T) {
	w := newWorld()
	w.in.State = &cluster.State{}
	w.in.Argo = nil
	for _, in := range []Input{{}, {State: &cluster.State{}}, w.in, {Argo: &Argo{Unseen: "not allowed"}}} {
		for _, c := range Diagnose(t.Context(), in) {
			t.Errorf("%s: %s: %s", c.Rule, c.Object, c.Message)
		}
	}
}

// TestUnseenIsNotAbsent: a kind that may not be listed is not missing.
func TestUnseenIsNotAbsent(t *testing.T) {
	w := newWorld()
	w.pending("web-2-abc").CreationTimestamp = ago(0)
	w.space.ConfigMaps, w.space.Secrets, w.space.ServiceAccounts, w.space.SealedSecrets = nil, nil, nil, nil
	for _, k := range []string{"ConfigMap", "Secret", "ServiceAccount", "SealedSecret"} {
		w.space.Unseen[k] = "not allowed to list " + k + "s"
	}
	for _, c := range w.diagnose(t) {
		t.Errorf("%s: %s: %s", c.Rule, c.Object, c.Message)
	}
}

// TestCallersMask: what the caller calls secret is taken out, too.
func TestCallersMask(t *testing.T) {
	w := newWorld()
	w.crashes("web-2-abc", 1, "Error", "the local word is swordfish")
	w.in.Mask = func(s string) string {
		if s == "the local word is swordfish" {
			return "the local word is ***"
		}
		return s
	}
	c := w.diagnose(t)[0]
	if c.Evidence[len(c.Evidence)-1] != "the local word is ***" {
		t.Errorf("evidence %q", c.Evidence)
	}
}

func TestNear(t *testing.T) {
	for _, c := range []struct{ reason, name, candidate, want string }{
		{"one letter less", "litellm-confg", "litellm-config", "litellm-config"},
		{"two letters swapped", "litellm-ocnfig", "litellm-config", "litellm-config"},
		{"another number", "app-1", "app-2", ""},
		{"another name", "litellm-config", "openwebui-config", ""},
		{"too short to tell", "a", "b", ""},
		{"short, two letters", "data", "dote", ""},
		{"the same", "data", "data", ""},
	} {
		if got := near(c.name, []string{c.candidate}, nil); got != c.want {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
	if near("tls-a", []string{"tls-b"}, []string{"tls-b"}) != "" {
		t.Error("a name that is in use beside it is meant as it is")
	}
	if near("shop-conifg", []string{"shop-config"}, []string{"shop-config"}) != "shop-config" {
		t.Error("a slip in a long word is one although the right name is in use beside it")
	}
}

func TestTelling(t *testing.T) {
	long := "couldn't find key password in Secret shop/shop-secrets"
	for _, c := range []struct {
		reason, message string
		evidence, want  []string
	}{
		{"an event and a status say the same", "", []string{"Failed: Error: " + long, "CreateContainerConfigError: " + long}, []string{"Failed: Error: " + long}},
		{"one says more than the other", "", []string{"Synced=False: " + long, "ErrUnsealFailed: Failed to unseal: " + long}, []string{"ErrUnsealFailed: Failed to unseal: " + long}},
		{"the message says it", "it cannot start: " + long, []string{"Failed: " + long}, nil},
		{"that it is tried again says nothing", "", []string{"Failed: Error: ErrImagePull", "Failed: Error: ImagePullBackOff"}, nil},
		{"short words are kept", "exit code 1: no", []string{"Error: no"}, []string{"Error: no"}},
	} {
		if diff := cmp.Diff(c.want, telling(c.message, c.evidence)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.reason, diff)
		}
	}
}

// TestLog: all of a log's last lines are told, in their order.
func TestLog(t *testing.T) {
	w := newWorld()
	log := make([]string, 30)
	for i := range log {
		log[i] = fmt.Sprintf("line %d", i)
	}
	w.crashes("web-2-abc", 1, "Error", log...)
	got := w.diagnose(t)[0].Evidence
	if want := append([]string{"container web ended with exit code 1, restarted 8 times"}, log[10:]...); cmp.Diff(want, got) != "" {
		t.Error(cmp.Diff(want, got))
	}
}

// TestNobodysSealedSecret: what somebody has put into the namespace breaks nothing, unless
// a Pod needs it.
func TestNobodysSealedSecret(t *testing.T) {
	w := newWorld()
	s := w.space.SealedSecrets[0]
	s.Name, s.Synced, s.Message = "by-hand", "False", "no key could decrypt secret (API_KEY)"
	w.space.SealedSecrets = append(w.space.SealedSecrets, s)
	if causes := w.diagnose(t); len(causes) > 0 {
		t.Errorf("causes %+v", causes)
	}
	w.pending("web-2-abc").Spec.Containers[0].Env[0].ValueFrom.SecretKeyRef.Name = "by-hand"
	if causes := w.diagnose(t); len(causes) == 0 || causes[0].Object != "SealedSecret shop/by-hand" {
		t.Errorf("causes %+v", causes)
	}
}
