package targets

import "github.com/magefile/mage/mg"

// Gitops publishes, syncs and watches what Argo CD deploys.
type Gitops mg.Namespace
