package targets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/internal/editor"
	"github.com/sealway/sealway/pkg/edit"
	"github.com/sealway/sealway/pkg/generate"
	"github.com/sealway/sealway/pkg/report"
)

// word reads an optional text.
func word(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// journal is where a run notes which values of several files it is about to write.
func (s *session) journal() string { return filepath.Join(s.repo.StateDir(), "unfinished.json") }

// place finds a Secret among the application's plaintext and contract.
func (s *session) place(apps []generate.App, app, secret string, fresh bool) (*edit.Place, error) {
	i := slices.IndexFunc(apps, func(a generate.App) bool { return a.Name == app })
	if i < 0 {
		_, err := s.repo.Select(app)
		return nil, err
	}
	a := &apps[i]
	from := &edit.App{Name: a.Name, Namespace: a.Namespace, Dir: s.repo.Rel(a.Dir), Contract: a.Contract, Secrets: a.Secrets, Sealed: a.Sealed}
	return edit.Find(from, secret, fresh, func(path string) ([]byte, error) {
		data, err := os.ReadFile(filepath.Join(s.repo.Tree.Root, filepath.FromSlash(path)))
		if err != nil {
			err = s.repo.Unreadable(filepath.Join(s.repo.Tree.Root, path), err)
		}
		return data, err
	})
}

// options are what every plan for plaintext needs.
func (s *session) options() (generate.Options, error) {
	unfinished, err := generate.ReadJournal(s.journal())
	if len(unfinished) > 0 {
		s.console.Note("finishing what an interrupted run began")
	}
	return generate.Options{Root: s.repo.Tree.Root, Follow: true, Journal: s.journal(), Unfinished: unfinished}, err
}

// finish writes a change and what follows from it, and fills in the report.
func (s *session) finish(ctx context.Context, apps []generate.App, c *edit.Change, dryRun bool) error {
	o, err := s.options()
	if err != nil {
		return err
	}
	o.Changed = c.Changed
	if c.Data != nil {
		for i := range apps {
			if apps[i].Name == c.Place.App.Name {
				apps[i].Secrets = c.Replace()
			}
		}
		o.Drafts = []generate.Draft{{Path: c.Place.Path, Base: c.Place.Base, Data: c.Data}}
	}
	plan, err := generate.New(ctx, apps, o)
	if err != nil {
		return err
	}
	return s.carryOut(ctx, apps, plan, c, dryRun)
}

// carryOut applies a plan and says what comes next; c may be nil.
func (s *session) carryOut(ctx context.Context, apps []generate.App, plan *generate.Plan, c *edit.Change, dryRun bool) error {
	following := plan.Entries()
	s.report.Entries = following
	if c != nil {
		s.report.Entries = append(slices.Clone(c.Entries), following...)
	}
	private := paths(s.report.Entries)
	if c != nil {
		private = append(private, c.Place.Path)
	}
	if err := s.repo.CheckPrivate(ctx, private); err != nil {
		return err
	}
	if !dryRun {
		if err := plan.Apply(ctx); err != nil {
			return err
		}
	}
	s.restarts(ctx, apps)
	s.next()
	return nil
}

// next names the command that brings the new values to the cluster.
func (s *session) next() {
	var apps []string
	for _, e := range s.report.Entries {
		if e.Action == report.Create || e.Action == report.Update || e.Action == report.Delete {
			apps = append(apps, e.Application)
		}
	}
	slices.Sort(apps)
	if apps = slices.Compact(apps); len(apps) > 0 {
		s.report.Fact("next", "mage gitops:ship "+strings.Join(apps, ","))
	}
}

// outcome is the summary's beginning and what comes next.
func (s *session) outcome(text string, dryRun bool) {
	next := s.report.Facts["next"]
	switch {
	case next == "":
	case dryRun:
		text += "; nothing was written"
	default:
		text += "; next: `" + next + "`"
		if slices.ContainsFunc(s.report.Steps, func(p report.Step) bool { return p.State == "restart" }) {
			text += ", then the restarts"
		}
	}
	s.report.Summary = text
}

// keys counts the keys of the entries with an action.
func (s *session) keys(actions ...report.Action) int {
	n := 0
	for _, e := range s.report.Entries {
		if slices.Contains(actions, e.Action) {
			n += len(e.Keys)
		}
	}
	return n
}

type setArguments struct {
	app, secret, key                   string
	generate, keepNewline, New, dryRun bool
}

// set is secrets:set.
func (s *session) set(ctx context.Context, a setArguments) error {
	if err := keyName("secrets:set", a.key); err != nil {
		return err
	}
	if _, err := s.repo.Select(a.app); err != nil {
		return err
	}
	if a.generate {
		return s.rotate(ctx, a.app, a.secret+"/"+a.key, a.dryRun)
	}
	if _, _, err := s.settable(ctx, a); err != nil { // before somebody types for nothing
		return err
	}
	value, err := s.value(ctx, a)
	if err != nil {
		return err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	apps, place, err := s.settable(ctx, a)
	if err != nil {
		return err
	}
	change, err := place.Set([]edit.Value{{Key: a.key, Data: value}}, edit.Options{New: a.New})
	if err != nil {
		return err
	}
	if err := s.finish(ctx, apps, change, a.dryRun); err != nil {
		return err
	}
	text := "the value is this one already"
	if len(change.Changed) > 0 {
		text = fmt.Sprintf("set %s of %s/%s", a.key, place.Namespace, place.Name)
		if console.IsTerminal(os.Stdin) { // nobody has seen what was typed or pasted
			text = fmt.Sprintf("set %s (%s) of %s/%s", a.key, length(value), place.Namespace, place.Name)
		}
		if n := s.keys(report.Create, report.Update) - 1; n > 0 {
			text += fmt.Sprintf(", %s along", follow(n))
		}
	}
	s.outcome(text, a.dryRun)
	return s.console.Report(s.report)
}

// settable finds the key's place, and refuses one that cannot be set.
func (s *session) settable(ctx context.Context, a setArguments) ([]generate.App, *edit.Place, error) {
	apps, err := s.contracted(ctx)
	if err != nil {
		return nil, nil, err
	}
	place, err := s.place(apps, a.app, a.secret, a.New)
	if err == nil {
		err = place.Check(a.key, edit.Options{New: a.New})
	}
	return apps, place, creatable(err)
}

// creatable adds to the error about an unknown name how to make it all the same.
func creatable(err error) error {
	var unknown *edit.UnknownError
	if errors.As(err, &unknown) {
		return &console.Advised{Err: err, Advice: unknown.Hint() + "; -new makes one that is not there"}
	}
	return err
}

func follow(n int) string {
	if n == 1 {
		return "1 value goes"
	}
	return fmt.Sprintf("%d values go", n)
}

// maxInput is the largest Secret and what encoding may add to it.
const maxInput = 4 << 20

// value reads the value that is to be set: unseen from a terminal, else all of stdin
// without the line end that echo and editors put behind a single line.
func (s *session) value(ctx context.Context, a setArguments) ([]byte, error) {
	if console.IsTerminal(os.Stdin) {
		return s.console.Ask(ctx, os.Stdin, fmt.Sprintf("value of %s/%s (not shown)", a.secret, a.key))
	}
	data, err := read(ctx, os.Stdin)
	if err != nil || a.keepNewline {
		return data, err
	}
	line, ends := bytes.CutSuffix(data, []byte("\n"))
	switch {
	case !ends || !utf8.Valid(data):
		return data, nil
	case bytes.Contains(line, []byte("\n")): // a key in PEM: OpenSSH does not take one without its last line end
		s.console.Note("the value has several lines and keeps the line end of the last one")
		return data, nil
	}
	s.console.Note("the line end behind the value was left out; -keepNewline keeps it")
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// read reads all there is, until ctx ends.
func read(ctx context.Context, from io.Reader) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	got := make(chan result, 1)
	go func() {
		data, err := io.ReadAll(io.LimitReader(from, maxInput+1))
		got <- result{data, err}
	}()
	select {
	case r := <-got:
		if len(r.data) > maxInput {
			return nil, &console.Usage{Problem: "stdin: more than 4 MiB", Advice: "a Secret holds at most 1 MiB"}
		}
		return r.data, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("stdin: %w", ctx.Err())
	}
}

// rotate is secrets:rotate, and secrets:set -generate.
func (s *session) rotate(ctx context.Context, app, key string, dryRun bool) error {
	if _, err := s.repo.Select(app); err != nil {
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
	o, err := s.options()
	if err != nil {
		return err
	}
	plan, err := generate.Rotate(ctx, apps, app, key, o)
	if err != nil {
		return err
	}
	if err := s.carryOut(ctx, apps, plan, nil, dryRun); err != nil {
		return err
	}
	if i := slices.IndexFunc(apps, func(a generate.App) bool { return a.Name == app }); i >= 0 && key == "" {
		s.elsewhereWarnings(&apps[i], "")
	}
	n := s.keys(report.Create, report.Update)
	verb := "rotated"
	if dryRun {
		verb = "would rotate"
	}
	text := fmt.Sprintf("%s %s", verb, count(n, "value"))
	if left := s.keys(report.Keep, report.Refused); left > 0 {
		text += fmt.Sprintf(", left %d as they are", left)
	}
	if n == 0 && key == "" {
		text = "nothing to rotate: no key of " + app + " is generated and has a value here"
	}
	s.outcome(text, dryRun)
	return s.console.Report(s.report)
}

// edit is secrets:edit.
func (s *session) edit(ctx context.Context, app, secret string, plain, disk bool) error {
	apps, err := s.contracted(ctx)
	if err != nil {
		return err
	}
	place, err := s.place(apps, app, secret, false)
	if err != nil {
		return err
	}
	if err := s.repo.CheckPrivate(ctx, []string{place.Path}); err != nil {
		return err
	}
	view, err := place.View(plain)
	if err != nil {
		return err
	}
	b, err := s.editor(filepath.Join(s.repo.Tree.Root, place.Path), disk) //nolint:contextcheck // what watches over the text outlives the run
	if err != nil {
		return err
	}
	changed, err := s.editing(ctx, b, place, view, plain)
	if err := errors.Join(err, b.Close()); err != nil {
		return err
	}
	text := "nothing changed"
	if n := s.keys(report.Create, report.Update, report.Delete); n > 0 {
		text = count(n, "key") + " changed"
	} else if changed {
		text = "no value changed; the file did"
	}
	s.outcome(text, false)
	return s.console.Report(s.report)
}

// editor opens a buffer for a file of the plaintext folder.
func (s *session) editor(file string, disk bool) (*editor.Buffer, error) {
	o := editor.Options{Command: s.config.Editor, Name: filepath.Base(file), In: os.Stdin, Out: os.Stderr, Err: os.Stderr}
	if disk {
		o.Disk = filepath.Dir(file)
	}
	if console.IsTerminal(os.Stdout) {
		o.Out = os.Stdout // some editors want to see a terminal there
	}
	if o.Command == "" {
		if !console.IsTerminal(os.Stdin) {
			return nil, &console.Usage{Problem: "secrets:edit: neither VISUAL nor EDITOR names an editor", Advice: "export EDITOR=nano, for instance; `mage secrets:set` needs none"}
		}
		o.Command = "vi"
	}
	return editor.Open(o)
}

// editing gives the file to the person until it can be saved, or until nothing is
// changed any more.
func (s *session) editing(ctx context.Context, b *editor.Buffer, place *edit.Place, view []byte, plain bool) (changed bool, err error) {
	for text := view; ; {
		edited, err := b.Edit(ctx, text)
		if err != nil {
			return false, err
		}
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt) // Mage is not told of it any more
		defer stop()
		change, err := place.Merge(view, edited, plain)
		var conflict *generate.ConflictError
		if err == nil && (change.Data == nil || s.store(ctx, place, change, &err)) {
			return change.Data != nil, nil
		}
		if errors.As(err, &conflict) {
			if place, view, err = s.again(ctx, place, plain); err != nil {
				return false, err
			}
			text = place.Explain(edited, errors.New("the file was changed meanwhile: what is left as it is keeps the value of now; save again if that is right"), plain)
			continue
		}
		if ctx.Err() != nil {
			return false, err
		}
		if bytes.Equal(edited, text) {
			return false, fmt.Errorf("given up, nothing was saved: %w", err)
		}
		text = place.Explain(edited, err, plain)
	}
}

// store writes an edited file under the lock; false with an error.
func (s *session) store(ctx context.Context, place *edit.Place, change *edit.Change, failed *error) bool {
	*failed = func() error {
		unlock, err := s.lock(ctx)
		if err != nil {
			return err
		}
		defer unlock()
		apps, err := s.contracted(ctx)
		if err != nil {
			return err
		}
		now, err := s.place(apps, place.App.Name, place.Name, false)
		if err != nil {
			return err
		}
		if !bytes.Equal(now.Base, place.Base) {
			return &generate.ConflictError{Path: place.Path}
		}
		return s.finish(ctx, apps, change, false)
	}()
	return *failed == nil
}

// again reads the place anew.
func (s *session) again(ctx context.Context, place *edit.Place, plain bool) (*edit.Place, []byte, error) {
	apps, err := s.contracted(ctx)
	if err != nil {
		return nil, nil, err
	}
	now, err := s.place(apps, place.App.Name, place.Name, false)
	if err != nil {
		return nil, nil, err
	}
	view, err := now.View(plain)
	return now, view, err
}
