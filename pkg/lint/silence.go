package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/report"
)

// Silence takes findings of one rule out of the result.
type Silence struct {
	Rule   string
	Path   string // glob over the file's path; * stays within a folder, ** does not; empty: any
	Object string // glob over the object, for instance "Secret shop/*"; empty: any
	Reason string // for the next reader
	Where  string // position of this entry, for messages: .sealway.yaml:12
}

// String names the silence in messages.
func (s Silence) String() string {
	text := s.Rule
	for _, part := range []string{s.Path, s.Object} {
		if part != "" {
			text += " " + part
		}
	}
	return text
}

// SilenceError is a silence that cannot be heeded.
type SilenceError struct {
	Silence Silence
	Problem string
	Advice  string
}

func (e *SilenceError) Error() string { return e.Silence.Where + ": silence: " + e.Problem }

// Hint says what to write.
func (e *SilenceError) Hint() string { return e.Advice }

// Usage marks the error as one of usage: exit status 2.
func (e *SilenceError) Usage() bool { return true }

// checkSilences refuses what would silence nothing, or nobody knows why.
func checkSilences(list []Silence) error {
	names := RuleNames()
	for _, s := range list {
		switch {
		case !slices.Contains(names, s.Rule):
			advice := "the rules are: " + strings.Join(names, ", ")
			if near := nearest(s.Rule, names); near != "" {
				advice = "did you mean " + near + "?"
			}
			return &SilenceError{s, fmt.Sprintf("unknown rule %q", s.Rule), advice}
		case strings.TrimSpace(s.Reason) == "":
			return &SilenceError{s, "no reason", "write `reason:` with why the finding is right as it is"}
		}
	}
	return nil
}

func (s Silence) matches(f report.Finding) bool {
	return s.Rule == f.Rule && (s.Path == "" || glob(s.Path, f.Path)) && (s.Object == "" || glob(s.Object, f.Object))
}

// glob matches a whole text.
func glob(pattern, text string) bool {
	var re strings.Builder
	for rest := pattern; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "**"):
			re.WriteString(".*")
			rest = rest[2:]
			continue
		case rest[0] == '*':
			re.WriteString("[^/]*")
		case rest[0] == '?':
			re.WriteString("[^/]")
		default:
			re.WriteString(regexp.QuoteMeta(rest[:1]))
		}
		rest = rest[1:]
	}
	ok, err := regexp.MatchString("^(?:"+re.String()+")$", text)
	return ok && err == nil
}
