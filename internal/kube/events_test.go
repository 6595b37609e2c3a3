package kube

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestNewestWarning(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	event := func(second int, kind, reason, message string) corev1.Event {
		return corev1.Event{Type: kind, Reason: reason, Message: message, LastTimestamp: metav1.NewTime(start.Add(time.Duration(second) * time.Second))}
	}
	scheduler := event(0, "Warning", "FailedScheduling", "no node")
	scheduler.LastTimestamp = metav1.Time{}
	scheduler.EventTime = metav1.NewMicroTime(start)
	again := scheduler
	again.Series = &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(start.Add(time.Minute))}
	for _, c := range []struct {
		name, reason string
		events       []corev1.Event
		want         string
	}{
		{name: "none", reason: "nothing has happened"},
		{"normal", "what is normal is no reason", []corev1.Event{event(1, "Normal", "Pulled", "pulled")}, ""},
		{"newest", "events come in any order", []corev1.Event{
			event(2, "Warning", "FailedMount", `configmap "b" not found`), event(1, "Warning", "FailedMount", `configmap "a" not found`),
		}, `configmap "b" not found`},
		{"pulled again", "the kubelet pulls before each attempt", []corev1.Event{
			event(1, "Warning", "Failed", `Error: secret "s" not found`), event(2, "Normal", "Pulled", "pulled"),
		}, `secret "s" not found`},
		{"scheduler", "it gives another kind of time", []corev1.Event{scheduler}, "no node"},
		{"scheduled", "it has found a node since", []corev1.Event{scheduler, event(1, "Normal", "Scheduled", "assigned")}, ""},
		{"series", "the newest time of a series counts", []corev1.Event{again, event(1, "Normal", "Scheduled", "assigned")}, "no node"},
		{"output", "a probe's output may be anything", []corev1.Event{event(1, "Warning", "Unhealthy", "Readiness probe failed: password=x")}, "Readiness probe failed"},
		{"status", "a probe's status is no output", []corev1.Event{
			event(1, "Warning", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
		}, "Readiness probe failed: HTTP probe failed with statuscode: 503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := newestWarning(c.events); got != c.want {
				t.Errorf("%s: %q, want %q", c.reason, got, c.want)
			}
		})
	}
}
