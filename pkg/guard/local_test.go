package guard

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/git/gittest"
	"github.com/sealway/sealway/pkg/repo"
)

// TestLocalValues takes what is secret, and leaves what is not.
func TestLocalValues(t *testing.T) {
	r := gittest.New(t)
	r.Write("applications/shop/secrets.yaml", `secrets:
  - name: db
    keys:
      username: {value: shopkeeper}
      region: {generate: password}
      password: {generate: password}
`)
	r.Write("applications/shop/local-secrets/db.yaml", `apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop-space}
stringData:
  username: shopkeeper   # fixed in the contract
  region: random-by-contract
  password: "  correct horse battery\n"
  short: hunter2
  todo: CHANGEME
  space: shop-space
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Secret
  metadata: {name: other}
  data: {key: Y29ycmVjdCBob3JzZSBiYXR0ZXJ5, token: c2Vjb25kLXZhbHVl, username: cG9zdGdyZXM=}
  stringData: {host: db.shop.svc, base_url: "http://db.shop.svc:80", url: "postgres://u:third-value`+"@"+`db/x"}
`)
	r.Write("applications/shop/local-secrets/.env", "# x\nexport API_KEY='fourth-value'\nDB_HOST=db.example.com\n")
	r.Write("applications/shop/local-secrets/deep/password.txt", "fifth-value\n")
	r.Write("applications/shop/local-secrets/broken.yaml", "a: [\n")
	r.Write("applications/empty/Chart.yaml", "name: empty\n")
	repository, err := repo.New(open(t, r.Dir), repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	values, warnings, err := LocalValues(t.Context(), repository)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range values {
		got = append(got, fmt.Sprintf("%s: %s: %s", v.Object, v.Key, v.Text))
	}
	slices.Sort(got)
	want := []string{
		`Secret other: token: second-value`,
		`Secret other: url: postgres://u:third-value` + "@db/x",
		`Secret shop-space/db: password: correct horse battery`,
		`Secret shop-space/db: region: random-by-contract`,
		`file applications/shop/local-secrets/.env: API_KEY: fourth-value`,
		`file applications/shop/local-secrets/deep/password.txt: : fifth-value`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "applications/shop/local-secrets/broken.yaml: ") {
		t.Errorf("warnings %q", warnings)
	}
}

// TestLocalValuesElsewhere is quiet where there are no applications.
func TestLocalValuesElsewhere(t *testing.T) {
	repository, err := repo.New(open(t, gittest.New(t).Dir), repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if values, warnings, err := LocalValues(t.Context(), repository); err != nil || len(values)+len(warnings) > 0 {
		t.Errorf("%v, %v, %v", values, warnings, err)
	}
}

// TestLocalValuesOfWorkTrees takes the values of each work tree in each: the linked
// one has no plaintext of its own. What cannot be read in another is a warning.
func TestLocalValuesOfWorkTrees(t *testing.T) {
	r := gittest.New(t)
	r.Commit("applications/shop/Chart.yaml", "name: shop\n")
	r.Write("applications/shop/local-secrets/password.txt", "first-value\n")
	r.Write("applications/late/local-secrets/broken.yaml", "a: [\n")
	linked := t.TempDir()
	r.Git("worktree", "add", "--quiet", "-b", "topic", linked)
	gittest.At(t, linked).Write("applications/shop/local-secrets/token.txt", "second-value\n")
	for _, dir := range []string{r.Dir, linked} {
		repository, err := repo.New(open(t, dir), repo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		values, warnings, err := LocalValues(t.Context(), repository)
		if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "applications/late/local-secrets/broken.yaml: ") {
			t.Fatalf("%q, %v", warnings, err)
		}
		var got []string
		for _, v := range values {
			got = append(got, string(v.Text))
		}
		slices.Sort(got)
		if diff := cmp.Diff([]string{"first-value", "second-value"}, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}
