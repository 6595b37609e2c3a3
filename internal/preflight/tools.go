package preflight

import (
	"context"
	"strings"
)

// tools looks for programs that people use beside sealway. They are not run.
func (i *inspection) tools(context.Context) outcome {
	var found, missing []string
	for _, name := range []string{"kubectl", "kubeseal", "helm", "argocd", "task"} {
		if path, err := i.LookPath(name); err == nil {
			found = append(found, name+" ("+path+")")
		} else {
			missing = append(missing, name)
		}
	}
	text := "not found: " + strings.Join(missing, ", ") + ", and no target needs them"
	switch {
	case len(found) == 0:
		return skipped("%s", text)
	case len(missing) == 0:
		return ok("%s", strings.Join(found, ", "))
	}
	return ok("%s; %s", strings.Join(found, ", "), text)
}
