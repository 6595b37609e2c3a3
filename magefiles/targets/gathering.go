package targets

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sealway/sealway/pkg/cluster"
	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/seal"
	"github.com/sealway/sealway/pkg/verify"
)

// folder is what the repository says of one application. It is read once in a run.
type folder struct {
	repo.Application
	source     verify.Source // without what Argo CD and the cluster say
	definition string        // its application.yaml, relative to the root; empty when it has none
}

// applicationFile defines an application for Argo CD.
const applicationFile = "application.yaml"

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// gather reads the applications' folders. What cannot be read is said at its link: the
// rest of the chain is looked at all the same.
func (s *session) gather(ctx context.Context, apps []repo.Application) ([]folder, func(string) string, error) {
	out := make([]folder, len(apps))
	var values []cluster.Secret
	for i, app := range apps {
		f := &out[i]
		f.Application = app
		f.source.Input = diagnose.Input{Application: app.Name, Folder: s.repo.Rel(app.Dir), Namespace: app.Namespace, Now: s.now}
		f.source.Home, f.source.Plaintext = app.Namespace, s.repo.Rel(app.Plaintext)
		if file := filepath.Join(app.Dir, applicationFile); exists(file) {
			f.definition = s.repo.Rel(file)
		}
		secrets, err := s.repo.Secrets(ctx, app)
		if err != nil {
			s.report.Warnings = append(s.report.Warnings, app.Name+": the plaintext was not looked at: "+firstProblem(err))
		}
		for j := range secrets {
			f.source.Local = append(f.source.Local, s.local(&secrets[j]))
			values = append(values, valuesOf(&secrets[j]))
		}
		if f.source.Contract, err = s.repo.LoadContract(app); err != nil {
			s.report.Warnings = append(s.report.Warnings, app.Name+": "+firstProblem(err))
		}
	}
	if err := s.gatherSealed(ctx, apps, out); err != nil {
		return nil, nil, err
	}
	here := cluster.State{Spaces: map[string]*cluster.Space{"": {Secrets: values}}}
	return out, here.Masker(openWords(out)...).Mask, nil
}

// openWords are values that name an application, and are no secret.
func openWords(apps []folder) (words []string) {
	for _, a := range apps {
		words = append(words, a.Name, a.Namespace)
	}
	return words
}

// local is a Secret without its values.
func (s *session) local(m *manifest.Secret) verify.LocalSecret {
	out := verify.LocalSecret{Namespace: m.Namespace, Name: m.Name, Path: m.Path, Line: m.Line, NamespaceLine: s.namespaceLine(m)}
	for _, it := range m.Items {
		if manifest.IsPlaceholder(it.Value) {
			out.Placeholders = append(out.Placeholders, it.Key)
			continue
		}
		out.Keys = append(out.Keys, it.Key)
	}
	return out
}

// namespaceLine is the line of a Secret's metadata.namespace; 0 when it is not found. Of
// the file nothing else is looked at.
func (s *session) namespaceLine(m *manifest.Secret) int {
	data, err := os.ReadFile(filepath.Join(s.repo.Tree.Root, m.Path))
	if err != nil {
		return 0
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		if n++; n >= m.Line && strings.TrimSpace(strings.ReplaceAll(line, `"`, "")) == "namespace: "+m.Namespace {
			return n
		}
	}
	return 0
}

// valuesOf holds the values for masking, where nothing prints them.
func valuesOf(s *manifest.Secret) cluster.Secret {
	data := map[string][]byte{}
	for _, it := range s.Items {
		data[it.Key] = it.Value
	}
	return cluster.NewSecret(&corev1.Secret{Data: data})
}

// gatherSealed judges the sealed files with the pinned certificate, of all applications
// at once.
func (s *session) gatherSealed(ctx context.Context, apps []repo.Application, out []folder) error {
	pin, pinErr := s.certificates().LoadPin()
	findings, _, err := seal.Check(ctx, s.repo, apps, pin, pinErr)
	if err != nil {
		return err
	}
	entries := s.sealEntries(ctx, apps, pin)
	for i := range out {
		f := &out[i]
		below := f.source.Folder + "/"
		for _, finding := range findings {
			if strings.HasPrefix(finding.Path, below) {
				f.source.Check = append(f.source.Check, finding)
			}
		}
		sealed, err := seal.Committed(ctx, s.repo, f.Application)
		if err != nil {
			f.source.Uncheck = firstProblem(err)
			continue
		}
		if pin != nil {
			f.source.Pin = pin.Fingerprint
		}
		f.source.Sealed = f.missing(sealedFiles(f, sealed, entries))
	}
	return nil
}

// sealEntries says of each Secret whether it is sealed and up to date; nothing where no
// certificate is pinned, or something cannot be read: the offline check says so.
func (s *session) sealEntries(ctx context.Context, apps []repo.Application, pin *seal.Certificate) []report.Entry {
	if pin == nil {
		return nil
	}
	ledger, err := seal.OpenLedger(s.repo.StateDir(), nil)
	if err != nil {
		return nil
	}
	entries, _, err := seal.Status(ctx, apps, seal.Options{Repository: s.repo, Ledger: ledger, Certificate: pin})
	if err != nil {
		return nil
	}
	return entries
}

// sealedFiles are the SealedSecrets of an application's folder, and the Secrets that
// lack one.
func sealedFiles(f *folder, sealed []manifest.Sealed, entries []report.Entry) []diagnose.SealedFile {
	var out []diagnose.SealedFile
	for i := range sealed {
		out = append(out, sealedFile(f, &sealed[i]))
	}
	for _, e := range entries {
		if e.Application != f.Name {
			continue
		}
		at := slices.IndexFunc(out, func(s diagnose.SealedFile) bool { return s.Namespace == e.Namespace && s.Name == e.Name })
		if at >= 0 {
			out[at].State = e.Action
			continue
		}
		file := diagnose.SealedFile{Path: e.Path, Line: e.Line, Namespace: e.Namespace, Name: e.Name, State: e.Action}
		f.plain(&file)
		out = append(out, file)
	}
	return out
}

// missing adds what the contract asks for and nothing has told of yet.
func (f *folder) missing(list []diagnose.SealedFile) []diagnose.SealedFile {
	if f.source.Contract == nil {
		return list
	}
	for i := range f.source.Contract.Secrets {
		spec := &f.source.Contract.Secrets[i]
		file := diagnose.SealedFile{Path: f.source.Contract.Path, Line: spec.Line, Namespace: spec.NamespaceOr(f.Namespace), Name: spec.Name, State: report.NotSealed}
		if slices.ContainsFunc(list, func(s diagnose.SealedFile) bool { return s.Namespace == file.Namespace && s.Name == file.Name }) {
			continue
		}
		f.plain(&file)
		list = append(list, file)
	}
	return list
}

// plain says where the plaintext of a Secret is: the one of its namespace, else the one
// that it was sealed from.
func (f *folder) plain(s *diagnose.SealedFile) {
	for _, l := range f.source.Local {
		same := l.Name == s.Name && l.Namespace == s.Namespace
		if same || s.Plain == "" && path.Join(l.Namespace, l.Name) == s.SealedFor {
			s.Plain, s.PlainSpace, s.PlainLine = l.Path, l.Namespace, l.NamespaceLine
		}
	}
}

func sealedFile(f *folder, s *manifest.Sealed) diagnose.SealedFile {
	out := diagnose.SealedFile{
		Path: s.Path, Line: s.Line, Namespace: s.Namespace, Name: s.Name, Scope: seal.ScopeOf(s.Annotations),
		Fingerprint: s.Annotations[seal.AnnotationCertificate], Edited: seal.Edited(s),
	}
	if out.Namespace == "" { // Argo CD deploys it into the application's
		out.Namespace = f.Namespace
	}
	if s.Template.Name != "" {
		out.SealedFor = path.Join(s.Template.Namespace, s.Template.Name)
	}
	for _, it := range s.Items {
		out.Keys = append(out.Keys, it.Key)
	}
	f.plain(&out)
	return out
}

// firstProblem is the first of several joined errors, in one line.
func firstProblem(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
