package diagnose

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestNamesAreNotMasked: a value may be part of a name. What the cluster says is masked,
// the name of what is wrong and what to run are not.
func TestNamesAreNotMasked(t *testing.T) {
	w := newWorld()
	w.secret("shop-secrets", corev1.SecretTypeOpaque, map[string]string{"API_KEY": "store-0-kubectl", "OTHER": "store", "PASS": canary})
	w.in.Mask = func(s string) string { return strings.NewReplacer("store", "***", "delete", "***").Replace(s) }
	w.crashes("store-0", 1, "Error", "password authentication failed with "+canary)
	got := w.diagnose(t)[0]
	if got.Object != "StatefulSet shop/store" || strings.Join(got.Fix.Commands, "\n") != "kubectl -n shop delete pod store-0" {
		t.Errorf("%s: %q", got.Object, got.Fix.Commands)
	}
	if !strings.Contains(got.Fix.Text, "`kubectl -n shop delete pod store-0`") || !strings.Contains(strings.Join(got.Follows, "\n"), "Pod shop/store-0 is not ready") {
		t.Errorf("%q, %q", got.Fix.Text, got.Follows)
	}
	if all := fmt.Sprintf("%+v", got); strings.Contains(all, canary) {
		t.Error(all)
	}
}

// TestTextKeepsItsCommands: names that are spared are not taken for commands.
func TestTextKeepsItsCommands(t *testing.T) {
	w := newWorld()
	w.in.Mask = func(s string) string { return strings.NewReplacer("store", "***", "secret-subject", "***").Replace(s) }
	f := newFinder(t.Context(), w.in)
	f.add("crash", finding{object: "StatefulSet shop/store", fix: fix("look at store and store-1", "git commit -m 'shop: correct secret-subject' -- store", "kubectl delete pod store")})
	got := f.causes()[0].Fix.Text
	want := "look at store and ***-1; then `git commit -m 'shop: correct ***' -- store`, `kubectl delete pod store`"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestURLIsMasked: the name of an object inside of a value does not tear it apart.
func TestURLIsMasked(t *testing.T) {
	w := newWorld()
	url := "postgresql://shop:" + "x9-plain@store:5432/shop"
	w.secret("shop-secrets", corev1.SecretTypeOpaque, map[string]string{"API_KEY": url, "OTHER": "store"})
	w.crashes("store-0", 1, "Error", "cannot use "+url)
	if all := fmt.Sprintf("%+v", w.diagnose(t)); strings.Contains(all, "x9-plain") {
		t.Error(all)
	}
}
