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

// The products. Up needs all but Kubectl and Task, which are there for tests,
// and of the two Argo CDs the one that is asked for.
const (
	Kubernetes    Product = "kubernetes"
	Kubectl       Product = "kubectl"
	KWOK          Product = "kwok"
	SealedSecrets Product = "sealed-secrets"
	CloudNativePG Product = "cloudnative-pg"
	// ArgoCD is Argo CD 2, and ArgoCD3 a newer major version of it.
	ArgoCD  Product = "argocd"
	ArgoCD3 Product = "argocd-3"
	Helm    Product = "helm"
	Task    Product = "task"

	kubeletProduct    Product = "kubelet"
	redisProduct      Product = "redis"
	supervisorProduct Product = "supervisor"
)

// platform is what a sandbox consists of.
func platform(o Options) []Product {
	all := []Product{supervisorProduct, Kubernetes, kubeletProduct, SealedSecrets, KWOK, CloudNativePG}
	if o.ArgoCD != NoArgoCD {
		all = append(all, redisProduct, Helm, o.ArgoCD)
	}
	return all
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
	redis             = "redis"
	helm              = "helm"
	argocd            = "argocd"
	gitAskPass        = "argocd-git-ask-pass"
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
	// links are other names of programs, by which these know what to do.
	links map[string]string
	// edit changes a source of the module, if it is set.
	edit edit
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

// edit replaces a text that occurs once in a file of a module.
type edit struct{ Module, File, Old, New string }

// folder is a kind of manifest.
type folder string

// Definitions of custom resources are applied first; objects need nothing but
// an API server, and those of Argo CD its namespace; stages are for KWOK to
// read.
const (
	definitions   folder = "definitions"
	objects       folder = "objects"
	argocdObjects folder = "argocd"
	stages        folder = "stages"
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
			versions:  map[string]string{etcdProgram: "v3.7.0"},
			variables: kubernetesVariables,
		},
		// Apart, so that a change of ours does not link all of Kubernetes.
		kubeletProduct: {
			version:   kubernetesVersion,
			module:    "kubernetes",
			own:       map[string]string{kubelet: "_kubelet"},
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
		ArgoCD:  argocdRecipe("argocd", "v2", "2.14.21"),
		ArgoCD3: argocdRecipe("argocd-3", "v3", "3.1.16"),
		Helm: {
			version:  "v3.22.0",
			module:   "helm",
			programs: map[string]string{helm: "helm.sh/helm/v3/cmd/helm"},
			variables: map[string]string{
				"helm.sh/helm/v3/internal/version.version": "v3.22.0",
			},
		},
		redisProduct: {
			version: "v2.40.0",
			module:  "redis",
			own:     map[string]string{redis: "_redis"},
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

// argocdRecipe is the same for all versions: one program, which does what its
// name says.
func argocdRecipe(module, major, version string) recipe {
	path := "github.com/argoproj/argo-cd/" + major
	return recipe{
		version:  "v" + version,
		module:   module,
		programs: map[string]string{argocd: path + "/cmd"},
		links: map[string]string{
			ArgoCDServer: argocd, ArgoCDRepoServer: argocd, ArgoCDController: argocd, gitAskPass: argocd,
		},
		// The one address that cannot be set otherwise.
		edit:      edit{path, "controller/appcontroller.go", `"0.0.0.0:%d", metricsPort`, `"127.0.0.1:%d", metricsPort`},
		variables: map[string]string{path + "/common.version": version},
		manifests: []manifest{
			{definitions, path, "manifests/crds/*-crd.yaml"},
			{argocdObjects, path, "manifests/base/config/argocd-*.yaml"},
		},
	}
}

// modulePath is this module; the supervisor's sources are compiled in a module
// of the same name, so that their imports are the same.
const modulePath = "github.com/sealway/sealway"

//go:embed servers/*/module.mod servers/*/module.sum servers/*/_*/*.go
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
		names, err := fs.Glob(sources, path.Join("servers", r.module, folder, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			files[path.Join(binary, path.Base(name))] = name
		}
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
