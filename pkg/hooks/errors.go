package hooks

import "path/filepath"

// OutsideError says that core.hooksPath leads out of the repository.
type OutsideError struct{ Dir string }

func (e *OutsideError) Error() string {
	return "hooks: core.hooksPath is " + e.Dir + ", outside this repository: a hook there would run in every repository that uses it"
}

// Hint says how to have hooks for this repository alone.
func (e *OutsideError) Hint() string {
	return "`git config --local core.hooksPath \"$(git rev-parse --path-format=absolute --git-common-dir)/hooks\"` gives this repository hooks of its own; those in " + e.Dir + " no longer run in it then"
}

// EditedError says that somebody has changed one of our hooks.
type EditedError struct{ Hook Hook }

func (e *EditedError) Error() string {
	return "hook " + e.Hook.Name + ": " + e.Hook.Path + " was changed by hand since it was installed"
}

// Hint says where the changes are safe.
func (e *EditedError) Hint() string {
	return "move your lines to " + filepath.Base(e.Hook.Path) + KeptSuffix + " beside it, a script that is called, and delete " + filepath.Base(e.Hook.Path)
}

// TwiceError says that there are two hooks to be kept.
type TwiceError struct{ Hook Hook }

func (e *TwiceError) Error() string {
	return "hook " + e.Hook.Name + ": there is one of somebody else's, and one that was kept before: " + e.Hook.Kept
}

// Hint says what to do with them.
func (e *TwiceError) Hint() string {
	return "make one of the two, as " + filepath.Base(e.Hook.Path) + ", and delete the other"
}
