// Package project holds the targets of this repository alone; other
// repositories import targets.
package project

import (
	"context"
	"os"

	"github.com/sealway/sealway/internal/console"
	"github.com/sealway/sealway/internal/demo"
)

// Demo tells the whole way of a secret on real servers, in a scratch clone.
func Demo(ctx context.Context,
	keep *bool, // leave the sandbox and the clone behind
) error {
	return console.Run(ctx, func(ctx context.Context) error {
		binary, err := os.Executable()
		if err != nil {
			return err
		}
		return demo.Run(ctx, demo.Options{Source: ".", Binary: binary, Out: os.Stdout, Err: os.Stderr, Keep: keep != nil && *keep})
	})
}

// Test is the gate: format, modules, lint, vet, the released binaries, and every test, with the race detector where there is a C compiler.
func Test(ctx context.Context) error {
	return console.Run(ctx, runGate)
}

// Bench measures sealing beside kubeseal in the same run; docs/performance.md holds the figures.
func Bench(ctx context.Context) error {
	return console.Run(ctx, func(ctx context.Context) error { return runSteps(ctx, bench()) })
}

// Dist compiles the static binary for linux, darwin and windows into dist/, with the version of git describe and checksums.
func Dist(ctx context.Context,
	only *string, // these platforms, separated by commas: linux/amd64
) error {
	return console.Run(ctx, func(ctx context.Context) error { return dist(ctx, only) })
}
