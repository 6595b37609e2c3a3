package sandbox

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRecipesAgreeWithTheirModules(t *testing.T) {
	main := map[Product]string{
		Kubernetes: "k8s.io/kubernetes", kubeletProduct: "k8s.io/kubernetes", Kubectl: "k8s.io/kubernetes", KWOK: "sigs.k8s.io/kwok",
		SealedSecrets: "github.com/bitnami/sealed-secrets", CloudNativePG: "github.com/cloudnative-pg/cloudnative-pg",
		ArgoCD: "github.com/argoproj/argo-cd/v2", ArgoCD3: "github.com/argoproj/argo-cd/v3", Helm: "helm.sh/helm/v3",
		redisProduct: "github.com/alicebob/miniredis/v2",
		Task:         "github.com/go-task/task/v3", supervisorProduct: "",
	}
	for product, r := range recipes() {
		t.Run(string(product), func(t *testing.T) {
			name, ok := main[product]
			if !ok {
				t.Fatal("the test does not know the product's main module")
			}
			tree, err := r.tree()
			if err != nil {
				t.Fatal(err)
			}
			if name == "" {
				return
			}
			mod := string(tree["go.mod"])
			if !strings.Contains(mod, name+" "+r.version) {
				t.Errorf("its module does not require %s %s", name, r.version)
			}
			for _, pkg := range r.programs {
				if !strings.Contains(mod, "\t"+pkg+"\n") && !strings.Contains(mod, "tool "+pkg+"\n") {
					t.Errorf("its module has no tool %s", pkg)
				}
			}
			for program, version := range r.versions {
				if !strings.Contains(mod, version) {
					t.Errorf("its module has no version %s, which %s is said to have", version, program)
				}
			}
		})
	}
}

// What a program reads from its own tree only compiles if all of it is there.
func TestSupervisorTreeCompiles(t *testing.T) {
	tree, err := supervisorTree()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range tree {
		if strings.HasSuffix(name, "_test.go") {
			t.Errorf("%s is in the tree", name)
		}
		if err := writeFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "vet", "./...")
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off", "GOPROXY=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
}

func TestPlatformIsNamed(t *testing.T) {
	all := recipes()
	for choice, argo := range map[Product][]Product{ArgoCD: {ArgoCD}, ArgoCD3: {ArgoCD3}, NoArgoCD: nil} {
		var got []Product
		for _, p := range platform(Options{ArgoCD: choice}) {
			if _, ok := all[p]; !ok {
				t.Errorf("the platform needs %s, which has no recipe", p)
			}
			if p == ArgoCD || p == ArgoCD3 {
				got = append(got, p)
			}
		}
		if !slices.Equal(got, argo) {
			t.Errorf("with %s it has %v, want %v", choice, got, argo)
		}
	}
}
