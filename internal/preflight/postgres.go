package preflight

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/repo"
)

const postgresGroup = "postgresql.cnpg.io"

// postgres looks for the CloudNativePG operator, if a chart here needs it.
func (i *inspection) postgres(ctx context.Context) outcome {
	if len(i.databases) == 0 {
		return skipped("no application here has a PostgreSQL cluster of CloudNativePG")
	}
	needs, verb := strings.Join(i.databases, ", "), "needs"
	if len(i.databases) > 1 {
		verb = "need"
	}
	missing, err := i.served(ctx, postgresGroup+"/v1", "clusters")
	switch {
	case err != nil:
		return i.unseen(err, "get", "/apis/"+postgresGroup+"/v1", "(discovery)")
	case len(missing) > 0:
		return failed("the cluster has no kind Cluster of "+postgresGroup+"/v1, which "+needs+" "+verb, "install CloudNativePG: https://cloudnative-pg.io/documentation/current/installation_upgrade/")
	}
	return join(ok("CustomResourceDefinition (for %s)", needs), i.postgresOperator(ctx))
}

func (i *inspection) postgresOperator(ctx context.Context) outcome {
	list, err := i.deployments(ctx, "", "app.kubernetes.io/name=cloudnative-pg")
	if err != nil {
		return i.unseen(err, "list", "deployments.apps", "in all namespaces (for the operator)")
	}
	if len(list) == 0 {
		return warned("no Deployment of the operator has the label app.kubernetes.io/name=cloudnative-pg", "nothing, if the operator runs elsewhere; without it no database is made")
	}
	d := &list[0]
	if d.Status.AvailableReplicas == 0 {
		return failed("the operator's Deployment "+d.Namespace+"/"+d.Name+" is not available", "`kubectl -n "+d.Namespace+" describe deployment "+d.Name+"` says why")
	}
	return ok("operator %s/%s available", d.Namespace, d.Name)
}

// databases are the applications whose charts have such a cluster.
func databases(apps []repo.Application) []string {
	var users []string
	for _, a := range apps {
		if mentions(a, postgresGroup) {
			users = append(users, a.Name)
		}
	}
	return users
}

// mentions looks for a text in the application's manifests.
func mentions(a repo.Application, text string) bool {
	found := false
	_ = filepath.WalkDir(a.Dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || found:
			return nil //nolint:nilerr // what cannot be read mentions nothing
		case d.IsDir():
			if path == a.Plaintext {
				return fs.SkipDir
			}
			return nil
		case !slices.Contains([]string{".yaml", ".yml", ".tpl", ".json"}, filepath.Ext(path)):
			return nil
		}
		data, err := os.ReadFile(path)
		found = err == nil && bytes.Contains(data, []byte(text))
		return nil
	})
	return found
}
