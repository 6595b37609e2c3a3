package lint

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sealway/sealway/pkg/chart"
	"github.com/sealway/sealway/pkg/manifest"
)

// escaped are actions that only print a text: {{`{{`}} and {{ "{{ x }}" }}.
var escaped = regexp.MustCompile("\\{\\{-?\\s*(?:`[^`]*`|\"(?:[^\"\\\\]|\\\\.)*\")\\s*-?\\}\\}")

// sealedBraces looks at the files as they are: comments, too, are run by Helm.
func sealedBraces(c *checker, a *application) {
	if !a.isChart || !strings.HasPrefix(relative(a.dir, c.repo.Rel(a.Sealed)), "templates") {
		return
	}
	for _, f := range a.sealedFiles {
		if !ours(f.Rel, f.Data) {
			continue
		}
		for i, line := range strings.Split(string(f.Data), "\n") {
			if !strings.Contains(escaped.ReplaceAllString(line, ""), "{{") {
				continue
			}
			at := place{f.Rel, i + 1}
			c.add(at, finding("", "it has `{{`, which Helm runs before the controller sees the file",
				fmt.Sprintf("write {{`{{ ... }}`}} in quotes in %s, or leave the braces out", at)))
		}
	}
}

// ours reports whether a file was sealed and is no template that makes a SealedSecret.
func ours(name string, data []byte) bool {
	return strings.HasPrefix(name[strings.LastIndexByte(name, '/')+1:], "sealed-") || strings.Contains(string(data), "sealway.github.io/certificate")
}

// hasBraces reports whether a path is that of a sealed file with braces.
func (a *application) hasBraces(name string) bool {
	for _, f := range a.sealedFiles {
		if f.Rel == name && ours(f.Rel, f.Data) && strings.Contains(escaped.ReplaceAllString(string(f.Data), ""), "{{") {
			return true
		}
	}
	return false
}

func sealedWithoutContract(c *checker, a *application) {
	for i := range a.sealed {
		s := &a.sealed[i]
		namespace := a.namespaceOf(s)
		if a.contract == nil && len(a.unreadable) > 0 || a.contract != nil && a.contract.Secret(s.Name) != nil {
			continue // of another namespace, the reverse rule tells
		}
		at := place{s.Path, s.Line}
		message := fmt.Sprintf("%s does not name it: nobody can tell how its values come about", a.contractPath())
		if a.contract == nil {
			message = fmt.Sprintf("there is no %s: nobody can tell how its values come about", a.contractPath())
		}
		c.add(at, finding("Secret "+namespace+"/"+s.Name, message, fmt.Sprintf("add `- %s` below `secrets:` in %s, or delete %s", a.entryFor(s), a.contractPath(), s.Path)))
	}
}

// entryFor is the contract's entry for a sealed Secret, with all values from elsewhere.
func (a *application) entryFor(s *manifest.Sealed) string {
	head := "name: " + s.Name
	if namespace := a.namespaceOf(s); namespace != a.Namespace {
		head += ", namespace: " + namespace
	}
	if t := s.Template.Type; t != "" && t != "Opaque" {
		head += ", type: " + t
	}
	keys := make([]string, len(s.Items))
	for i, it := range s.Items {
		keys[i] = it.Key + ": {external: where it comes from}"
	}
	return "{" + head + ", keys: {" + strings.Join(keys, ", ") + "}}"
}

func contractWithoutSealed(c *checker, a *application) {
	if a.contract == nil {
		return
	}
	for i := range a.contract.Secrets {
		s := &a.contract.Secrets[i]
		namespace := s.NamespaceOr(a.Namespace)
		if len(c.produced[identity{namespace, chart.Secret, s.Name}]) > 0 && !c.declaredOnly(identity{namespace, chart.Secret, s.Name}) {
			continue
		}
		message := "no sealed file holds it"
		for j := range a.sealed {
			if other := &a.sealed[j]; other.Name == s.Name {
				message += fmt.Sprintf("; %s is for namespace %s", place{other.Path, other.Line}, a.namespaceOf(other))
			}
		}
		c.add(place{a.contractPath(), s.Line}, finding("Secret "+namespace+"/"+s.Name, message,
			fmt.Sprintf("run `mage secrets:generate -app=%s`, fill in what it names, run `mage seal:app %s` and commit the sealed file", a.Name, a.Name)))
	}
}

// declaredOnly reports whether only the contract speaks of it.
func (c *checker) declaredOnly(id identity) bool {
	for _, p := range c.produced[id] {
		if !p.declared {
			return false
		}
	}
	return true
}
