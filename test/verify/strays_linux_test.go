package verify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sealway/sealway/pkg/report"
)

// TestStrays puts things into a healthy application's namespace that are not in Git,
// and changes one that is. Each is told, and gone once it is done away with as it says.
func TestStrays(t *testing.T) {
	t.Parallel()
	s := newScene(t, "strays")
	s.shipped()
	for _, c := range []struct {
		name, object, make, fix string
	}{
		{
			"a Secret by hand", "Secret strays/by-hand",
			"kubectl -n strays create secret generic by-hand --from-literal=password=" + password,
			"kubectl -n strays delete secret by-hand",
		},
		{
			"a SealedSecret by hand", "SealedSecret strays/other",
			"sed 's/name: shop-secrets/name: other/' applications/strays/local-secrets/shop-secrets.yaml > applications/strays/local-secrets/other.yaml && mage seal:app strays && " +
				"kubectl apply -f applications/strays/templates/sealed-other.yaml && rm applications/strays/templates/sealed-other.yaml applications/strays/local-secrets/other.yaml",
			"kubectl -n strays delete sealedsecret other",
		},
		{
			"a SealedSecret by hand that cannot be decrypted", "SealedSecret strays/copied",
			"sed 's/name: shop-secrets/name: copied/' applications/strays/templates/sealed-shop-secrets.yaml | kubectl apply -f -",
			"kubectl -n strays delete sealedsecret copied",
		},
		{
			"a change by hand", "ConfigMap strays/shop-config",
			`kubectl -n strays patch configmap shop-config --type=merge -p '{"data":{"shop.yaml":"changed"}}'`,
			"mage gitops:sync strays",
		},
	} {
		s.sh(healthy, c.make)
		var stray report.Stray
		var seen report.Chain
		s.within(time.Minute, c.name+" is told", func() (found bool) {
			stray, seen, found = s.stray(c.object)
			return found
		}, func() string { return pretty(seen) })
		if !strings.Contains(stray.Fix, "`"+c.fix+"`") {
			t.Errorf("%s: the fix is %q, which does not say %q", c.name, stray.Fix, c.fix)
		}
		s.sh(healthy, c.fix)
		s.eventually(c.name+" is gone", func() bool { _, _, found := s.stray(c.object); return !found })
	}
	s.sh(healthy, "mage verify:app strays -wait")
}

// stray is one that the binary tells of.
func (s *scene) stray(object string) (stray report.Stray, chain report.Chain, found bool) {
	s.Helper()
	chain = s.chain(s.start("mage verify:app "+s.app+" -json").Ends(healthy, findings, unseen))
	i := slices.IndexFunc(chain.Strays, func(stray report.Stray) bool { return stray.Object == object })
	if i < 0 {
		return stray, chain, false
	}
	return chain.Strays[i], chain, true
}
