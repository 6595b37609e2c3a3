package guard

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sealway/sealway/pkg/report"
)

// Allow lets one version of one file pass. It says why and until when, so that
// somebody looks again.
type Allow struct {
	Path    string // relative to the root, with slashes
	SHA256  string // of the content as Git has it, in hexadecimal
	Reason  string
	Expires string // the last day, as 2026-12-31
	Line    int    // in the settings file
}

// allowed are the entries that count, by path and hash.
type allowed struct {
	file    string // that holds the list
	entries []Allow
	state   []entryState
}

type entryState struct{ valid, used bool }

var sha256Text = regexp.MustCompile(`^[0-9a-f]{64}$`)

// readAllow checks the list. What is wrong with it is a finding: it might be what
// lets a secret pass.
func readAllow(file string, list []Allow, now time.Time) (a *allowed, findings []report.Finding) {
	a = &allowed{file: file, entries: list, state: make([]entryState, len(list))}
	for i, e := range list {
		at := report.Finding{Rule: RuleAllow, Path: file, Line: e.Line, Object: "guard.allow"}
		day, err := time.ParseInLocation(time.DateOnly, e.Expires, now.Location())
		switch {
		case e.Path == "":
			at.Message, at.Fix = "an entry without a path", "name the file, relative to the repository's root"
		case !sha256Text.MatchString(e.SHA256):
			at.Message, at.Fix = fmt.Sprintf("the entry for %s has no SHA-256 of the file's content", e.Path), fmt.Sprintf("`git cat-file blob :%s | sha256sum` says it", e.Path)
		case strings.TrimSpace(e.Reason) == "":
			at.Message, at.Fix = fmt.Sprintf("the entry for %s gives no reason", e.Path), "say why this file may hold what looks like plaintext"
		case err != nil:
			at.Message, at.Fix = fmt.Sprintf("the entry for %s does not say when it expires", e.Path), "write `expires: 2026-12-31`, the last day on which it counts"
		case !now.Before(day.AddDate(0, 0, 1)):
			at.Rule = RuleExpired
			at.Message, at.Fix = fmt.Sprintf("the entry for %s expired on %s", e.Path, e.Expires), "take the file out of Git, or look at it again and write a new date"
		default:
			a.state[i].valid = true
			continue
		}
		findings = append(findings, at)
	}
	return a, findings
}

// names reports whether there is an entry for a path.
func (a *allowed) names(path string) bool {
	return slices.ContainsFunc(a.entries, func(e Allow) bool { return e.Path == path })
}

// lets reports whether a version of a file may pass.
func (a *allowed) lets(path string, content []byte) bool {
	sum := ""
	for i, e := range a.entries {
		if e.Path != path || !a.state[i].valid {
			continue
		}
		if sum == "" {
			hash := sha256.Sum256(content)
			sum = hex.EncodeToString(hash[:])
		}
		if e.SHA256 == sum {
			a.state[i].used = true
			return true
		}
	}
	return false
}

// unused are warnings about entries that nothing needed.
func (a *allowed) unused() (warnings []string) {
	for i, s := range a.state {
		if s.valid && !s.used {
			warnings = append(warnings, fmt.Sprintf("%s:%d: guard.allow: nothing needs the entry for %s: the file is gone, clean, or has other content now", a.file, a.entries[i].Line, a.entries[i].Path))
		}
	}
	return warnings
}
