package sandbox

import _ "embed"

// egressConfig makes the API server reach Pods and Services through the
// supervisor, which knows the processes that stand for them.
const egressConfig = `apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport:
      uds:
        udsName: %s
`

// auditPolicy has the API server say who asked for what, and once per request.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

//go:embed manifests/kwok.yaml
var kwokConfig string

//go:embed manifests/cluster-stage.yaml
var clusterStage string

//go:embed manifests/nodes.yaml
var nodeManifests []byte

//go:embed manifests/sealed-secrets.yaml
var sealedSecretsManifests []byte

//go:embed manifests/argocd.yaml
var argocdManifests []byte
