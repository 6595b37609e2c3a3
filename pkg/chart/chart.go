package chart

import (
	"maps"
	"slices"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

// File is one file of a chart.
type File struct {
	// Name is the path relative to the chart's folder, with slashes. One that
	// leaves the folder ("../shared.yaml") can only be a value file.
	Name string
	Data []byte
}

// Parameter is a value that is set by its path, as Argo CD's helm.parameters.
type Parameter struct {
	Name        string // for instance "image.tag" or "hosts[0].name"
	Value       string
	ForceString bool
}

// Options say how a chart is rendered. They follow the helm section of an Argo CD
// application's source, and are read the same way.
type Options struct {
	Release     string   // name of the release; default: the chart's name
	Namespace   string   // of the release, and of every object that names none
	KubeVersion string   // default DefaultKubeVersion
	APIVersions []string // known to the cluster beside Kubernetes' own, CloudNativePG's and Sealed Secrets'

	ValueFiles         []string // names of Files, over values.yaml; a later one wins
	IgnoreMissingFiles bool     // a value file that is not there is no error
	Values             map[string]any
	Parameters         []Parameter // over Values
	SkipCRDs           bool

	Plaintext string // folder of plaintext Secrets, which is never read; default "local-secrets"

	last map[string]any // over everything: an experiment
}

// DefaultKubeVersion is the version that a chart sees where none is given: the one of
// the Kubernetes libraries that the Helm library was made for. (Used as a library
// it would say 1.20.)
const DefaultKubeVersion = "1.31.0"

// Rendered is what comes of a chart.
type Rendered struct {
	// Objects are in the order of their files, and in a file in its order.
	Objects []Object

	Name string // of the chart, in Chart.yaml

	files   []File
	sources map[string]*source // by template, as Helm names it
	values  []valueFile
}

// Render renders a chart. It may be called by several goroutines at once.
func Render(files []File, o Options) (*Rendered, error) {
	files = withoutPlaintext(files, o.Plaintext)
	out, err := render(files, o, nil)
	if err != nil {
		return nil, err
	}
	r := &Rendered{Name: out.chart.Name(), files: files, values: valueFiles(files, o)}
	r.sources = trace(files, o, out)
	if err := r.collect(out, o); err != nil {
		return nil, err
	}
	return r, nil
}

// output is what Helm made of the templates.
type output struct {
	chart     *chart.Chart
	values    chartutil.Values
	manifests map[string]string // by template, as Helm names it: chart/templates/x.yaml
}

// names are the manifests' names, sorted.
func (o *output) names() []string { return slices.Sorted(maps.Keys(o.manifests)) }

// render loads the chart and runs its templates; change may alter it in between.
func render(files []File, o Options, change func(*chart.Chart)) (*output, error) {
	c, err := load(files)
	if err != nil {
		return nil, err
	}
	values, err := o.values(files)
	if err != nil {
		return nil, err
	}
	if err := checkDependencies(c); err != nil {
		return nil, err
	}
	if err := chartutil.ProcessDependenciesWithMerge(c, values); err != nil {
		return nil, chartError(chartFile, err)
	}
	caps, err := o.capabilities(c)
	if err != nil {
		return nil, err
	}
	if change != nil {
		change(c)
	}
	release := o.Release
	if release == "" {
		release = c.Name()
	}
	in, err := chartutil.ToRenderValues(c, values, chartutil.ReleaseOptions{
		Name: release, Namespace: o.Namespace, Revision: 1, IsInstall: true,
	}, caps)
	if err != nil {
		return nil, chartError(valuesFile, err)
	}
	used, err := in.Table("Values")
	if err != nil {
		return nil, chartError(valuesFile, err)
	}
	manifests, err := engine.Engine{}.Render(c, in)
	if err != nil {
		return nil, templateError(c, err)
	}
	return &output{chart: c, values: used, manifests: manifests}, nil
}

// capabilities are what a template sees of the cluster.
func (o Options) capabilities(c *chart.Chart) (*chartutil.Capabilities, error) {
	version := o.KubeVersion
	if version == "" {
		version = DefaultKubeVersion
	}
	kube, err := chartutil.ParseKubeVersion(version)
	if err != nil {
		return nil, &Error{Path: chartFile, Cause: "Kubernetes version " + version + ": " + err.Error()}
	}
	// Only of a version that was given: the default is a guess.
	if want := c.Metadata.KubeVersion; o.KubeVersion != "" && want != "" && !chartutil.IsCompatibleRange(want, kube.Version) {
		return nil, &Error{Path: chartFile, Cause: "the chart wants Kubernetes " + want + ", and it is " + kube.Version}
	}
	caps := chartutil.DefaultCapabilities.Copy()
	caps.KubeVersion = *kube
	caps.APIVersions = append(slices.Clone(caps.APIVersions), operators...)
	caps.APIVersions = append(caps.APIVersions, o.APIVersions...)
	return caps, nil
}

// operators are the API versions that every cluster of such a repository has; charts
// ask for them with and without the kind.
var operators = []string{
	"bitnami.com/v1alpha1", "bitnami.com/v1alpha1/SealedSecret",
	"postgresql.cnpg.io/v1", "postgresql.cnpg.io/v1/Cluster",
}
