package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// Live compares plaintext with the Secrets that the controller unsealed.
type Live struct {
	core rest.Interface
	seen map[string]*pair
}

// Live starts a comparison that asks for each object once.
func (c *Cluster) Live() *Live { return &Live{core: c.Core, seen: map[string]*pair{}} }

// pair is a SealedSecret and the Secret made of it; nil data when it proves
// nothing, and then why.
type pair struct {
	sealed map[string]string
	data   map[string][]byte
	why    string
	absent bool // there is no SealedSecret
}

// Proves reports whether the live SealedSecret holds this ciphertext, is
// unsealed in its newest generation, and the Secret that it owns has the value.
func (l *Live) Proves(ctx context.Context, namespace, name, key, ciphertext string, value []byte) (bool, error) {
	p, err := l.pair(ctx, namespace, name)
	if err != nil {
		return false, err
	}
	have, ok := p.data[key]
	return ok && p.sealed[key] == ciphertext && bytes.Equal(have, value), nil
}

// Why says what stands between the sealed file and its Secret in the cluster; empty
// when the controller has unsealed it in its newest generation.
func (l *Live) Why(ctx context.Context, namespace, name string) (string, error) {
	p, err := l.pair(ctx, namespace, name)
	if err != nil {
		return "", err
	}
	return p.why, nil
}

// Exists reports whether there is such a SealedSecret.
func (l *Live) Exists(ctx context.Context, namespace, name string) (bool, error) {
	p, err := l.pair(ctx, namespace, name)
	return err == nil && !p.absent, err
}

func (l *Live) pair(ctx context.Context, namespace, name string) (*pair, error) {
	id := namespace + "/" + name
	if p := l.seen[id]; p != nil {
		return p, nil
	}
	p, err := l.load(ctx, namespace, name)
	if err == nil {
		l.seen[id] = p
	}
	return p, err
}

// answerTime bounds one question: the proof is a convenience, not worth a long wait.
const answerTime = 10 * time.Second

func (l *Live) load(ctx context.Context, namespace, name string) (*pair, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	raw, err := l.core.Get().
		AbsPath("/apis/bitnami.com/v1alpha1/namespaces", namespace, "sealedsecrets", name).DoRaw(ctx)
	if apierrors.IsNotFound(err) {
		return &pair{why: "the SealedSecret is not in the cluster", absent: true}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("sealedsecret %s/%s: %w", namespace, name, err)
	}
	var s struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
		Spec     struct {
			EncryptedData map[string]string `json:"encryptedData"`
		} `json:"spec"`
		Status struct {
			ObservedGeneration int64 `json:"observedGeneration"`
			Conditions         []struct{ Type, Status, Message string }
		} `json:"status"`
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("sealedsecret %s/%s: %w", namespace, name, err)
	}
	synced, problem := false, "the controller has not looked at the SealedSecret yet"
	for _, c := range s.Status.Conditions {
		if c.Type == "Synced" {
			synced, problem = c.Status == "True", "the controller cannot unseal it: "+c.Message
		}
	}
	switch {
	case s.Status.ObservedGeneration != s.Metadata.Generation:
		return &pair{why: "the controller has not looked at the newest SealedSecret yet"}, nil
	case !synced:
		return &pair{why: problem}, nil
	}
	var secret corev1.Secret
	err = l.core.Get().Namespace(namespace).Resource("secrets").Name(name).Do(ctx).Into(&secret)
	if apierrors.IsNotFound(err) {
		return &pair{why: "the SealedSecret is unsealed and its Secret is gone"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("secret %s/%s: %w", namespace, name, err)
	}
	if !metav1.IsControlledBy(&secret, &s.Metadata) {
		return &pair{why: "a Secret of this name is in the cluster that no SealedSecret owns; annotate it with sealedsecrets.bitnami.com/managed=true to hand it over"}, nil
	}
	return &pair{sealed: s.Spec.EncryptedData, data: secret.Data}, nil
}
