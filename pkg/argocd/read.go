package argocd

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// ReadList reads what the Kubernetes API answers to a list of Application objects:
// the way to look at Argo CD without its server. next continues the list; it is empty
// on the last page. Unlike the server's answer it says whether Argo CD 3.1 and later
// is told not to sync by itself (spec.syncPolicy.automated.enabled).
func ReadList(data []byte) (apps []App, next string, err error) {
	var list struct {
		Metadata struct {
			Continue string `json:"continue"`
		} `json:"metadata"`
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, "", fmt.Errorf("applications: read: %w", err)
	}
	for _, raw := range list.Items {
		a, err := readApp(raw)
		if err != nil {
			return nil, "", err
		}
		apps = append(apps, a)
	}
	sortApps(apps)
	return apps, list.Metadata.Continue, nil
}

// readApp reads one Application object.
func readApp(raw []byte) (App, error) {
	var object v1alpha1.Application
	if err := json.Unmarshal(raw, &object); err != nil {
		return App{}, fmt.Errorf("application %s: read: %w", nameInObject(raw), err)
	}
	a := convert(&object)
	if a.AutoSync != nil && switchedOff(raw) {
		a.AutoSync = nil
	}
	return a, nil
}

// switchedOff reads the field that the types of Argo CD 2 do not have.
func switchedOff(raw []byte) bool {
	var object struct {
		Spec struct {
			SyncPolicy struct {
				Automated struct {
					Enabled *bool `json:"enabled"`
				} `json:"automated"`
			} `json:"syncPolicy"`
		} `json:"spec"`
	}
	return json.Unmarshal(raw, &object) == nil && object.Spec.SyncPolicy.Automated.Enabled != nil && !*object.Spec.SyncPolicy.Automated.Enabled
}

// nameInObject is the name of an object that could not be read otherwise.
func nameInObject(raw []byte) string {
	var object struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	_ = json.Unmarshal(raw, &object)
	return object.Metadata.Name
}

func sortApps(apps []App) {
	slices.SortFunc(apps, func(a, b App) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
}
