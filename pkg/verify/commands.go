package verify

import "strings"

// mage is the call of a target that takes the names of the repository's folders.
func (c *chain) mage(target string, flags ...string) string {
	return c.call(target, c.src.Application, flags)
}

// argoMage is the call of a target that takes Argo CD's name: gitops:sync, gitops:diff.
func (c *chain) argoMage(target string, flags ...string) string {
	name := c.src.Application
	if a := c.src.Argo; a != nil {
		name = or(a.Name, name)
	}
	return c.call(target, name, flags)
}

// generate is the call of secrets:generate, which takes the name as a flag.
func (c *chain) generate() string {
	return or(c.src.Command, "mage") + " secrets:generate -app=" + c.src.Application
}

func (c *chain) call(target, name string, flags []string) string {
	return strings.Join(append([]string{or(c.src.Command, "mage"), target, name}, flags...), " ")
}

// kubectl is the call of kubectl for the cluster that was looked at, which need not be
// that of kubectl's current context.
func (c *chain) kubectl(namespace, what string) string {
	call := or(c.src.Kubectl, "kubectl")
	if namespace != "" {
		call += " -n " + namespace
	}
	return call + " " + what
}
