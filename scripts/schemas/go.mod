// Module schemas holds what the reports are checked against, apart from the root
// module so that it reaches nobody who imports sealway: a JSON Schema validator, and
// two modules that are never built, only read. gosec has the SARIF schema among its
// files, kubeconform the JUnit schema of Jenkins; `go mod tidy` would drop both.
module github.com/sealway/sealway/scripts/schemas

go 1.26.0

require (
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
	github.com/securego/gosec/v2 v2.29.0
	github.com/yannh/kubeconform v0.8.0
)

require golang.org/x/text v0.41.0 // indirect
