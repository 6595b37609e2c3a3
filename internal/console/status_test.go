package console_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/sealway/sealway/internal/console"
)

type hinted struct{ error }

func (hinted) Hint() string { return "do this" }

type unavailable struct{ error }

func (unavailable) Unavailable() bool { return true }

type late struct{ error }

func (late) Timeout() bool { return true }

// TestExit holds the statuses against the kinds of errors; Mage reads the status
// from the outermost error by a type assertion.
func TestExit(t *testing.T) {
	plain := errors.New("boom")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	cases := []struct {
		name string
		ctx  context.Context
		err  error
		want int
	}{
		{"failed", t.Context(), plain, 1},
		{"wrapped usage", t.Context(), fmt.Errorf("x: %w", &console.Usage{Problem: "p"}), 2},
		{"findings", t.Context(), &console.Findings{Summary: "3 findings"}, 3},
		{"late", t.Context(), &console.Late{Summary: "not healthy after 5m0s"}, 5},
		{"unseen", t.Context(), &console.Unseen{Summary: "forbidden"}, 4},
		{"unavailable", t.Context(), fmt.Errorf("x: %w", unavailable{plain}), 4},
		{"timeout", t.Context(), fmt.Errorf("x: %w", late{plain}), 5},
		{"deadline", t.Context(), fmt.Errorf("x: %w", context.DeadlineExceeded), 5},
		{"interrupted", cancelled, plain, 130},
		{"joined", t.Context(), errors.Join(unavailable{plain}, plain), 1},
		{"joined, all to be tried again", t.Context(), errors.Join(late{plain}, unavailable{plain}), 4},
		{"no answer in time", t.Context(), unavailable{context.DeadlineExceeded}, 4},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			status, ok := console.Exit(c.ctx, c.err).(interface{ ExitStatus() int }) // as Mage does
			if !ok || status.ExitStatus() != c.want {
				t.Errorf("status %v, want %d", status, c.want)
			}
		})
	}
	if console.Exit(t.Context(), nil) != nil {
		t.Error("no error has a status")
	}
}

func TestHintsStandOnTheirOwnLine(t *testing.T) {
	err := console.Exit(t.Context(), errors.Join(hinted{errors.New("a: b")}, fmt.Errorf("c: %w", hinted{errors.New("d")})))
	want := "a: b\n  hint: do this\nc: d\n  hint: do this"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err.Error(), want)
	}
}

// TestTroubles leaves out findings, which the report has, and says an interruption as
// the status does.
func TestTroubles(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	plain := errors.New("boom")
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		want string
	}{
		{"none", t.Context(), nil, ""},
		{"findings", t.Context(), &console.Findings{Summary: "3 findings"}, ""},
		{"failed", t.Context(), hinted{plain}, "boom (do this)"},
		{"findings and a failure", t.Context(), errors.Join(&console.Findings{Summary: "3 findings"}, plain), "boom ()"},
		{"late", t.Context(), &console.Late{Summary: "not healthy"}, "not healthy ()"},
		{"unseen", t.Context(), &console.Unseen{Summary: "not seen", Advice: "look"}, "not seen (look)"},
		{"interrupted", cancelled, plain, "interrupted: boom ()"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			for _, p := range console.Troubles(c.ctx, c.err) {
				got += p.Message + " (" + p.Hint + ")"
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
