package kube

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Warning is the newest warning among the events about an object, empty when there
// is none or when it is over.
func (c *Cluster) Warning(ctx context.Context, namespace, uid string) (string, error) {
	var list corev1.EventList
	err := c.Core.Get().Namespace(cmp.Or(namespace, "default")).Resource("events").
		Param("fieldSelector", "involvedObject.uid="+uid).Do(ctx).Into(&list)
	if err != nil {
		return "", fmt.Errorf("events of %s: list: %w", uid, err)
	}
	return newestWarning(list.Items), nil
}

func newestWarning(events []corev1.Event) (text string) {
	var newest, over time.Time
	for i := range events {
		e := &events[i]
		at := lastSeen(e)
		switch {
		case e.Type == corev1.EventTypeWarning && !at.Before(newest):
			newest, text = at, strings.TrimPrefix(discreet(e.Message), "Error: ")
		case (e.Reason == "Scheduled" || e.Reason == "Started") && at.After(over):
			over = at // what stood in the way of that
		}
	}
	if over.After(newest) {
		return ""
	}
	return text
}

// lastSeen is when an event has happened last; the scheduler uses other fields than
// the kubelet.
func lastSeen(e *corev1.Event) time.Time {
	latest := e.CreationTimestamp.Time
	for _, t := range []time.Time{e.EventTime.Time, e.LastTimestamp.Time} {
		if t.After(latest) {
			latest = t
		}
	}
	if s := e.Series; s != nil && s.LastObservedTime.After(latest) {
		latest = s.LastObservedTime.Time
	}
	return latest
}

// discreet is a message without what a program of the application has printed: a
// probe that runs a command passes on its output.
func discreet(message string) string {
	before, after, found := strings.Cut(message, " probe failed: ")
	if !found || strings.HasPrefix(after, "HTTP probe failed with statuscode") {
		return message
	}
	return before + " probe failed"
}
