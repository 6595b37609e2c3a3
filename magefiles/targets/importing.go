package targets

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/edit"
	"github.com/sealway/sealway/pkg/report"
)

type importArguments struct {
	app, secret, from string
	name, file, typ   string
	force, dryRun     bool
	New               bool
}

// importFrom is secrets:import.
func (s *session) importFrom(ctx context.Context, a importArguments) error {
	if err := a.check(); err != nil {
		return err
	}
	if _, err := s.repo.Select(a.app); err != nil {
		return err
	}
	in, err := s.incoming(ctx, a)
	if err != nil {
		return err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	apps, err := s.contracted(ctx)
	if err != nil {
		return err
	}
	place, err := s.place(apps, a.app, a.secret, true)
	if err != nil {
		return err
	}
	if err := misspelt(place, a.New || a.force); err != nil {
		return err
	}
	values, meta, err := in(place)
	if err != nil {
		return err
	}
	if err := place.CheckType(meta); err != nil {
		return err
	}
	change, err := place.Set(values, edit.Options{New: true, Import: true, Force: a.force, Metadata: meta})
	if err != nil {
		return err
	}
	if err := s.finish(ctx, apps, change, a.dryRun); err != nil {
		return err
	}
	if snippet := place.Snippet(values, meta); snippet != "" {
		s.report.Warnings = append(s.report.Warnings, fmt.Sprintf("%s does not know all of this; add to it:\n%s", s.contractPath(place), snippet))
	}
	verb := "imported"
	if a.dryRun {
		verb = "would import"
	}
	s.outcome(fmt.Sprintf("%s %s into %s/%s, %d were here already", verb, count(len(change.Changed), "value"), place.Namespace, place.Name, s.keys(report.Unchanged)), a.dryRun)
	return s.console.Report(s.report)
}

// misspelt refuses a Secret that nobody knows and whose name is nearly that of one.
func misspelt(p *edit.Place, meant bool) error {
	near := p.Near()
	if near == "" || meant {
		return nil
	}
	return &console.Usage{Problem: fmt.Sprintf("Secret %q: neither %s's local-secrets nor its contract has it", p.Name, p.App.Name),
		Advice: fmt.Sprintf("did you mean %s? -new makes one that is not there", near)}
}

func (s *session) contractPath(p *edit.Place) string {
	if p.App.Contract != nil {
		return p.App.Contract.Path
	}
	app, err := s.repo.Select(p.App.Name)
	if err != nil {
		return s.repo.ContractName()
	}
	return s.repo.Rel(app[0].Contract)
}

const (
	fromCluster  = "cluster"
	fromManifest = "manifest"
	fromDotenv   = "dotenv"
	fromLiterals = "literals"
)

func (a importArguments) check() error {
	switch {
	case a.from != fromCluster && a.from != fromManifest && a.from != fromDotenv && a.from != fromLiterals:
		return &console.Usage{Problem: fmt.Sprintf("secrets:import: -from=%s is no source", a.from), Advice: "-from= is one of cluster, manifest, dotenv and literals (key=value lines); all but cluster read stdin or -file"}
	case a.name != "" && a.from != fromCluster, a.name != "" && strings.Count(a.name, "/") != 1:
		return &console.Usage{Problem: "secrets:import: -name=" + a.name + " is not understood", Advice: "with cluster, -name=NAMESPACE/NAME is the Secret there"}
	case a.file != "" && a.from == fromCluster:
		return &console.Usage{Problem: "secrets:import: cluster reads no -file", Advice: "leave out one of the two"}
	case a.typ != "" && (a.from == fromCluster || a.from == fromManifest):
		return &console.Usage{Problem: "secrets:import: -type is for values without a manifest", Advice: "leave it out: the Secret has its type"}
	}
	return nil
}

// incoming reads what is to be imported, before the repository is locked; what it is
// depends on the place that it gets.
func (s *session) incoming(ctx context.Context, a importArguments) (func(*edit.Place) ([]edit.Value, edit.Metadata, error), error) {
	if a.from == fromCluster {
		return func(p *edit.Place) ([]edit.Value, edit.Metadata, error) { return s.fromCluster(ctx, a, p) }, nil
	}
	path, data, err := s.input(ctx, a)
	if err != nil {
		return nil, err
	}
	return func(p *edit.Place) ([]edit.Value, edit.Metadata, error) {
		if a.from == fromManifest {
			return s.manifest(path, data, p)
		}
		parse := edit.Dotenv
		if a.from == fromLiterals {
			parse = edit.Literals
		}
		values, err := parse(path, data)
		return values, edit.Metadata{Type: corev1.SecretType(a.typ)}, err
	}, nil
}

func (s *session) manifest(path string, data []byte, p *edit.Place) ([]edit.Value, edit.Metadata, error) {
	values, m, stripped, err := edit.Manifest(path, data, p.Namespace)
	if len(stripped) > 0 {
		s.console.Note("left out, for it belongs to the object in the cluster: %s", strings.Join(stripped, ", "))
	}
	return values, m, err
}

func (s *session) input(ctx context.Context, a importArguments) (path string, data []byte, err error) {
	if a.file == "" || a.file == "-" {
		if console.IsTerminal(os.Stdin) {
			s.console.Note("reading %s from the terminal; Ctrl-D ends it", a.from)
		}
		data, err = read(ctx, os.Stdin)
		return "stdin", data, err
	}
	f, err := os.Open(a.file)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = f.Close() }()
	data, err = io.ReadAll(io.LimitReader(f, maxInput))
	return a.file, data, err
}

// fromCluster reads the live Secret.
func (s *session) fromCluster(ctx context.Context, a importArguments, p *edit.Place) ([]edit.Value, edit.Metadata, error) {
	namespace, name := p.Namespace, p.Name
	if a.name != "" {
		namespace, name, _ = strings.Cut(a.name, "/")
	}
	k, err := s.cluster()
	if err != nil {
		return nil, edit.Metadata{}, err
	}
	s.report.Fact("cluster", k.String())
	s.console.Note("reading Secret %s/%s of %s", namespace, name, k)
	live, err := k.Secret(ctx, namespace, name)
	if err != nil {
		return nil, edit.Metadata{}, err
	}
	live.APIVersion, live.Kind = "v1", "Secret"
	data, err := yaml.Marshal(live)
	if err != nil {
		return nil, edit.Metadata{}, err
	}
	return s.manifest("Secret "+namespace+"/"+name+" in the cluster", bytes.TrimSpace(data), p)
}
