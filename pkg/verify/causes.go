package verify

import (
	"context"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/diagnose"
	"github.com/sealway/sealway/pkg/report"
)

// What this package makes of the rules of package diagnose.
const (
	soft       = "revision-behind" // worth a look, and breaks nothing: a commit that Argo CD has not seen
	syncFailed = "sync-failed"     // a sync that has failed with nothing said about why
)

// told are rules that the strays tell of: nothing is broken by them.
var told = []string{"prune-needed", "changed-since-sync"}

// underWay are rules that say, before their grace is over, no more than the links do.
var underWay = []string{"sync-waits", "rollout-stuck", "resource-progressing"}

// upstream are rules with which nothing of the application comes into the cluster: that
// things are not there is no cause of its own beside them.
var upstream = []string{
	RuleNotDeployed, "manifests-broken", "chart-dependency", "source-missing", "repository-unreachable", "invalid-spec", "never-synced",
}

// diagnosed are the causes that package diagnose finds, those folded that only follow
// from another one on the way through Argo CD.
func (c *chain) diagnosed(ctx context.Context) []report.Cause {
	strange := c.straySealed()
	causes := slices.DeleteFunc(diagnose.Diagnose(ctx, c.src.Input), func(cause report.Cause) bool {
		stray := len(cause.Follows) == 0 && slices.ContainsFunc(strange, func(s report.Stray) bool { return s.Object == cause.Object })
		return stray || slices.Contains(told, cause.Rule) || !cause.Final && slices.Contains(underWay, cause.Rule)
	})
	for i := range causes {
		if causes[i].Rule == soft && c.src.Commit != nil && c.src.Commit.State == CommitNotSeen {
			causes[i].Final = false // Argo CD looks by itself every few minutes
		}
	}
	hard := slices.DeleteFunc(slices.Clone(causes), func(cause report.Cause) bool { return cause.Rule == soft })
	if len(hard) > 0 { // of these each says whether it is about what is not pushed
		causes = hard
	}
	return merged(folded(unsynced(undeployed(causes))))
}

// undeployed folds what is not in the cluster into the cause that keeps all of it out.
// What is wrong in the repository stays.
func undeployed(causes []report.Cause) []report.Cause {
	at := slices.IndexFunc(causes, func(cause report.Cause) bool { return slices.Contains(upstream, cause.Rule) })
	if at < 0 {
		return causes
	}
	first := causes[at]
	nothing := first.Rule == RuleNotDeployed // is there at all
	return absorb(causes, at, func(cause report.Cause) bool {
		inRepository := slices.Contains([]string{LinkLocal, diagnose.LinkSealed, diagnose.LinkCommit}, cause.Link)
		return !inRepository && (nothing || absent(cause.Rule))
	})
}

// absent says whether a rule is about something that Argo CD has not brought.
func absent(rule string) bool {
	return strings.HasSuffix(rule, "not-synced") || rule == "never-synced" || rule == "database-missing"
}

// absorb puts those causes that follow from another one into it. It takes the place of
// the first of them.
func absorb(causes []report.Cause, at int, follows func(report.Cause) bool) []report.Cause {
	first, place, out := causes[at], -1, []report.Cause{}
	for i, cause := range causes {
		switch {
		case i != at && !follows(cause):
			out = append(out, cause)
			continue
		case i != at:
			first.Follows = append(first.Follows, cause.Object+" is not as in Git")
		}
		if place < 0 {
			place = len(out)
		}
	}
	return slices.Insert(out, place, first)
}

// merged puts causes of one rule that the same commands mend together: three Secrets that
// wait for one sync are one thing to do.
func merged(causes []report.Cause) []report.Cause {
	var out []report.Cause
	for _, cause := range causes {
		at := slices.IndexFunc(out, func(o report.Cause) bool {
			return o.Rule == cause.Rule && o.Final == cause.Final && o.Fix.Text == cause.Fix.Text && len(cause.Fix.Commands) > 0 && cause.Fix.Edit == nil
		})
		if at < 0 {
			out = append(out, cause)
			continue
		}
		out[at].Follows = append(append(out[at].Follows, cause.Object+": the same"), cause.Follows...)
	}
	return out
}

// unsynced drops the general cause that Git has more than the cluster where another one
// says which object it is about.
func unsynced(causes []report.Cause) []report.Cause {
	special := slices.ContainsFunc(causes, func(cause report.Cause) bool {
		return cause.Rule != RuleNotSynced && strings.HasSuffix(cause.Rule, "-"+RuleNotSynced)
	})
	return slices.DeleteFunc(causes, func(cause report.Cause) bool { return special && cause.Rule == RuleNotSynced })
}

// folded puts a failed sync, of which nothing more is known, to what follows from the
// first cause.
func folded(causes []report.Cause) []report.Cause {
	at := slices.IndexFunc(causes, func(cause report.Cause) bool { return cause.Rule == syncFailed })
	if at <= 0 {
		return causes
	}
	causes[0].Follows = append(causes[0].Follows, causes[at].Object+": "+causes[at].Message)
	return slices.Delete(causes, at, at+1)
}
