package argocd_test

import (
	"context"
	"fmt"
	"os"

	"github.com/sealway/sealway/pkg/argocd"
)

// A sync that says what it waits for. The token is sent to this server alone.
func Example() {
	ctx := context.Background()
	server := argocd.Transport{Address: "argocd.example.com:443"}
	client, err := argocd.Connect(ctx, server, []argocd.Credential{
		{Source: "ARGOCD_AUTH_TOKEN", Server: server.Address, Token: os.Getenv("ARGOCD_AUTH_TOKEN")},
	}, argocd.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer client.Close()
	outcome, err := client.Sync(ctx, "litellm", argocd.SyncOptions{}, func(e argocd.Event) {
		for _, r := range e.Blocking {
			fmt.Fprintln(os.Stderr, e.App, r, r.Reason())
		}
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(outcome.App, outcome.Revision, outcome.Sync, outcome.Health)
}
