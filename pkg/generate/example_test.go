package generate_test

import (
	"context"
	"fmt"

	"github.com/sealway/sealway/pkg/generate"
	"github.com/sealway/sealway/pkg/repo"
)

func ExampleNew() {
	contract, err := repo.ReadContract("applications/shop/secrets.yaml", []byte(`
secrets:
  - name: db
    keys:
      username: {value: shop}
      password: {generate: password, length: 48}
      url: {derive: "postgresql://{{ username }}:{{ password }}@db-rw/shop"}
      mail: {external: API key of the mail service}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	app := generate.App{Name: "shop", Namespace: "shop", Dir: "applications/shop/local-secrets", Contract: contract}
	plan, err := generate.New(context.Background(), []generate.App{app}, generate.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(plan)
	// plan.Apply writes applications/shop/local-secrets/db.yaml.

	// Output:
	// create shop/db username
	// create shop/db password
	// create shop/db url
	// placeholder shop/db mail: API key of the mail service
}
