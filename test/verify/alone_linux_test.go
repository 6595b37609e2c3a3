package verify

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	controllerSpace = "kube-system"
	controller      = "sealed-secrets-controller"
)

// TestControllerDown is a scenario like the others that no other may see: nothing is
// unsealed while the controller is scaled to nothing.
func TestControllerDown(t *testing.T) {
	scenario{
		name: "controller-down", reason: "somebody has scaled the controller to nothing",
		arrange: func(s *scene) {
			s.controller()
			s.sh(healthy, "kubectl -n "+controllerSpace+" scale deployment "+controller+" --replicas=0")
			s.eventually("the controller is away", func() bool { return s.replicas() == 0 })
			s.ship()
		},
		rule: "controller-down", fix: "kubectl -n kube-system scale",
	}.play(t)
}

// controller lets the server that stands for the controller's Pod run when the
// Deployment wants one, and no longer, until the test ends.
func (s *scene) controller() {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	s.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		running := true
		for {
			want := true
			select {
			case <-time.After(200 * time.Millisecond):
				d, err := s.Client.AppsV1().Deployments(controllerSpace).Get(ctx, controller, metav1.GetOptions{})
				if err != nil {
					continue
				}
				want = *d.Spec.Replicas > 0
			case <-ctx.Done():
				// However the test has ended, the others need it.
				ctx = context.WithoutCancel(ctx)
			}
			switch {
			case want == running:
			case want:
				if err := s.Up.Start(context.WithoutCancel(ctx), controller); err != nil {
					s.Error(err)
				}
			default:
				if err := s.Up.Stop(ctx, controller); err != nil {
					s.Error(err)
				}
			}
			running = want
			if ctx.Done() == nil {
				return
			}
		}
	}()
}

func (s *scene) replicas() int32 {
	s.Helper()
	d, err := s.Client.AppsV1().Deployments(controllerSpace).Get(s.Context(), controller, metav1.GetOptions{})
	if err != nil {
		s.Fatal(err)
	}
	return d.Status.Replicas
}
