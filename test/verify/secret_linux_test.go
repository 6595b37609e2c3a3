package verify

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"time"
)

const (
	sealed    = "templates/sealed-shop-secrets.yaml"
	plaintext = "local-secrets/shop-secrets.yaml"
)

// secretScenarios follow a Secret from the plaintext to the cluster.
func secretScenarios() []scenario {
	return []scenario{
		{
			name: "secret-unsealed", reason: "the contract names it, the plaintext is here, and nobody has sealed it",
			arrange: func(s *scene) { s.remove(sealed); s.ship() },
			rule:    "secret-not-sealed", fix: "mage seal:app secret-unsealed",
		},
		{
			name: "secret-uncommitted", reason: "it is sealed, and not committed",
			arrange: func(s *scene) {
				text := s.read(sealed)
				s.remove(sealed)
				s.ship()
				s.write(sealed, text)
			},
			rule: "secret-not-committed", fix: "mage gitops:ship secret-uncommitted",
		},
		{
			name: "secret-misspelt", reason: "the Deployment wants one whose name is a letter off",
			arrange: func(s *scene) {
				s.edit("templates/deployment.yaml", "name: shop-secrets", "name: shop-secret")
				s.ship()
			},
			rule: "secret-misspelt", fix: "shop-secrets",
		},
		{
			name: "secret-key", reason: "the Deployment wants a key that it does not have",
			arrange: func(s *scene) {
				s.edit("templates/deployment.yaml", "key: password", "key: passwort")
				s.ship()
			},
			rule: "secret-key", fix: "password",
		},
		{
			name: "secret-other-namespace", reason: "the sealed file was copied from another namespace",
			arrange: func(s *scene) {
				text := s.read(plaintext)
				s.remove(sealed)
				s.write(plaintext, strings.Replace(text, "namespace: "+s.app, "namespace: shop-old", 1))
				s.seal()
				s.write(plaintext, text)
				s.write(sealed, strings.Replace(s.read(sealed), "namespace: shop-old", "namespace: "+s.app, 1))
				s.ship()
			},
			rule: "sealed-for-other-namespace", fix: "mage seal:app",
		},
		{
			name: "secret-plaintext-namespace", reason: "the plaintext is for another namespace, and only the sealed file was corrected",
			arrange: func(s *scene) {
				text := s.read(plaintext)
				s.remove(sealed)
				s.write(plaintext, strings.Replace(text, "namespace: "+s.app, "namespace: shop-old", 1))
				s.seal()
				s.write(sealed, strings.Replace(s.read(sealed), "namespace: shop-old", "namespace: "+s.app, 1))
				s.ship()
			},
			rule: "sealed-for-other-namespace", fix: "local-secrets/shop-secrets.yaml:5",
		},
		{
			name: "secret-copied", reason: "the same, and nothing in the file says so",
			arrange: func(s *scene) {
				text := s.read(plaintext)
				s.remove(sealed)
				s.write(plaintext, strings.Replace(text, "namespace: "+s.app, "namespace: shop-old", 1))
				s.seal()
				s.write(plaintext, text)
				s.write(sealed, strings.ReplaceAll(s.read(sealed), "namespace: shop-old", "namespace: "+s.app))
				s.ship()
			},
			rule: "sealed-for-other-namespace", fix: "mage seal:app",
		},
		{
			name: "secret-other-cluster", reason: "it was sealed with the certificate of another cluster",
			arrange: func(s *scene) {
				other := s.certificate()
				s.remove(sealed)
				s.sh(healthy, "mage seal:cert -accept -cert="+other)
				s.sh(healthy, "mage seal:app "+s.app+" -cert="+other)
				s.ship()
			},
			rule: "sealed-for-other-certificate", fix: "mage seal:cert -accept",
		},
		{
			name: "secret-unmanaged", reason: "somebody made the Secret by hand before, so the controller leaves it alone",
			arrange: func(s *scene) {
				s.namespace(nil)
				s.sh(healthy, "kubectl -n "+s.app+" create secret generic shop-secrets --from-literal=passwort=x")
				s.ship()
			},
			rule: "secret-unmanaged", fix: "sealedsecrets.bitnami.com/managed",
		},
		{
			name: "secret-presync", reason: "a hook of an earlier phase waits for a Secret that comes in a later one",
			arrange: func(s *scene) {
				s.write("templates/migrate.yaml", strings.ReplaceAll(migration, "PHASE", "PreSync"))
				s.ship()
			},
			rule: "secret-hook", fix: "templates/migrate.yaml:6",
		},
		{
			name: "secret-volume", reason: "a mounted Secret, not only an environment",
			arrange: func(s *scene) {
				s.edit("templates/deployment.yaml", "      volumes:\n", "      volumes:\n        - name: keys\n          secret:\n            secretName: shop-secretz\n")
				s.edit("templates/deployment.yaml", "          volumeMounts:\n", "          volumeMounts:\n            - name: keys\n              mountPath: /etc/keys\n")
				s.ship()
			},
			rule: "secret-misspelt", fix: "shop-secrets",
		},
	}
}

// migration is a Job that needs the Secret.
const migration = `apiVersion: batch/v1
kind: Job
metadata:
  name: shop-migrate
  annotations:
    argocd.argoproj.io/hook: PHASE
    argocd.argoproj.io/hook-delete-policy: BeforeHookCreation
    argocd.argoproj.io/sync-wave: "1"
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: pretend.test/shop:1.0.0
          args:
            - print migrating
          env:
            - name: PASSWORD
              valueFrom:
                secretKeyRef:
                  name: shop-secrets
                  key: password
`

// certificate is one that the controller does not have, as a file.
func (s *scene) certificate() string {
	s.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		s.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "other"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		s.Fatal(err)
	}
	path := filepath.Join(s.TempDir(), "other.pem")
	s.file(path, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return path
}
