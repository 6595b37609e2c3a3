package targets

import "github.com/magefile/mage/mg"

// Verify says whether everything is as it should be, and if not, why and what to do.
type Verify mg.Namespace
