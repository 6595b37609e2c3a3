package targets

import "github.com/magefile/mage/mg"

// Verify says whether what was deployed works, and why not.
type Verify mg.Namespace
