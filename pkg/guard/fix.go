package guard

import (
	"fmt"
	"strings"

	"github.com/sealway/sealway/pkg/git"
)

// scope is where a version was found.
type scope int

const (
	inIndex   scope = iota // staged for the next commit
	tracked                // in the index, whatever the last commit has
	inRange                // in a commit that is about to be published
	inHistory              // in any commit
)

// commits reports whether versions come out of commits.
func (s scope) commits() bool { return s == inRange || s == inHistory }

// file is the message about a file of a plaintext folder.
func (s scope) file() string {
	switch s {
	case inIndex:
		return "this plaintext file is staged"
	case tracked:
		return "Git tracks this plaintext file"
	default:
		return "the commit has this plaintext file"
	}
}

// fix says what to do about a hit.
func (r *run) fix(s scope, h hit, v git.Version) string {
	file := quote(v.Path)
	switch {
	case s == inIndex:
		return unstage(h, file, v.New, r.ignored[v.Path])
	case s == tracked:
		if h.rule == RuleFile && !h.archive {
			return fmt.Sprintf("`git rm --cached -- %s`, commit, and change every value in it if it was ever committed: history keeps them", file)
		}
		return remedy(h) + "; if it was ever committed, change the value: history keeps it"
	case s == inRange && r.opts.Published:
		return fmt.Sprintf("change the value where it is used, then seal the new one: commit %s brings the old one, and was pushed; then take it out of the commits, so that it is not merged: %s", git.Short(v.Commit), rebase(v))
	case s == inRange:
		return fmt.Sprintf("commit %s brings it: take it out of the commits before anybody gets them (%s); if they were pushed, change the value", git.Short(v.Commit), rebase(v))
	case v.Commit == "":
		return "change the value where it is used, then seal the new one; a tag or another ref leads to this file without a commit: `git for-each-ref` shows it"
	default:
		return fmt.Sprintf("change the value where it is used, then seal the new one: commit %s has the old one, and so has every clone; rewriting history does not call them back", git.Short(v.Commit))
	}
}

// rebase is how a commit is edited. Before the first one there is none.
func rebase(v git.Version) string {
	if v.Root {
		return "`git rebase -i --root`"
	}
	return "`git rebase -i " + git.Short(v.Commit) + "~1`"
}

// unstage is the way out of the index. A new file has no version to go back to.
func unstage(h hit, file string, isNew bool, rule *git.IgnoreRule) string {
	back := "`git restore --staged -- " + file + "`"
	if isNew {
		back = "`git rm --cached -- " + file + "`"
	}
	switch {
	case h.rule != RuleFile || h.archive:
		return remedy(h) + "; to leave the file out of the commit: " + back
	case rule != nil:
		return fmt.Sprintf("%s takes it out of the commit, the file itself stays; %s line %s ignores it, which `git add -f` passes by", back, rule.Source, rule.Line)
	default:
		return back + " takes it out of the commit, the file itself stays; .gitignore needs a line for its folder"
	}
}

// remedy is what to change in the file.
func remedy(h hit) string {
	if h.archive {
		return "take it out of what is packed (for a chart, a line for the folder of plaintext in `.helmignore`), and make the archive anew"
	}
	switch h.rule {
	case RuleSecret, RuleGenerator, RulePatch:
		return "move the Secret to the application's plaintext folder, seal it (`mage seal:all`), and commit what that writes"
	case RuleApplied:
		return "delete the annotation"
	case RuleCiphertext:
		return "seal it (`mage seal:all`)"
	case RuleTemplate:
		return "move the value to the Secret and seal it, and write {{ .KEY }} in its place"
	case RuleValue:
		return "take the value out, and refer to the Secret"
	default:
		return "put the value into a Secret, seal it, and refer to it"
	}
}

// quote is a path for a shell.
func quote(p string) string {
	if strings.ContainsFunc(p, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./+,@%=:", r)
	}) {
		return "'" + strings.ReplaceAll(p, "'", `'\''`) + "'"
	}
	return p
}
