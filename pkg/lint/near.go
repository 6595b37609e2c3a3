package lint

import (
	"slices"
	"strings"

	"github.com/sealway/sealway/pkg/manifest"
)

// nearest is the name that was most likely meant; empty when none is near: a letter
// or two away, or one name being the end or the beginning of the other.
func nearest(name string, names []string) string {
	best, least := "", min(max(1, len(name)/4), 3)+1
	for _, n := range slices.Sorted(slices.Values(names)) {
		if d := manifest.Distance(name, n); n != name && d < least {
			best, least = n, d
		}
	}
	if best != "" {
		return best
	}
	for _, n := range slices.Sorted(slices.Values(names)) {
		if longer, shorter := max2(name, n); n != name && len(shorter) > 3 &&
			(strings.HasSuffix(longer, "-"+shorter) || strings.HasPrefix(longer, shorter+"-")) {
			return n
		}
	}
	return ""
}

func max2(a, b string) (longer, shorter string) {
	if len(a) < len(b) {
		return b, a
	}
	return a, b
}
