// Package scripttest runs the project's testscripts: one repository per script,
// the real Mage binary, and nothing of the developer's own configuration.
//
// Besides testscript's commands there are those that [Commands] lists. A script
// that plants values with the word canary in them fails when one shows up in
// anything that mage printed, or in a file outside the plaintext folders.
package scripttest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sealway/sealway/pkg/git/gittest"
)

// Main runs the tests of a package, without the developer's git configuration,
// and removes what they share. Use it as
//
//	func TestMain(m *testing.M) { os.Exit(scripttest.Main(m)) }
func Main(m *testing.M) int {
	gittest.Isolate()
	status := m.Run()
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	return status
}

// Run runs every script of a folder; a folder without one fails. env adds to
// the scripts' environment; with MAGE=go tool mage there, scripts bring their
// own magefiles.
func Run(t *testing.T, dir string, env ...string) {
	t.Helper()
	path := os.Getenv("PATH")
	if !slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "MAGE=") }) {
		mage := Mage(t)
		env = append(env, "MAGE="+mage)
		path = filepath.Dir(mage) + string(os.PathListSeparator) + path
	} else if err := touch(Root(t)); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			return setup(e, slices.Concat(env, []string{"PATH=" + path}))
		},
		Cmds:                Commands(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// Commands are the commands of a script.
func Commands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"mage":         mageCommand, // mage ARG...: has to exit with 0
		"status":       status,      // status N [unprivileged|diskfull] mage ARG...: has to exit with exactly N
		"refuses":      refuses,     // refuses DIR TARGET mage ARG...: every file of DIR, put at TARGET, fails as it says
		"interrupt":    interrupt,   // interrupt INT|TERM|HUP mage ARG...: signalled once it asks the server for /hang; has to exit with 130
		"repo":         repository,  // repo [DIR]: git init, with local-secrets/ ignored
		"cert":         certificate, // cert FILE [soon|expired|future|ec]: a certificate; FILE.key is its key
		"serve":        serve,       // serve VAR FILE: an HTTP server; $VAR/cert is the file, $VAR/hang never answers
		"unseal":       unseal,      // unseal FILE [NAME]: prints the Secret as the controller would make it
		"unseals":      unseals,     // unseals FILE PLAINTEXT: every SealedSecret becomes the Secret of that name
		"tamper":       tamper,      // tamper FILE KEY: changes one character of a ciphertext
		"snapshot":     snapshot,    // snapshot: remembers every file of the work tree
		"unchanged":    unchanged,   // unchanged: no file was added, removed or changed since
		"changed-only": changedOnly, // changed-only FILE...: these files and no others were
		"feed":         feed,        // feed FILE: what the next mage reads on stdin
		"edit":         edit,        // edit FILE OLD NEW: replaces text that stands there once
		"bytes":        writeBytes,  // bytes FILE TEXT [N]: TEXT with Go's escapes, N times
		"json":         jsonValue,   // json PATH VALUE: a value of the JSON document on stdout
		"valid":        valid,       // valid FILE...: reports that the published schemas of SARIF and JUnit XML accept
		"mode":         fileMode,    // mode FILE PERM: permission bits in octal
	}
}

// setup isolates a script: its own home, git and kubectl configuration.
func setup(e *testscript.Env, env []string) error {
	home := filepath.Join(e.WorkDir, ".home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	e.Vars = append(e.Vars,
		"HOME="+home, "USERPROFILE="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "XDG_STATE_HOME="+home, "XDG_DATA_HOME="+home,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+filepath.Join(home, "gitconfig"), "GIT_CEILING_DIRECTORIES="+filepath.Dir(e.WorkDir),
		"LC_ALL=C", "TERM=dumb",
	)
	e.Vars = append(e.Vars, env...)
	s := &script{work: e.WorkDir}
	e.Values[scriptKey{}] = s
	t := e.T()
	e.Defer(func() {
		if leaks := s.leaks(); len(leaks) > 0 {
			t.Fatal(strings.Join(leaks, "\n"))
		}
	})
	return nil
}

// script is what the commands of one script share.
type script struct {
	work    string
	printed []output
	before  map[string]string // snapshot
	server  *server
	input   []byte // of the next mage
}

type scriptKey struct{}

func of(ts *testscript.TestScript) *script {
	s, ok := ts.Value(scriptKey{}).(*script)
	if !ok {
		ts.Fatalf("the script was not set up by scripttest")
	}
	return s
}

// usage ends a script that uses a command wrongly.
func usage(ts *testscript.TestScript, neg, ok bool, how string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", how)
	}
}
