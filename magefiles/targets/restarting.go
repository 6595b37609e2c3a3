package targets

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/generate"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/restart"
)

// restarts adds to the report who reads the values that are new.
func (s *session) restarts(ctx context.Context, apps []generate.App) {
	changed := map[string][]restart.Secret{} // by application
	for _, e := range s.report.Entries {
		if e.Action == report.Update {
			r := restart.Secret{Namespace: e.Namespace, Name: e.Name, Keys: e.Keys, Labels: labelsOf(apps, e)}
			changed[e.Application] = append(changed[e.Application], r)
		}
	}
	for i := range apps {
		a := &apps[i]
		if len(changed[a.Name]) == 0 {
			continue
		}
		readers, err := s.readers(ctx, a, changed[a.Name])
		if err != nil {
			s.report.Warnings = append(s.report.Warnings, fmt.Sprintf("who reads the new values of %s is not known: %v", a.Name, err))
			continue
		}
		for _, r := range readers {
			step := report.Step{Name: r.Object, State: r.Needs, Detail: r.Detail}
			if r.Command != "" {
				step.Detail = r.Command + "  (" + r.Detail + ")"
			}
			s.report.Steps = append(s.report.Steps, step)
		}
	}
}

func labelsOf(apps []generate.App, e report.Entry) map[string]string {
	for _, a := range apps {
		i := slices.IndexFunc(a.Secrets, func(s manifest.Secret) bool { return s.Namespace == e.Namespace && s.Name == e.Name })
		if a.Name == e.Application && i >= 0 {
			return a.Secrets[i].Labels
		}
	}
	return nil
}

// readers renders the application's chart with its own values.
func (s *session) readers(ctx context.Context, a *generate.App, changed []restart.Secret) ([]restart.Reader, error) {
	app, err := s.repo.Select(a.Name)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(app[0].Dir, "Chart.yaml")); err != nil {
		return nil, fmt.Errorf("%s has no chart", s.repo.Rel(app[0].Dir))
	}
	files, err := chartFiles(ctx, app[0].Dir, app[0].Plaintext)
	if err != nil {
		return nil, err
	}
	r, err := chart.Render(files, chart.Options{Release: a.Name, Namespace: a.Namespace, Plaintext: filepath.Base(app[0].Plaintext)})
	if err != nil {
		return nil, err
	}
	return restart.Readers(r, changed), nil
}

// maxChartFile is the largest file that is given to the chart.
const maxChartFile = 4 << 20

// chartFiles reads a chart's folder, and never the plaintext in it.
func chartFiles(ctx context.Context, dir, plaintext string) ([]chart.File, error) {
	var out []chart.File
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir() && path == plaintext:
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil || info.Size() > maxChartFile {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		out = append(out, chart.File{Name: filepath.ToSlash(rel), Data: data})
		return err
	})
	return out, err
}
