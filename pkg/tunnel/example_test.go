package tunnel_test

import (
	"context"
	"fmt"
	"net/http"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/sealway/sealway/pkg/tunnel"
)

// A request to a Service, without a port on this machine.
func ExampleWith() {
	config, err := clientcmd.BuildConfigFromFlags("", "kubeconfig")
	if err != nil {
		fmt.Println("no kubeconfig")
		return
	}
	o := tunnel.Options{Config: config, Namespace: "argocd", Service: "argocd-server", Port: "http"}
	err = tunnel.With(context.Background(), o, func(ctx context.Context, t *tunnel.Tunnel) error {
		client := &http.Client{Transport: &http.Transport{DialContext: t.DialContext}}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://argocd-server/healthz", nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		fmt.Println(resp.Status)
		return resp.Body.Close()
	})
	fmt.Println(err)
	// Output: no kubeconfig
}
