package scripttest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bitnami-labs/sealed-secrets/pkg/apis/sealedsecrets/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/sealway/sealway/pkg/manifest"
)

const keyBits = 2048 // quick to make; the controller's have 4096

// keys are the throw-away keys of the process: one for each file name, so that
// two names are two controllers.
var keys struct {
	mu   sync.Mutex
	rsa  map[string]*rsa.PrivateKey // file name -> key
	cert map[string][]byte          // file name and kind -> PEM
}

func certificate(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1 || len(args) == 2, "cert FILE [soon|expired|future|ec]")
	kind := strings.Join(args[1:], "")
	name := filepath.Base(args[0])
	keys.mu.Lock()
	defer keys.mu.Unlock()
	if keys.rsa == nil {
		keys.rsa, keys.cert = map[string]*rsa.PrivateKey{}, map[string][]byte{}
	}
	key := keys.rsa[name]
	if key == nil {
		var err error
		key, err = rsa.GenerateKey(rand.Reader, keyBits)
		ts.Check(err)
		keys.rsa[name] = key
	}
	text := keys.cert[name+" "+kind]
	if text == nil {
		var err error
		text, err = selfSigned(key, kind)
		ts.Check(err)
		keys.cert[name+" "+kind] = text
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
}

func selfSigned(key *rsa.PrivateKey, kind string) ([]byte, error) {
	const day = 24 * time.Hour
	from, to := -day, 3650*day
	switch kind {
	case "", "ec":
	case "soon":
		to = 10*day + time.Hour
	case "expired":
		from, to = -30*day, -3*day-time.Hour
	case "future":
		from = 2 * day
	default:
		return nil, fmt.Errorf("unknown kind of certificate %q", kind)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "test"},
		NotBefore: now.Add(from), NotAfter: now.Add(to), KeyUsage: x509.KeyUsageDataEncipherment,
	}
	var public, private any = key.Public(), key
	if kind == "ec" {
		ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		public, private = ec.Public(), ec
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

// controllerKeys are all keys in the controller's form: it tries each of them.
func controllerKeys() map[string]*rsa.PrivateKey {
	keys.mu.Lock()
	defer keys.mu.Unlock()
	return maps.Clone(keys.rsa)
}

// open decrypts every SealedSecret of a file with the controller's own code.
func open(ts *testscript.TestScript, file string) []*corev1.Secret {
	var out []*corev1.Secret
	for doc := range strings.SplitSeq("\n"+ts.ReadFile(file), "\n---\n") {
		var s v1alpha1.SealedSecret
		ts.Check(sigsyaml.Unmarshal([]byte(doc), &s))
		if s.Kind != "SealedSecret" {
			continue
		}
		secret, err := s.Unseal(scheme.Codecs, controllerKeys())
		if err != nil {
			ts.Fatalf("%s: SealedSecret %s/%s: %v", file, s.Namespace, s.Name, err)
		}
		out = append(out, secret)
	}
	if len(out) == 0 {
		ts.Fatalf("%s: no SealedSecret", file)
	}
	return out
}

func unseal(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1 || len(args) == 2, "unseal FILE [NAME]")
	for _, s := range open(ts, args[0]) {
		if len(args) == 2 && s.Name != args[1] {
			continue
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s/%s %s\n", s.Namespace, s.Name, s.Type)
		if s.Immutable != nil {
			fmt.Fprintf(&b, "immutable %v\n", *s.Immutable)
		}
		for what, m := range map[string]map[string]string{"label": s.Labels, "annotation": s.Annotations} {
			for _, k := range slices.Sorted(maps.Keys(m)) {
				fmt.Fprintf(&b, "%s %s=%s\n", what, k, m[k])
			}
		}
		for _, k := range slices.Sorted(maps.Keys(s.Data)) {
			fmt.Fprintf(&b, "%s=%s\n", k, s.Data[k])
		}
		fmt.Fprint(ts.Stdout(), b.String())
	}
}

// unseals compares with the plaintext, which may hold other Secrets, too.
func unseals(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "unseals FILE PLAINTEXT")
	plain, err := manifest.ReadSecrets(args[1], []byte(ts.ReadFile(args[1])))
	ts.Check(err)
	for _, got := range open(ts, args[0]) {
		i := slices.IndexFunc(plain, func(s manifest.Secret) bool { return s.Name == got.Name && s.Namespace == got.Namespace })
		if i < 0 {
			ts.Fatalf("%s: no Secret %s/%s", args[1], got.Namespace, got.Name)
		}
		want := map[string][]byte{}
		for _, it := range plain[i].Items {
			want[it.Key] = it.Value
		}
		if d := cmp.Diff(want, got.Data); d != "" {
			ts.Fatalf("%s: Secret %s/%s (-plaintext +unsealed):\n%s", args[0], got.Namespace, got.Name, d)
		}
		if got.Type != plain[i].Type {
			ts.Fatalf("%s: Secret %s/%s: type %q, want %q", args[0], got.Namespace, got.Name, got.Type, plain[i].Type)
		}
	}
}

// tamper changes one character in the middle of a ciphertext: still base64.
func tamper(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "tamper FILE KEY")
	data := []byte(ts.ReadFile(args[0]))
	at := bytes.Index(data, []byte(" "+args[1]+": "))
	if at < 0 {
		ts.Fatalf("%s: no key %q", args[0], args[1])
	}
	at += len(args[1]) + 3 + 200
	if data[at] == 'A' {
		data[at] = 'B'
	} else {
		data[at] = 'A'
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
}
