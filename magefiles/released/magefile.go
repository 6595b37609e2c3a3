//go:build mage

// sealway takes a plaintext Secret all the way to a healthy Pod, and keeps it out of Git on the way.
package main

import (
	"context"
	"fmt"
	"os"

	//mage:import
	_ "github.com/sealway/sealway/magefiles/targets"
)

// version is set by `mage dist`.
var version = "unknown"

// Version prints the version and nothing else.
func Version(context.Context) error {
	_, err := fmt.Fprintln(os.Stdout, "sealway", version)
	return err
}
