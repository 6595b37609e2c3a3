package targets

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sealway/sealway/internal/completion"
	"github.com/sealway/sealway/internal/config"
	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/internal/editor"
	"github.com/sealway/sealway/pkg/git"
	"github.com/sealway/sealway/pkg/repo"
)

const (
	completionTime  = 5 * time.Second // then the shell gets its prompt back
	completionInput = 1 << 20         // of a command line
)

// complete is completion.
func complete(ctx context.Context, shell string, name *string, words bool) error {
	return console.Run(ctx, func(ctx context.Context) error {
		s := completion.Shell(shell)
		if !s.Known() {
			return &console.Usage{Problem: fmt.Sprintf("completion: there is no script for %q", shell), Advice: "there are bash, zsh and fish"}
		}
		if name != nil && *name == "" {
			return &console.Usage{Problem: "completion: -name is empty", Advice: "give it a value, or leave it out"}
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		if words {
			answer(ctx, s, self, text(name) == "mage")
			return nil
		}
		return completionScript(s, self, name)
	})
}

// completionScript prints the script.
func completionScript(shell completion.Shell, self string, name *string) error {
	own := strings.TrimSuffix(filepath.Base(self), ".exe")
	if completion.IsMage(self) {
		own = "sealway"
	}
	source := completion.Source{Command: own, Own: own, Program: own}
	if name != nil && *name != own {
		if completion.IsMage(self) {
			return &console.Usage{
				Problem: "completion: -name needs the compiled program, for the one that mage makes has another place after each change",
				Advice:  fmt.Sprintf(`task build (or go tool mage -compile "$PWD/.bin/sealway"), then .bin/sealway completion %s -name=%s`, shell, *name),
			}
		}
		source.Command, source.Program = *name, self
	}
	script, err := completion.Script(shell, source)
	if err != nil {
		return err
	}
	_, err = io.WriteString(os.Stdout, script)
	return err
}

// answer prints what may follow. Whatever is wrong, it says nothing: the prompt of a
// shell is no place for it.
func answer(ctx context.Context, shell completion.Shell, self string, mage bool) {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	editor.NoCore()
	if console.IsTerminal(os.Stdin) {
		return
	}
	data, err := io.ReadAll(io.LimitReader(os.Stdin, completionInput))
	if err != nil {
		return
	}
	open := sync.OnceValues(func() (*repo.Repository, error) { return repository(ctx) })
	c := completion.Completer{
		Help:  completion.Program{Path: self, Mage: mage},
		Names: completion.Repository{Open: func(context.Context) (*repo.Repository, error) { return open() }},
	}
	q := completion.Read(shell, string(data))
	_, _ = io.WriteString(os.Stdout, q.Answer(c.Complete(ctx, q.Words)))
}

// repository is the work tree here with the settings of its file; those of the
// environment are not about names.
func repository(ctx context.Context) (*repo.Repository, error) {
	tree, err := git.Open(ctx, ".")
	if err != nil {
		return nil, err
	}
	c, err := config.Load(tree.Root, func(string) (string, bool) { return "", false })
	if err != nil {
		return nil, err
	}
	return repo.New(tree, options(c))
}

// options are the names of folders and files that the settings give.
func options(c *config.Config) repo.Options {
	return repo.Options{
		Applications: c.Applications, Plaintext: c.Plaintext, Sealed: c.Sealed,
		Contract: c.Contract, Pin: c.Pin, Namespaces: c.Namespaces,
	}
}
