package verify_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sealway/sealway/pkg/report"
	"github.com/sealway/sealway/pkg/verify"
)

// film shows one picture after the other, the last for ever.
func film(pictures ...report.Chain) func(context.Context) ([]report.Chain, error) {
	n := 0
	return func(context.Context) ([]report.Chain, error) {
		p := pictures[min(n, len(pictures)-1)]
		n++
		return []report.Chain{p}, nil
	}
}

func picture(state report.State, causes ...report.Cause) report.Chain {
	c := report.Chain{Application: "shop", State: state, Links: []report.Link{{Name: "Pods", State: state, Summary: string(state)}}, Causes: causes}
	if len(causes) > 0 {
		c.Links[0].Broken = causes[0].Rule
	}
	return c
}

var (
	final    = report.Cause{Rule: "image-missing", Link: "Pods", Object: "Pod shop/web", Message: "no such image", Final: true}
	other    = report.Cause{Rule: "image-missing", Link: "Pods", Object: "Pod shop/api", Message: "no such image", Final: true}
	unpushed = report.Cause{Rule: "revision-behind", Link: "Commit", Object: "Application argocd/shop", Message: "it is not pushed", Final: true}
	passing  = report.Cause{Rule: "configmap-late", Link: "Pods", Object: "ConfigMap shop/c", Message: "not there yet"}
)

func TestWait(t *testing.T) {
	ok, waiting := picture(report.OK), picture(report.Waiting)
	halfSeen := picture(report.Unknown)
	halfSeen.Links = append(halfSeen.Links, report.Link{Name: "Workloads", State: report.Waiting})
	failed, late := picture(report.Failed, final), picture(report.Waiting, passing)
	for _, c := range []struct {
		name     string
		look     func(context.Context) ([]report.Chain, error)
		state    report.State
		after    time.Duration
		timedOut bool
	}{
		{"healthy at once", film(ok), report.OK, 0, false},
		{"only worth a look", film(picture(report.Warned)), report.Warned, 0, false},
		{"healthy in the end, twice", film(waiting, waiting, ok, waiting, ok, ok), report.OK, 10 * time.Second, false},
		{"a final cause, certain after its grace", film(failed), report.Failed, 10 * time.Second, false},
		{"a final cause that goes away", film(failed, failed, failed, waiting, failed, ok, ok), report.OK, 12 * time.Second, false},
		{"one final cause after the other is none for long", film(failed, failed, failed, picture(report.Failed, other), picture(report.Failed, other), ok, ok), report.OK, 12 * time.Second, false},
		{"what may heal is waited for", film(late), report.Waiting, 5 * time.Minute, true},
		{"what is not pushed is no reason to stop", film(picture(report.Waiting, unpushed)), report.Waiting, 5 * time.Minute, true},
		{"what cannot be seen for long will not be", film(picture(report.Unknown)), report.Unknown, 30 * time.Second, false},
		{"what cannot be seen for a moment is waited for", film(picture(report.Unknown), picture(report.Unknown), ok, ok), report.OK, 6 * time.Second, false},
		{"what cannot be seen is no reason to stop where something else may heal", film(halfSeen), report.Unknown, 5 * time.Minute, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				end, err := verify.Wait(t.Context(), verify.WaitOptions{}, c.look)
				if err != nil || verify.State(end.Chains) != c.state || end.Waited != c.after || end.TimedOut != c.timedOut {
					t.Errorf("%s after %s, timed out %v, %v; want %s after %s, %v", verify.State(end.Chains), end.Waited, end.TimedOut, err, c.state, c.after, c.timedOut)
				}
			})
		})
	}
}

// A cluster that is away for a moment is waited for, one that never was there is not.
func TestWaitAway(t *testing.T) {
	away := errors.New("refused")
	synctest.Test(t, func(t *testing.T) {
		n := 0
		look := func(context.Context) ([]report.Chain, error) {
			if n++; n == 2 {
				return nil, away
			}
			return film(picture(report.Waiting), picture(report.Waiting), picture(report.OK))(t.Context())
		}
		var events []string
		o := verify.WaitOptions{Timeout: 9 * time.Second, Progress: func(e verify.Event) { events = append(events, fmt.Sprint(e.After, " ", e.Away)) }}
		end, err := verify.Wait(t.Context(), o, look)
		if err != nil || !end.TimedOut || verify.State(end.Chains) != report.Waiting {
			t.Errorf("%+v, %v", end, err)
		}
		if d := cmp.Diff([]string{"0s <nil>", "2s refused"}, events); d != "" {
			t.Errorf("events (-want +got):\n%s", d)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if _, err := verify.Wait(t.Context(), verify.WaitOptions{}, func(context.Context) ([]report.Chain, error) { return nil, away }); !errors.Is(err, away) {
			t.Errorf("error %v", err)
		}
	})
}

// A look that does not come back is over at the end of the time, and so is the wait when
// its caller has had enough.
func TestWaitEnds(t *testing.T) {
	hang := func(ctx context.Context) ([]report.Chain, error) { <-ctx.Done(); return nil, ctx.Err() }
	synctest.Test(t, func(t *testing.T) {
		end, err := verify.Wait(t.Context(), verify.WaitOptions{Timeout: time.Minute}, hang)
		if err != nil || !end.TimedOut || end.Waited != time.Minute {
			t.Errorf("%+v, %v", end, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		end, err := verify.Wait(ctx, verify.WaitOptions{}, film(picture(report.Waiting)))
		if !errors.Is(err, context.Canceled) || end.Waited != 3*time.Second || len(end.Chains) != 1 {
			t.Errorf("%+v, %v", end, err)
		}
	})
}

// Each change is told once.
func TestWaitTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		o := verify.WaitOptions{Progress: func(e verify.Event) { told = append(told, fmt.Sprint(e.After, " ", verify.Line(e.Chain))) }}
		_, err := verify.Wait(t.Context(), o, film(picture(report.Waiting), picture(report.Waiting), picture(report.Waiting, passing), picture(report.OK)))
		want := []string{"0s Pods: waiting", "4s Pods: not there yet", "6s healthy"}
		if d := cmp.Diff(want, told); d != "" || err != nil {
			t.Errorf("%v, told (-want +got):\n%s", err, d)
		}
	})
}
