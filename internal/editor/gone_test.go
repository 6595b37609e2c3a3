//go:build unix

package editor_test

import (
	"os"
	"testing"
	"time"
)

// gone waits until a folder is not there any more.
func gone(t *testing.T, dir string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := os.Stat(dir); err != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", dir)
		}
	}
}
