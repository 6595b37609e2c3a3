package completion

// kind is what stands in an argument or behind a flag.
type kind int

const (
	nothing     kind = iota // a text that nobody can guess
	application             // folder of an application
	secret                  // Secret of the application that was named
	key                     // key of the Secret that was named, or secret/key
	ref                     // application/secret/key
	file                    // file or folder
	choice                  // one of fixed
)

// kinds by the name of the argument or flag, in lower case. test/layout fails when
// a target has one that is missing here, and when one here belongs to no target.
var kinds = map[string]kind{
	"app": application, "secret": secret, "key": key, "reveal": key, "force": ref,
	"cert": file, "file": file, "html": file, "report": file, "binary": file, "dir": file,
	"format": choice, "from": choice, "argocd": choice, "shell": choice,
	"range": nothing, "push": nothing, "name": nothing, "type": nothing, "revision": nothing,
	"selector": nothing, "timeout": nothing, "remote": nothing, "branch": nothing,
	"message": nothing, "port": nothing,
}

// fixed are the values of a choice, as its description lists them: test/layout
// compares.
var fixed = map[string][]string{
	"format": {"text", "json", "sarif", "github"},
	"from":   {"cluster", "manifest", "dotenv", "literals"},
	"argocd": {"2", "3", "none"},
	"shell":  {"bash", "zsh", "fish"},
}

// Known says whether there is an entry for an argument or flag of this name, and
// what values it has when it has few.
func Known(name string) (values []string, ok bool) {
	_, ok = kinds[name]
	return fixed[name], ok
}

// Arguments are all names that there is an entry for.
func Arguments() []string {
	var out []string
	for name := range kinds {
		out = append(out, name)
	}
	return out
}
