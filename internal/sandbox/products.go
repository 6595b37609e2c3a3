package sandbox

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Product is something that is built from one Go module.
type Product string

// The products. Up needs all but Kubectl and Task, which are there for tests.
const (
	Kubernetes    Product = "kubernetes"
	Kubectl       Product = "kubectl"
	KWOK          Product = "kwok"
	SealedSecrets Product = "sealed-secrets"
	CloudNativePG Product = "cloudnative-pg"
	Task          Product = "task"

	supervisorProduct Product = "supervisor"
)

// platform is what a sandbox consists of.
func platform() []Product {
	return []Product{supervisorProduct, Kubernetes, SealedSecrets, KWOK, CloudNativePG}
}

// The programs by their names in Binaries.
const (
	etcdProgram       = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	kubelet           = "kubelet"
	kwok              = "kwok"
	sealedSecrets     = "sealed-secrets-controller"
	supervisorProgram = "supervisor"
)

// recipe says how a product is made.
type recipe struct {
	// version is shown and is a part of the cache entry's name.
	version string
	// module is the folder in servers/ that holds module.mod and module.sum.
	module string
	// programs are the packages to build, by the name of the binary.
	programs map[string]string
	// own are programs of ours: the folder in the module's, by binary.
	own map[string]string
	// variables are set by the linker.
	variables map[string]string
	// versions are those of programs that have another than the product.
	versions map[string]string
	// manifests are copied from the modules.
	manifests []manifest
}

// manifest says which files of a module are copied, and to where.
type manifest struct {
	// Folder is that of the cache entry.
	Folder folder
	// Module is where the files come from, Glob what they are called below
	// its root.
	Module, Glob string
}

// folder is a kind of manifest.
type folder string

// Definitions of custom resources are applied first; objects need nothing but
// an API server; stages are for KWOK to read.
const (
	definitions folder = "definitions"
	objects     folder = "objects"
	stages      folder = "stages"
)

// recipes is the one table of versions and of what is built.
func recipes() map[Product]recipe {
	const kubernetesVersion = "v1.37.2"
	kubernetesVariables := map[string]string{
		"k8s.io/component-base/version.gitVersion": kubernetesVersion,
		"k8s.io/component-base/version.gitMajor":   "1",
		"k8s.io/component-base/version.gitMinor":   "37",
	}
	return map[Product]recipe{
		Kubernetes: {
			version: kubernetesVersion,
			module:  "kubernetes",
			programs: map[string]string{
				etcdProgram:       "go.etcd.io/etcd/server/v3",
				apiServer:         "k8s.io/kubernetes/cmd/kube-apiserver",
				controllerManager: "k8s.io/kubernetes/cmd/kube-controller-manager",
				scheduler:         "k8s.io/kubernetes/cmd/kube-scheduler",
			},
			own:       map[string]string{kubelet: "_kubelet"},
			versions:  map[string]string{etcdProgram: "v3.7.0"},
			variables: kubernetesVariables,
		},
		Kubectl: {
			version:   kubernetesVersion,
			module:    "kubernetes",
			programs:  map[string]string{"kubectl": "k8s.io/kubernetes/cmd/kubectl"},
			variables: kubernetesVariables,
		},
		KWOK: {
			version:  "v0.8.0",
			module:   "kwok",
			programs: map[string]string{kwok: "sigs.k8s.io/kwok/cmd/kwok"},
			manifests: []manifest{
				{stages, "sigs.k8s.io/kwok", "kustomize/stage/pod/fast/pod-*.yaml"},
				{stages, "sigs.k8s.io/kwok", "kustomize/stage/node/fast/node-*.yaml"},
				{stages, "sigs.k8s.io/kwok", "kustomize/stage/volume/fast/p*.yaml"},
				{objects, "sigs.k8s.io/kwok", "kustomize/stage/volume/fast/storage-class.yaml"},
				{definitions, "sigs.k8s.io/kwok", "kustomize/crd/bases/kwok.x-k8s.io_*portforwards.yaml"},
			},
		},
		SealedSecrets: {
			version: "v0.40.0",
			module:  "sealed-secrets",
			programs: map[string]string{
				sealedSecrets: "github.com/bitnami/sealed-secrets/cmd/controller",
				"kubeseal":    "github.com/bitnami/sealed-secrets/cmd/kubeseal",
			},
			variables: map[string]string{"main.VERSION": "v0.40.0"},
			manifests: []manifest{{definitions, "github.com/bitnami/sealed-secrets", "helm/sealed-secrets/crds/*.yaml"}},
		},
		CloudNativePG: {
			version:   "v1.27.0",
			module:    "cloudnative-pg",
			manifests: []manifest{{definitions, "github.com/cloudnative-pg/cloudnative-pg", "config/crd/bases/*.yaml"}},
		},
		Task: {
			version:  "v3.53.1",
			module:   "task",
			programs: map[string]string{"task": "github.com/go-task/task/v3/cmd/task"},
		},
		supervisorProduct: {
			version:  "v1",
			programs: map[string]string{supervisorProgram: modulePath + "/internal/sandbox/supervisor"},
		},
	}
}

// modulePath is this module; the supervisor's sources are compiled in a module
// of the same name, so that their imports are the same.
const modulePath = "github.com/sealway/sealway"

//go:embed servers/*/module.mod servers/*/module.sum servers/kubernetes/_kubelet/main.go
//go:embed supervise/*.go supervisor/*.go
var sources embed.FS

// versionOf returns the version of a program.
func (r recipe) versionOf(program string) string {
	return cmp.Or(r.versions[program], r.version)
}

// tree returns the files of the module that the product is built in, by their
// path in it.
func (r recipe) tree() (map[string][]byte, error) {
	if r.module == "" {
		return supervisorTree()
	}
	files := map[string]string{
		"go.mod": path.Join("servers", r.module, "module.mod"),
		"go.sum": path.Join("servers", r.module, "module.sum"),
	}
	for binary, folder := range r.own {
		files[path.Join(binary, "main.go")] = path.Join("servers", r.module, folder, "main.go")
	}
	tree := map[string][]byte{}
	for to, from := range files {
		data, err := sources.ReadFile(from)
		if err != nil {
			return nil, err
		}
		tree[to] = data
	}
	return tree, nil
}

func supervisorTree() (map[string][]byte, error) {
	tree := map[string][]byte{"go.mod": fmt.Appendf(nil, "module %s\n\ngo 1.26.0\n", modulePath)}
	for _, folder := range []string{"supervise", "supervisor"} {
		err := fs.WalkDir(sources, folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") {
				return err
			}
			tree[path.Join("internal/sandbox", name)], err = sources.ReadFile(name)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return tree, nil
}
