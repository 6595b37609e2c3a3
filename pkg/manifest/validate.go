package manifest

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// failure makes an error of this Secret at a line, about a key.
type failure func(line int, key, problem, fix string) error

// validate applies the rules of the API server's Secret validation
// (k8s.io/kubernetes/pkg/apis/core/validation, ValidateSecret) and those of the types.
func (s *Secret) validate(fail failure) error {
	for _, check := range []func(failure) error{s.validateName, s.validateMetadata, s.validateItems, s.validateType} {
		if err := check(fail); err != nil {
			return err
		}
	}
	return nil
}

func (s *Secret) validateName(fail failure) error {
	if s.Name == "" {
		return fail(s.Line, "", "no metadata.name", "name the Secret; generateName cannot be sealed")
	}
	if msgs := validation.IsDNS1123Subdomain(s.Name); len(msgs) > 0 {
		return fail(s.Line, "", fmt.Sprintf("invalid metadata.name %q: %s", s.Name, msgs[0]), "")
	}
	if s.Namespace == "" {
		return fail(s.Line, "", "no metadata.namespace", "write the namespace: the ciphertext is bound to it")
	}
	if msgs := validation.IsDNS1123Label(s.Namespace); len(msgs) > 0 {
		return fail(s.Line, "", fmt.Sprintf("invalid metadata.namespace %q: %s", s.Namespace, msgs[0]), "")
	}
	return nil
}

// validateMetadata applies the API server's rules for labels and annotations.
func (s *Secret) validateMetadata(fail failure) error {
	problems := metavalidation.ValidateLabels(s.Labels, field.NewPath("metadata", "labels"))
	problems = append(problems, apivalidation.ValidateAnnotations(s.Annotations, field.NewPath("metadata", "annotations"))...)
	if len(problems) == 0 {
		return nil
	}
	return fail(s.Line, "", fmt.Sprintf("invalid %s: %s", problems[0].Field, strings.TrimSpace(problems[0].Detail)), "")
}

func (s *Secret) validateItems(fail failure) error {
	if len(s.Items) == 0 {
		return fail(s.Line, "", "neither data nor stringData has a key", "add the keys or delete the file")
	}
	size := 0
	for _, it := range s.Items {
		if msgs := validation.IsConfigMapKey(it.Key); len(msgs) > 0 {
			return fail(it.Line, it.Key, "invalid key: "+msgs[0], "")
		}
		size += len(it.Value)
	}
	if size > corev1.MaxSecretSize {
		return fail(s.Line, "", fmt.Sprintf("the values have %d bytes in all, a Secret holds at most 1 MiB (%d)", size, corev1.MaxSecretSize), "split the Secret")
	}
	return nil
}

func (s *Secret) validateType(fail failure) error {
	if slices.ContainsFunc(s.Items, func(it Item) bool { return IsPlaceholder(it.Value) }) {
		return nil // the real value decides, once it is there; sealing refuses the placeholder
	}
	switch s.Type {
	case corev1.SecretTypeBasicAuth:
		if s.Item(corev1.BasicAuthUsernameKey) == nil && s.Item(corev1.BasicAuthPasswordKey) == nil {
			return fail(s.Line, "", "type kubernetes.io/basic-auth needs the key username or password", "")
		}
	case corev1.SecretTypeSSHAuth:
		return s.need(fail, corev1.SSHAuthPrivateKey)
	case corev1.SecretTypeDockerConfigJson:
		return s.needJSON(fail, corev1.DockerConfigJsonKey)
	case corev1.SecretTypeDockercfg:
		return s.needJSON(fail, corev1.DockerConfigKey)
	case corev1.SecretTypeTLS:
		return s.needPair(fail)
	case corev1.SecretTypeServiceAccountToken:
		return fail(s.Line, "", "type kubernetes.io/service-account-token is filled in by the cluster and cannot be sealed", "use a projected token or TokenRequest")
	}
	return nil
}

func (s *Secret) need(fail failure, keys ...string) error {
	for _, k := range keys {
		if s.Item(k) == nil {
			return fail(s.Line, "", fmt.Sprintf("type %s needs the key %q", s.Type, k), "")
		}
	}
	return nil
}

func (s *Secret) needJSON(fail failure, key string) error {
	if err := s.need(fail, key); err != nil {
		return err
	}
	it := s.Item(key)
	var object map[string]any
	if json.Unmarshal(it.Value, &object) != nil {
		return fail(it.Line, key, fmt.Sprintf("type %s needs a JSON object", s.Type), "a value that is base64 twice looks like this: encode once under data, not at all under stringData")
	}
	return nil
}

func (s *Secret) needPair(fail failure) error {
	if err := s.need(fail, corev1.TLSCertKey, corev1.TLSPrivateKeyKey); err != nil {
		return err
	}
	crt, key := s.Item(corev1.TLSCertKey), s.Item(corev1.TLSPrivateKeyKey)
	if _, err := tls.X509KeyPair(crt.Value, key.Value); err != nil {
		problem := "tls.crt and tls.key are no certificate with its key in PEM"
		if strings.Contains(err.Error(), "does not match") {
			problem = "tls.key is not the key of the certificate in tls.crt"
		}
		return fail(key.Line, corev1.TLSPrivateKeyKey, problem, "put the pair that belongs together into this Secret")
	}
	return nil
}
