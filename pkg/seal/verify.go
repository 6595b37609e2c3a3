package seal

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bitnami-labs/sealed-secrets/pkg/crypto"
	"golang.org/x/time/rate"

	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
)

// RuleUndecryptable is the finding of Verify.
const RuleUndecryptable = "sealed-undecryptable"

// Verifier asks the controller about one SealedSecret, given as JSON.
type Verifier interface {
	// Verify returns an error when the controller cannot decrypt it; one that
	// has Unavailable() true when it did not answer.
	Verify(ctx context.Context, sealedSecret []byte) error
}

// The controller takes two requests a second and a burst of two
// (--rate-limit, --rate-limit-burst).
const (
	verifyInterval = 500 * time.Millisecond
	verifyBurst    = 2
)

// Verify has the controller decrypt every sealed file, paced to its rate limit.
// progress is called after each one.
func Verify(ctx context.Context, r *repo.Repository, apps []repo.Application, v Verifier, progress func(done, total int, s *manifest.Sealed)) ([]report.Finding, int, error) {
	l := loader{repo: r}
	loaded, err := l.load(ctx, apps)
	if err != nil {
		return nil, 0, err
	}
	var all []*manifest.Sealed
	for i := range loaded {
		for j := range loaded[i].sealed {
			for k := range loaded[i].sealed[j].objects {
				all = append(all, &loaded[i].sealed[j].objects[k])
			}
		}
	}
	pace := rate.NewLimiter(rate.Every(verifyInterval), verifyBurst)
	var findings []report.Finding
	for i, s := range all {
		if err := pace.Wait(ctx); err != nil {
			return findings, i, fmt.Errorf("verified %d of %d: %w", i, len(all), err)
		}
		if err := v.Verify(ctx, bare(s)); err != nil {
			var u interface{ Unavailable() bool }
			if errors.As(err, &u) && u.Unavailable() {
				return findings, i, fmt.Errorf("verified %d of %d: %w", i, len(all), err)
			}
			findings = append(findings, report.Finding{Rule: RuleUndecryptable, Path: s.Path, Line: s.Line, Object: s.Object(), Message: err.Error(),
				Fix: "sealed for another cluster, namespace or name, or edited: `mage seal:cert` tells whether the pin is this cluster's; if not, `mage seal:cert -accept`; then `mage seal:all` where the plaintext is"})
		}
		progress(i+1, len(all), s)
	}
	return findings, len(all), nil
}

// Opens asks whether the controller holds the key of a certificate, now or from earlier:
// it decrypts a SealedSecret that is made for the question and kept nowhere. The error
// is Verify's of the Verifier.
func Opens(ctx context.Context, v Verifier, c *Certificate) error {
	id := identity{namespace: "sealway", name: "question", scope: repo.ScopeStrict}
	text, err := crypto.HybridEncrypt(rand.Reader, c.Key, []byte("question"), id.label())
	if err != nil {
		return fmt.Errorf("certificate %s: encrypt: %w", c.Fingerprint, err)
	}
	return v.Verify(ctx, bare(&manifest.Sealed{Name: id.name, Namespace: id.namespace,
		Items: []manifest.SealedItem{{Key: "question", Ciphertext: base64.StdEncoding.EncodeToString(text)}}}))
}

// bare is the SealedSecret without its template's data, which is no business of
// the decryption (sealed-secrets#2019).
func bare(s *manifest.Sealed) []byte {
	items := map[string]string{}
	for _, it := range s.Items {
		items[it.Key] = it.Ciphertext
	}
	out, _ := json.Marshal(manifest.Mapping{ // strings alone: cannot fail
		"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
		"metadata": metadata(s.Name, s.Namespace, nil, s.Annotations),
		"spec":     manifest.Mapping{"encryptedData": items, "template": manifest.Mapping{"metadata": metadata(s.Name, s.Namespace, nil, s.Template.Annotations)}},
	})
	return out
}
