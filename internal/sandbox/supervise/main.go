package supervise

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main is the program: it takes the path of a spec file, supervises until
// SIGTERM or SIGINT, and returns the exit status.
func Main(args []string, stderr io.Writer) int {
	if err := run(args); err != nil {
		fmt.Fprintln(stderr, "supervisor:", err)
		return 1
	}
	return 0
}

func run(args []string) error {
	if len(args) > 0 && args[0] == isolateCommand {
		return isolate(args[1:])
	}
	if len(args) != 1 {
		return fmt.Errorf("want one argument, the path of a spec file; got %d", len(args))
	}
	signal.Ignore(syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, args[0])
}
