//go:build mage

// sealway takes a plaintext Secret all the way to a healthy Pod, and keeps it out of Git on the way.
package main

import (
	//mage:import
	_ "github.com/sealway/sealway/magefiles/project"
	//mage:import
	_ "github.com/sealway/sealway/magefiles/targets"
)
