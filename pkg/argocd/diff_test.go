package argocd_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/argocd"
)

// differ gives the changes that the client makes of resources.
func differ(t *testing.T, rendered []string, items ...*v1alpha1.ResourceDiff) (d argocd.Diff, err error) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		a.managed, a.rendered = items, rendered
		d, err = a.connect(argocd.Options{}).Diff(t.Context(), "litellm")
	})
	return d, err
}

func state(kind, name, live, predicted string) *v1alpha1.ResourceDiff {
	return &v1alpha1.ResourceDiff{Kind: kind, Namespace: "litellm", Name: name, LiveState: live, TargetState: predicted, NormalizedLiveState: live, PredictedLiveState: predicted}
}

func TestDiff(t *testing.T) {
	d, err := differ(t,
		[]string{
			`{"kind":"Job","metadata":{"name":"migrate","namespace":"litellm","annotations":{"argocd.argoproj.io/hook":"PreSync,Sync"}}}`,
			`{"kind":"Job","metadata":{"name":"test","annotations":{"helm.sh/hook":"post-install,post-upgrade"}}}`,
			`{"kind":"Job","metadata":{"name":"none","annotations":{"argocd.argoproj.io/hook":"Skip"}}}`,
			`{"kind":"Service","metadata":{"name":"web"}}`,
		},
		state("Service", "web", `{"spec":{"ports":[{"port":80}]}}`, `{"spec":{"ports":[{"port":80}]}}`),
		state("ConfigMap", "new", "null", `{"data":{"a":"b"}}`),
		state("ConfigMap", "old", `{"data":{"a":"b"}}`, ""),
		state("ConfigMap", "gone", "", "null"),
		state("Deployment", "web",
			`{"metadata":{"annotations":{"example.com/a":"1"}},"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"a","image":"a:1"},{"name":"b","image":"b:1","args":["x","y"]}],"tolerations":[1,2]}}}}`,
			`{"metadata":{"annotations":{"example.com/a":"2"}},"spec":{"replicas":12345678901234567,"paused":null,"template":{"spec":{"containers":[{"name":"b","image":"b:2","args":["x"]},{"name":"c","image":"c:1"}],"tolerations":[1,2]}}}}`),
	)
	if err != nil {
		t.Fatal(err)
	}
	want := []argocd.Change{
		{Action: argocd.Create, Kind: "ConfigMap", Namespace: "litellm", Name: "new"},
		{Action: argocd.Delete, Kind: "ConfigMap", Namespace: "litellm", Name: "old"},
		{Action: argocd.Update, Kind: "Deployment", Namespace: "litellm", Name: "web", Fields: []argocd.Field{
			{Path: "metadata.annotations[example.com/a]", Before: `"1"`, After: `"2"`},
			{Path: "spec.paused", After: "null"},
			{Path: "spec.replicas", Before: "1", After: "12345678901234567"},
			{Path: "spec.template.spec.containers[name=a]", Before: `{"image":"a:1","name":"a"}`},
			{Path: "spec.template.spec.containers[name=b].args[1]", Before: `"y"`},
			{Path: "spec.template.spec.containers[name=b].image", Before: `"b:1"`, After: `"b:2"`},
			{Path: "spec.template.spec.containers[name=c]", After: `{"image":"c:1","name":"c"}`},
			{Path: "spec.template.spec.containers", Before: `"a, b"`, After: `"b, c"`},
		}},
	}
	if diff := cmp.Diff(want, d.Changes); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	hooks := []argocd.HookObject{
		{Phases: []string{"PreSync", "Sync"}, Kind: "Job", Namespace: "litellm", Name: "migrate"},
		{Phases: []string{"PostSync"}, Kind: "Job", Name: "test"},
	}
	if diff := cmp.Diff(hooks, d.Hooks); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if d.App.Revision() != commitA {
		t.Errorf("compared at %q", d.App.Revision())
	}
}

// TestDiffHidesSecrets: whatever a Secret holds, and wherever; the server masks
// data alone.
func TestDiffHidesSecrets(t *testing.T) {
	const canary = "canary-in-the-secret"
	secret := func(value, annotation string) string {
		return fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","type":"Opaque","strange":{"deep":[%q]},"metadata":{"name":"s","labels":{"app":"x%d"},"annotations":{"copy":%q,"kubectl.kubernetes.io/last-applied-configuration":%q}},"data":{"password":%q},"stringData":{"token":%q}}`,
			value, len(annotation), annotation, value, value, value)
	}
	applied := func(v string) string {
		return fmt.Sprintf(`{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":%q}}}`, v)
	}
	d, err := differ(t, nil,
		state("Secret", "s", secret(canary+"1", canary), secret(canary+"2", canary+"more")),
		state("Secret", "new", "null", secret(canary, canary)),
		state("ConfigMap", "c", applied(canary), applied(canary+"2")),
	)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v", d.Changes); strings.Contains(text, canary) {
		t.Error(text)
	}
	paths := map[string]argocd.Field{}
	for _, c := range d.Changes {
		for _, f := range c.Fields {
			paths[f.Path] = f
		}
	}
	for _, p := range []string{"data.password", "stringData.token", "strange.deep[0]", "metadata.annotations.copy"} {
		if f, ok := paths[p]; !ok || f.Before != "***" || f.After != "***" {
			t.Errorf("%s: %+v", p, f)
		}
	}
	if f := paths["metadata.labels.app"]; f.Before == "***" || f.Before == "" {
		t.Errorf("a label is no secret: %+v", f)
	}
}

func TestDiffOfAWholeSecret(t *testing.T) {
	const canary = "canary-in-the-secret"
	d, err := differ(t, nil,
		state("Secret", "s", `{"data":{"a":"`+canary+`"}}`, `[]`),
		state("Secret", "t", `{"metadata":{"labels":{"a":"b"}}}`, `{"metadata":{"labels":"`+canary+`"}}`),
	)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v", d.Changes); strings.Contains(text, canary) || len(d.Changes) != 2 {
		t.Error(text)
	}
}

func TestDiffBadAnswer(t *testing.T) {
	_, err := differ(t, nil, state("Secret", "s", `{"data":{"a":"`+canaryPassword+`"}`, `{}`))
	expect(t, err, "application litellm: diff: Secret s: the state that the server gives is not valid JSON", "", "")
}

func TestDiffOfWhatDoesNotRender(t *testing.T) {
	bubble(t, func(t *testing.T, a *argoCD) {
		a.add("litellm", nil)
		a.found = func(app *v1alpha1.Application) {
			app.Status.Conditions = []v1alpha1.ApplicationCondition{{Type: "ComparisonError", Message: "boom"}}
		}
		_, err := a.connect(argocd.Options{}).Diff(t.Context(), "litellm")
		expect(t, err, "application litellm: ComparisonError: boom", "", "")
	})
}
