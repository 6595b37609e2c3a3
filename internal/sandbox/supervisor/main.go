// Command supervisor runs the servers of one sandbox; see package supervise.
// It is not installed: the sandbox compiles it into its cache.
package main

import (
	"os"

	"github.com/sealway/sealway/internal/sandbox/supervise"
)

func main() { os.Exit(supervise.Main(os.Args[1:], os.Stderr)) }
