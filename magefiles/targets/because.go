package targets

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/pkg/argocd"
	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/verify"
)

// becauseTime bounds the look at the cluster after a sync that has failed: its own
// message is worth more than a wait.
const becauseTime = 15 * time.Second

// because adds to the error of a sync what the cluster has to say about it: the first
// cause of each application, and who tells the rest. So every report has it.
func (s *session) because(ctx context.Context, failed error) error {
	if ctx.Err() != nil || !slices.ContainsFunc(parts(failed), func(e error) bool { return failing(e) != "" }) {
		return failed
	}
	var folders []string
	for _, name := range slices.Sorted(maps.Keys(s.folders)) {
		if s.folders[name] {
			folders = append(folders, name)
		}
	}
	if len(folders) == 0 {
		return failed
	}
	ctx, cancel := context.WithTimeout(ctx, becauseTime)
	defer cancel()
	aside := *s
	aside.report = report.New(s.report.Command) // what is noticed on the way is none of the sync's
	v, err := aside.newVerifier(ctx, folders)
	if err != nil {
		return failed
	}
	chains, err := v.look(ctx)
	if err != nil {
		return failed
	}
	rest, failed := explained(failed, chains)
	s.report.Warnings = append(s.report.Warnings, rest...)
	return failed
}

// explained gives each error the cause of its application; rest are the causes of
// applications that no error is about.
func explained(failed error, chains []report.Chain) (rest []string, _ error) {
	ill := slices.DeleteFunc(slices.Clone(chains), func(c report.Chain) bool { return verify.Well(c.State) })
	all := parts(failed)
	for _, c := range ill {
		i := slices.IndexFunc(all, func(e error) bool { return about(failing(e), c.Application) })
		if i < 0 && len(all) == 1 && len(ill) == 1 { // the folder has another name
			i = 0
		}
		switch {
		case i >= 0:
			all[i] = caused(all[i], c)
		case len(c.Causes) > 0:
			rest = append(rest, c.Application+": "+verify.Sentence(c.Causes[0]))
		}
	}
	return rest, errors.Join(all...)
}

// caused is the error of a sync with the first cause of its application, and who tells
// the rest.
func caused(err error, c report.Chain) error {
	hint := "`mage verify:app " + c.Application + "` shows the whole way"
	var own interface{ Hint() string }
	if errors.As(err, &own) && own.Hint() != "" {
		hint = own.Hint() + "; " + hint
	}
	if len(c.Causes) > 0 {
		err = fmt.Errorf("%w; the cause: %s", err, verify.Sentence(c.Causes[0]))
	}
	return &console.Advised{Err: err, Advice: hint}
}

// parts are the errors joined in err.
func parts(err error) []error {
	many, ok := err.(interface{ Unwrap() []error }) // the outermost layer alone
	switch {
	case err == nil:
		return nil
	case !ok:
		return []error{err}
	}
	var all []error
	for _, e := range many.Unwrap() {
		all = append(all, parts(e)...)
	}
	return all
}

// failing is the application that the cluster keeps from the end of its sync; empty when
// the error is about something else.
func failing(err error) string {
	var operation *argocd.OperationError
	var health *argocd.HealthError
	var late *argocd.TimeoutError
	switch {
	case errors.As(err, &operation):
		return operation.App
	case errors.As(err, &health):
		return health.App
	case errors.As(err, &late):
		return late.App
	}
	return ""
}

// about says whether Argo CD's application, maybe with its namespace, is the named one.
func about(app, name string) bool { return app == name || strings.HasSuffix(app, "/"+name) }
