// Package targets holds the Mage targets. Import it in a magefile:
//
//	//mage:import
//	_ "github.com/sealway/sealway/magefiles/targets"
//
// A target reads its arguments, calls one method of session, and returns an
// error that carries the exit status.
package targets

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sealway/sealway/internal/config"
	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/internal/editor"
	"github.com/sealway/sealway/internal/kube"
	"github.com/sealway/sealway/pkg/controller"
	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/repo"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/seal"
)

// arguments are what a command line gave; nil pointers were not given.
type arguments struct {
	app    []string // positional names
	words  []string // those that follow
	cert   *string
	json   *bool
	text   map[string]*string // flags that mean nothing when they are empty
	sync   *syncArguments
	verify *verifyArguments
	report *reportArguments // of the targets that judge
}

// session is one run of one command.
type session struct {
	config  *config.Config
	repo    *repo.Repository
	console *console.Console
	report  *report.Report
	now     time.Time
	cluster func() (*kube.Cluster, error) // as the kubeconfig says, looked up once

	// Of the applications that are synced: those in another cluster than the
	// kubeconfig's, and the folders that the others deploy.
	elsewhere map[string]bool
	folders   map[string]bool
}

// run opens a session and calls do, which prints the report. Nearly every command has
// values in memory, so none leaves a core dump.
func run(ctx context.Context, command string, a arguments, do func(context.Context, *session) error) error {
	editor.NoCore()
	return console.Run(ctx, func(ctx context.Context) error { return start(ctx, command, a, do) })
}

func start(ctx context.Context, command string, a arguments, do func(context.Context, *session) error) error {
	if err := a.check(command); err != nil {
		return err
	}
	s := &session{report: report.New(command), console: console.New(console.Options{Out: os.Stdout, Err: os.Stderr}), now: time.Now(), elsewhere: map[string]bool{}, folders: map[string]bool{}}
	err := s.open(ctx, a)
	if err == nil {
		if err = do(ctx, s); err != nil {
			err = s.console.Fail(s.report, err)
		}
	}
	return errors.Join(err, s.deliver(ctx, a, err))
}

// check refuses what Mage took for a name and what would silently mean the default.
func (a arguments) check(command string) error {
	for _, p := range a.app {
		if strings.HasPrefix(p, "-") || p == "" { // Mage takes a flag before the names for a name
			return &console.Usage{Problem: fmt.Sprintf("%s: %q is no application", command, p), Advice: "names come first, flags behind them: mage " + command + " NAME -flag"}
		}
	}
	for _, w := range a.words {
		if strings.HasPrefix(w, "-") || w == "" {
			return &console.Usage{Problem: fmt.Sprintf("%s: %q is neither a Secret nor a key", command, w), Advice: "names come first, flags behind them; `mage -h " + command + "` shows the order"}
		}
	}
	if err := trailing(command, len(a.app)+len(a.words), os.Args[1:]); err != nil {
		return err
	}
	for name, value := range a.given() {
		if value != nil && *value == "" { // an unset variable must not mean the default
			return &console.Usage{Problem: fmt.Sprintf("%s: -%s is empty", command, name), Advice: "give it a value, or leave it out"}
		}
	}
	if a.sync != nil {
		if err := a.sync.check(command); err != nil {
			return err
		}
	}
	if a.verify != nil {
		if err := a.verify.check(command); err != nil {
			return err
		}
	}
	if a.report != nil {
		return a.report.check(command, is(a.json))
	}
	return nil
}

// given are the flags that mean nothing when they are empty.
func (a arguments) given() map[string]*string {
	all := maps.Clone(a.text)
	if all == nil {
		all = map[string]*string{}
	}
	if a.report != nil {
		all["report"], all["format"] = a.report.files, a.report.format
	}
	if a.verify != nil {
		all["html"] = a.verify.html
	}
	return all
}

// open finds the repository and reads the settings.
func (s *session) open(ctx context.Context, a arguments) error {
	tree, err := git.Open(ctx, ".")
	if err != nil {
		return err
	}
	c, err := config.Load(tree.Root, os.LookupEnv)
	if err != nil {
		return err
	}
	if a.cert != nil {
		c.Certificate = *a.cert
	}
	s.repo, err = repo.New(tree, options(c))
	if err != nil {
		return err
	}
	s.config = c
	s.cluster = sync.OnceValues(func() (*kube.Cluster, error) { return kube.Load(c.Context) })
	format := a.output(c) // decides on JSON, too
	s.console = console.New(console.Options{Out: os.Stdout, Err: os.Stderr, Format: format, JSON: c.JSON, Verbose: c.Verbose, Colour: c.Colour, Unicode: c.Unicode, CI: c.CI})
	return nil
}

// output says how the answer is printed.
func (a arguments) output(c *config.Config) console.Format {
	c.JSON = c.JSON || is(a.json)
	if a.report == nil || a.report.format == nil {
		return ""
	}
	f := console.Format(*a.report.format)
	c.JSON = f == console.JSON
	return f
}

// is reads an optional flag.
func is(b *bool) bool { return b != nil && *b }

// names splits an optional list of names.
func names(list *string) []string {
	if list == nil {
		return nil
	}
	out := strings.Split(*list, ",") // one empty name when the list is empty: start refuses it
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

// lock keeps other runs out while this one reads, decides and writes.
func (s *session) lock(ctx context.Context) (unlock func(), err error) {
	return s.repo.Lock(ctx, func() { s.console.Note("waiting for another run in this repository") })
}

// controller finds the Sealed Secrets controller and tells which cluster it is in.
func (s *session) controller(ctx context.Context) (*controller.Controller, error) {
	k, err := s.cluster()
	if err != nil {
		return nil, err
	}
	s.report.Fact("cluster", k.String())
	return controller.Find(ctx, k.Core, controller.Options{Namespace: s.config.Controller.Namespace, Name: s.config.Controller.Name})
}

// certificates says where the certificate to seal with comes from.
func (s *session) certificates() seal.CertificateOptions {
	return seal.CertificateOptions{
		Given: s.config.Certificate, Pin: s.repo.PinPath(), PinName: s.repo.Rel(s.repo.PinPath()), Now: s.now,
		Accepted:   filepath.Join(s.repo.StateDir(), "certificate"),
		Controller: func(ctx context.Context) (seal.Controller, error) { return s.controller(ctx) },
	}
}
