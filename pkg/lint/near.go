package lint

import (
	"slices"
	"strings"
)

// nearest is the name that was most likely meant; empty when none is near: a letter
// or two away, or one name being the end or the beginning of the other.
func nearest(name string, names []string) string {
	best, least := "", min(max(1, len(name)/4), 3)+1
	for _, n := range slices.Sorted(slices.Values(names)) {
		if d := distance(name, n); n != name && d < least {
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

// distance counts the letters to insert, delete, replace or swap with the next one.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
