package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd/api"
)

func TestDescribe(t *testing.T) {
	raw := &api.Config{CurrentContext: "dev", Contexts: map[string]*api.Context{
		"prod": {AuthInfo: "admin", LocationOfOrigin: "/b"},
		"dev":  {AuthInfo: "me", LocationOfOrigin: "/a"},
		"test": {AuthInfo: "me", LocationOfOrigin: "/a"},
	}}
	for _, c := range []struct {
		name, context, user string
	}{{"", "dev", "me"}, {"prod", "prod", "admin"}, {"nope", "nope", ""}} {
		want := &Kubeconfig{Files: []string{"/a", "/b"}, Context: c.context, Current: "dev", User: c.user, Contexts: []string{"dev", "prod", "test"}}
		if diff := cmp.Diff(want, describe(raw, c.name)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.name, diff)
		}
	}
}
