package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// authority signs the certificates of one sandbox. Its key is never written.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
}

// pair is a certificate and its key, PEM.
type pair struct{ cert, key []byte }

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := certificateTemplate(pkix.Name{CommonName: "sealway sandbox"})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{key: key, cert: cert, pem: encodePEM("CERTIFICATE", der)}, nil
}

// client signs a certificate for a user of the API.
func (a *authority) client(user string, groups ...string) (pair, error) {
	template := certificateTemplate(pkix.Name{CommonName: user, Organization: groups})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.sign(template)
}

// server signs a certificate for whatever listens on the loopback interface.
func (a *authority) server() (pair, error) {
	template := certificateTemplate(pkix.Name{CommonName: "localhost"})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	return a.sign(template)
}

func (a *authority) sign(template *x509.Certificate) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return pair{}, err
	}
	keyPEM, err := encodeKey(key)
	return pair{cert: encodePEM("CERTIFICATE", der), key: keyPEM}, err
}

func certificateTemplate(subject pkix.Name) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

// encodeKey uses the one encoding from which Kubernetes also reads the public
// key.
func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return encodePEM("EC PRIVATE KEY", der), err
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// user is somebody who may use the API, and the kubeconfig that proves it.
type user struct {
	kubeconfig string
	name       string
	groups     []string
	namespace  string
}

// users are the administrator and the servers that use the API. The kubelet and
// the scheduler have the permissions that they have in any cluster. The
// controller manager may do all: in other clusters each of its controllers uses
// a service account of its own, which takes a while to set up. So may Argo CD,
// whose controller may everywhere.
func (l layout) users() []user {
	return []user{
		{l.kubeconfig(), "sandbox-admin", []string{"system:masters"}, ""},
		{l.config(controllerManager), "system:kube-controller-manager", []string{"system:masters"}, ""},
		{l.config(scheduler), "system:kube-scheduler", nil, ""},
		{l.config(kubelet), "system:node:" + kubeletNode, []string{"system:nodes"}, ""},
		{l.config(kwok), "kwok", []string{"system:masters"}, ""},
		{l.config(argocd), "argocd", []string{"system:masters"}, ArgoCDNamespace},
	}
}

// writePKI makes all keys, certificates and kubeconfigs.
func (l layout) writePKI(server string) error {
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	serving, err := ca.server()
	if err != nil {
		return err
	}
	accounts, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	accountsKey, err := encodeKey(accounts)
	if err != nil {
		return err
	}
	// As kubeadm has it: the kubelet asks the API server what the API server may.
	logs, err := ca.client("kube-apiserver-kubelet-client", "system:masters")
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		"kubelet-client.crt": logs.cert, "kubelet-client.key": logs.key,
		"ca.crt": ca.pem, "server.crt": serving.cert, "server.key": serving.key, "accounts.key": accountsKey,
	} {
		if err := os.WriteFile(l.pki(name), data, 0o600); err != nil {
			return err
		}
	}
	for _, u := range l.users() {
		if err := u.write(ca, server); err != nil {
			return err
		}
	}
	return nil
}

func (u user) write(ca *authority, server string) error {
	p, err := ca.client(u.name, u.groups...)
	if err != nil {
		return err
	}
	const name = "sealway-sandbox"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca.pem}
	config.AuthInfos[u.name] = &clientcmdapi.AuthInfo{ClientCertificateData: p.cert, ClientKeyData: p.key}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: u.name, Namespace: u.namespace}
	config.CurrentContext = name
	// It is written with mode 0600.
	return clientcmd.WriteToFile(*config, u.kubeconfig)
}
