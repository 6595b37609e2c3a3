package hooks

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"path/filepath"
	"strings"
)

// The hooks that are installed.
const (
	PreCommit = "pre-commit"
	PrePush   = "pre-push"
)

// KeptSuffix is behind the name of a hook that was there before.
const KeptSuffix = ".sealway-kept"

// marker begins the second line of each script; the checksum of what follows is
// behind it, so that a script which somebody has changed is known.
const marker = "# sealway hook, of `secrets:hooks`. Checksum of the rest: "

// what each hook does behind the search for the program. A kept pre-commit hook runs
// first, for it may change the index; a kept pre-push hook last, for it may publish
// something itself, as that of git-lfs does. stdout is left to whoever reads what
// `git push --porcelain` says.
const (
	preCommit = `
if [ -x "$kept" ]; then "$kept" "$@" || exit; fi
find_program commit
exec "$program" secrets:guard >&2
`
	prePush = `
refs=$(cat)
say_refs() { [ -z "$refs" ] || printf '%s\n' "$refs"; }
remote=$1
case $remote in *:*) remote=- ;; esac # a URL may have a password in it
find_program push
say_refs | "$program" secrets:guard -push="$remote" >&2 || exit
if [ -x "$kept" ]; then say_refs | "$kept" "$@"; fi
`
	// Git runs a hook in the root of the work tree. A linked work tree has no
	// program of its own, unless it was built there.
	find = `# A hook that was here before is NAME` + KeptSuffix + ` beside this one, and is called.
kept=$0` + KeptSuffix + `
program=PROGRAM
find_program() {
	for p in "$program" "$program.exe" "$(git rev-parse --git-common-dir)/../$program" "$(git rev-parse --git-common-dir)/../$program.exe"; do
		if [ -f "$p" ] && [ -x "$p" ]; then program=$p; return; fi
	done
	echo "sealway: the $1 is refused: $program is not there, so nothing looks for plaintext in it" >&2
	echo "  hint: build it with 'task build', or without Task: go tool mage -compile '$PWD/${program#./}'" >&2
	exit 1
}
`
)

// script is a hook for a program that is named from the root, or absolutely.
func script(name, program string) string {
	body := preCommit
	if name == PrePush {
		body = prePush
	}
	rest := strings.NewReplacer("NAME", name, "PROGRAM", quote(program)).Replace(find) + body
	return "#!/bin/sh\n" + marker + checksum(rest) + "\n" + rest
}

// programPath has a slash in any case, so that the shell does not search PATH.
func programPath(name string) string {
	name = filepath.ToSlash(name)
	if path.IsAbs(name) || filepath.IsAbs(name) {
		return name
	}
	return "./" + path.Clean(name)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func checksum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// ours says whether a script is one of these, and whether it is as it was written.
func ours(text string) (ours, whole bool) {
	_, rest, _ := strings.Cut(text, "\n")
	line, rest, _ := strings.Cut(rest, "\n")
	sum, ok := strings.CutPrefix(line, marker)
	return ok, ok && sum == checksum(rest)
}
