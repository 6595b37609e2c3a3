package cluster

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const canary = "cAnArY-5f3a9c-value"

func secret(name string, data map[string]string) Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Data: map[string][]byte{}}
	for k, v := range data {
		s.Data[k] = []byte(v)
	}
	return NewSecret(s)
}

// TestSecretIsNotPrintable: no way of printing or encoding whatever holds a Secret
// comes to its values.
func TestSecretIsNotPrintable(t *testing.T) {
	s := secret("db", map[string]string{"password": canary})
	state := &State{Spaces: map[string]*Space{"shop": {Name: "shop", Secrets: []Secret{s}}}}
	hidden := struct{ inner Space }{*state.Spaces["shop"]}
	m := state.Masker()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, what := range []any{s, &s, state, *state.Spaces["shop"], hidden, m, *m} {
			text := fmt.Sprintf(verb, what)
			for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%d", []byte(canary))} {
				if strings.Contains(text, form) {
					t.Errorf("%s of a %T prints the value", verb, what)
				}
			}
		}
	}
	out, err := json.Marshal(state)
	if err != nil || strings.Contains(string(out), canary) || strings.Contains(string(out), "Y0FuQXJZ") {
		t.Errorf("JSON holds the value, or %v", err)
	}
	if !s.Test("password", func(v []byte) bool { return string(v) == canary }) || s.Test("other", func([]byte) bool { return true }) {
		t.Error("Test asks about the value of a key that is there")
	}
	if (Secret{Keys: []string{"a"}}).Test("a", func([]byte) bool { return true }) {
		t.Error("the zero Secret has no values")
	}
}

func TestMask(t *testing.T) {
	state := &State{Spaces: map[string]*Space{"shop": {Name: "shop", Secrets: []Secret{
		secret("db", map[string]string{"username": "shopper", "password": canary, "short": "abc", "ns": "shop", "token": "tok/en+1=", "public": "hello world"}),
		secret("long", map[string]string{"password": canary + "-and-more", "key": "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n", "json": `{"a":"b c"}`}),
	}}}}
	m := state.Masker("hello world")
	for _, c := range []struct{ reason, text, want string }{
		{"the value", "password " + canary + " is wrong", "password *** is wrong"},
		{"a value that begins as another one", canary + "-and-more", "***"},
		{"no secret by its key", "role shopper, abc", "role shopper, abc"},
		{"the namespace's name is no secret", "shop", "shop"},
		{"named public", "hello world", "hello world"},
		{"in a URL", "https://x/?t=tok%2Fen%2B1%3D", "https://x/?t=***"},
		{"in base64", "Y0FuQXJZLTVmM2E5Yy12YWx1ZQ==", "***"},
		{"a line of a key", "bad line hkiG9w0BAQEFAASC", "bad line ***"},
		{"in JSON", `"{\"a\":\"b c\"}"`, `"***"`},
	} {
		if got := m.Mask(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
	var none *Masker
	if none.Mask(canary) != canary || (&Masker{}).Mask(canary) != canary {
		t.Error("a masker that knows nothing changes nothing")
	}
}

// TestMaskKeepsWords: a short value that is an everyday word, or a part of the name of an
// object, leaves the sentence alone.
func TestMaskKeepsWords(t *testing.T) {
	state := &State{Spaces: map[string]*Space{"a": {Name: "a", Secrets: []Secret{
		secret("db", map[string]string{"POSTGRES_DB": "litellm-db", "SSLMODE": "verify-full", "kind": "image", "mode": "wait", "name": "litellm-main", "pin": "pw-1"}),
	}}}}
	for text, want := range map[string]string{
		"`kubectl -n a delete pod litellm-db-image-1`; it awaits images": "`kubectl -n a delete pod litellm-db-image-1`; it awaits images",
		"litellm-main uses sslmode=verify-full":                          "litellm-main uses sslmode=verify-full",
		"refused: \"pw-1\", x:pw-1@host":                                 "refused: \"***\", x:***@host",
		"pw-1":                                                           "***",
	} {
		if got := state.Masker().Mask(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestMaskParts: what is secret in a value that is a whole file, or a URL.
func TestMaskParts(t *testing.T) {
	state := &State{Spaces: map[string]*Space{"a": {Name: "a", Secrets: []Secret{
		secret("files", map[string]string{
			"config.yaml":       "general:\n  master_key: sk-1234567890\n  list: [other-key-in-list]\n  username: somebody-known\n",
			"settings.json":     `{"token":"json-token-1"}`,
			".env":              "API_KEY=\"env-key-12\"\nexport PASS=pw12\n",
			"DATABASE_URL":      "postgresql://shopper:" + "p%40ss-1@db:5432/shop",
			"replica-database":  "mysql://u:" + "pw-in-open-key@h/db",
			"jdbc":              "jdbc:postgresql://db/shop?user=shopper&password=jdbc12",
			"conninfo":          "host=database-1 user=shopper-name password=conn-pw1",
			".dockerconfigjson": `{"auths":{"ghcr.io":{"username":"robot-account","password":"docker-pw-1","auth":"cm9ib3Q6ZG9ja2VyLXB3LTE="}}}`,
		}),
	}}}}
	m := state.Masker()
	for _, secret := range []string{
		"sk-1234567890", "other-key-in-list", "json-token-1", "env-key-12", "pw12", "p%40ss-1", "p@ss-1", "pw-in-open-key", "mysql://u:" + "pw-in-open-key@h/db",
		"jdbc12", "conn-pw1", "docker-pw-1", "cm9ib3Q6ZG9ja2VyLXB3LTE=",
	} {
		if got := m.Mask("key " + secret + " invalid"); strings.Contains(got, secret) {
			t.Errorf("%q", got)
		}
	}
	const open = "somebody-known, shopper and robot-account at database-1"
	if got := m.Mask(open); got != open {
		t.Errorf("%q, want %q", got, open)
	}
}

func TestEvents(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 1, 2, 3, minute, 0, 0, time.UTC) }
	counted := event(&corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(at(1))},
		FirstTimestamp: metav1.NewTime(at(1)), LastTimestamp: metav1.NewTime(at(9)), Count: 7,
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "web", UID: "u1"}, Reason: "FailedMount", Type: "Warning",
	})
	series := event(&corev1.Event{
		ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(at(2))}, EventTime: metav1.NewMicroTime(at(2)),
		Series:         &corev1.EventSeries{Count: 4, LastObservedTime: metav1.NewMicroTime(at(8))},
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "web", UID: "u0"}, Reason: "FailedScheduling", Type: "Warning",
	})
	space := &Space{Events: []Event{counted, series, {Kind: "Pod", Name: "webby"}, {Kind: "Job", Name: "web"}}}
	space.sort()
	found := space.EventsOf("Pod", "web", "")
	if len(found) != 2 || found[0].Reason != "FailedScheduling" || found[0].Count != 4 || found[1].Count != 7 {
		t.Errorf("%+v, want both, oldest first", found)
	}
	if !found[1].First.Equal(at(1)) || !found[1].Last.Equal(at(9)) || !found[0].Last.Equal(at(8)) {
		t.Errorf("times %v", found)
	}
	if only := space.EventsOf("Pod", "web", "u1"); len(only) != 1 || !only[0].Warning() {
		t.Errorf("%+v, want those of one Pod", only)
	}
}

// TestEventsAreDiscreet: what a program has printed may hold a secret.
func TestEventsAreDiscreet(t *testing.T) {
	for _, c := range []struct{ reason, message, want string }{
		{"a command's output", "Readiness probe failed: psql: password " + canary, "Readiness probe failed"},
		{"a status", "Startup probe failed: HTTP probe failed with statuscode: 503", "Startup probe failed: HTTP probe failed with statuscode: 503"},
		{"a refused connection", `Liveness probe failed: Get "http://10.0.0.1:80/": dial tcp 10.0.0.1:80: connect: connection refused`, `Liveness probe failed: Get "http://10.0.0.1:80/": dial tcp 10.0.0.1:80: connect: connection refused`},
		{"a hook's output", `Exec lifecycle hook ([sh -c x]) for Container "a" failed - error: command 'sh' exited with 1: , message: "` + canary + `"`, `Exec lifecycle hook ([sh -c x]) for Container "a" failed - error: command 'sh' exited with 1: `},
		{"anything else", `MountVolume.SetUp failed for volume "config" : configmap "x" not found`, `MountVolume.SetUp failed for volume "config" : configmap "x" not found`},
	} {
		if diff := cmp.Diff(c.want, discreet(c.message)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.reason, diff)
		}
	}
}
