package edit_test

import (
	"fmt"

	"github.com/sealway/sealway/pkg/edit"
	"github.com/sealway/sealway/pkg/manifest"
)

func ExamplePlace_Set() {
	path, data := "shop/local-secrets/db.yaml", []byte(`apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
stringData:
  # for the shop alone
  password: old
`)
	secrets, _ := manifest.ReadSecrets(path, data)
	app := &edit.App{Name: "shop", Namespace: "shop", Dir: "shop/local-secrets", Secrets: secrets}
	place, _ := edit.Find(app, "db", false, func(string) ([]byte, error) { return data, nil })
	change, _ := place.Set([]edit.Value{{Key: "password", Data: []byte("correct horse")}}, edit.Options{})
	fmt.Print(string(change.Data))
	fmt.Println(change.Entries[0].Action, change.Entries[0].Keys, change.Changed)
	// Output:
	// apiVersion: v1
	// kind: Secret
	// metadata: {name: db, namespace: shop}
	// stringData:
	//   # for the shop alone
	//   password: "correct horse"
	// update [password] [shop/db/password]
}
