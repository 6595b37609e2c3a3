package targets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/manifest"
	"github.com/sealway/sealway/pkg/report"
)

// reportArguments are the flags of the targets that judge.
type reportArguments struct {
	files  *string // where the answer goes, too
	format *string // how it is printed
}

// check refuses what could not be written, before anything runs.
func (a reportArguments) check(command string, json bool) error {
	for _, file := range names(a.files) {
		if report.RendererOf(file) == nil {
			return &console.Usage{Problem: fmt.Sprintf("%s: -report=%s: a file of what kind?", command, file),
				Advice: "its name ends in " + strings.Join(report.Endings(), ", ") + "; docs/reports.md has what each is for"}
		}
	}
	f := console.Format(text(a.format))
	switch {
	case a.format == nil:
		return nil
	case !f.Known():
		return &console.Usage{Problem: fmt.Sprintf("%s: -format=%s is not known", command, f), Advice: "there are text, json, sarif and github"}
	case json && f != console.JSON:
		return &console.Usage{Problem: fmt.Sprintf("%s: -json and -format=%s contradict each other", command, f), Advice: "leave one of them out"}
	}
	return nil
}

// deliver writes the reports of a target that judges, whatever came of it, and in
// GitHub Actions the step's summary and its annotations. One that cannot be written
// keeps none of the others back.
func (s *session) deliver(ctx context.Context, a arguments, err error) error {
	if a.report == nil {
		return nil
	}
	if problems := console.Troubles(ctx, err); len(problems) > 0 {
		s.report.Errors = problems
		if s.report.Summary == "" {
			s.report.Summary = "failed"
		}
	}
	var failed []error
	done := map[string]bool{}
	for _, file := range names(a.report.files) {
		if done[filepath.Clean(file)] {
			continue
		}
		done[filepath.Clean(file)] = true
		failed = append(failed, s.file(ctx, file, report.RendererOf(file)))
	}
	if a.verify != nil && a.verify.html != nil { // whatever its name ends in
		failed = append(failed, s.file(ctx, *a.verify.html, report.HTML))
	}
	if s.config != nil { // else not even the settings could be read
		failed = append(failed, s.stepSummary(), s.annotate(a.report))
	}
	return errors.Join(failed...)
}

// file writes one report, whole or not at all.
func (s *session) file(ctx context.Context, file string, render report.Renderer) error {
	var text bytes.Buffer
	if err := render(&text, s.report); err != nil {
		return err
	}
	if stream(file) {
		return s.direct(file, text.Bytes())
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	ctx = context.WithoutCancel(ctx) // what was seen until Ctrl-C counts
	if err := manifest.WriteFiles(ctx, []manifest.File{{Path: file, Data: text.Bytes(), Mode: 0o644}}); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	s.console.Note("report written: %s", file)
	return nil
}

// stream says that a file cannot be replaced, only written to: a pipe, a device.
func stream(file string) bool {
	info, err := os.Stat(file)
	return err == nil && !info.IsDir() && (!info.Mode().IsRegular() || strings.HasPrefix(file, "/dev/")) // /dev/stdout may be a file
}

func (s *session) direct(file string, data []byte) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0) //nolint:gosec // the user names it
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	s.console.Note("report written: %s", file)
	return nil
}

// summaryRoom is what GitHub takes of a step's summary; of a larger one it shows nothing.
const summaryRoom = 1 << 20

// stepSummary appends the report to the summary of the step of GitHub Actions.
func (s *session) stepSummary() error {
	if s.config.StepSummary == "" {
		return nil
	}
	f, err := os.OpenFile(s.config.StepSummary, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644) //nolint:gosec // GitHub's runner names it
	if err != nil {
		return fmt.Errorf("step summary: %w", err)
	}
	return errors.Join(s.appendTo(f), f.Close())
}

func (s *session) appendTo(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("step summary: %w", err)
	}
	var text bytes.Buffer
	if err := report.MarkdownWithin(&text, s.report, max(1, summaryRoom-int(info.Size())-1)); err != nil {
		return err
	}
	if info.Size()+int64(text.Len()) >= summaryRoom {
		s.console.Note("the step's summary is full: this report is not in it")
		return nil
	}
	if _, err := f.Write(append(text.Bytes(), '\n')); err != nil {
		return fmt.Errorf("step summary: %w", err)
	}
	return nil
}

// annotate prints the annotations on stderr, which GitHub's runner reads as well as
// stdout: that stays what it is elsewhere.
func (s *session) annotate(a *reportArguments) error {
	if !s.config.Annotate || console.Format(text(a.format)) == console.GitHub {
		return nil
	}
	return s.console.Aside(func(w io.Writer) error { return report.Annotate(w, s.report) })
}
