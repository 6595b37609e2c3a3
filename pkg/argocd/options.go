package argocd

import (
	"context"
	"time"
)

// Options say how patient a client is. The zero value is fit for people.
type Options struct {
	UserAgent string // default "sealway"

	Call     time.Duration // bound of one attempt of a call; default 20 s
	Connect  time.Duration // bound of one attempt to connect; default 15 s
	Patience time.Duration // how long a call that may be repeated is tried again while the server is away; default 20 s
	Refresh  time.Duration // bound of a refresh, which renders manifests; default 90 s

	Poll      time.Duration // between two looks at an application that is waited for; default 2 s
	Stable    time.Duration // how long Synced and Healthy has to last after an operation; default 1 s
	Grace     time.Duration // how long an application may be Degraded, Suspended or OutOfSync again after an operation; default 30 s
	Settle    time.Duration // how long what cannot heal has to last: a status may be of the generation before; default 5 s
	AutoSync  time.Duration // how long Argo CD is given to begin an automated sync by itself; default 3 s
	Terminate time.Duration // how long a terminated operation is waited for; default 20 s, and 4 s after an interruption
	MinDelay  time.Duration // before the second attempt of a call, doubled from there; default 100 ms
	MaxDelay  time.Duration // at most; default 2 s

	// Warning gives the newest warning that the cluster has about an object, empty if
	// there is none. It is asked about objects that are not well and do not say why.
	// Default: nobody is asked.
	Warning func(ctx context.Context, namespace, uid string) string

	Concurrent int // how many applications SyncAll syncs at once; default 8
}

// interrupted is how long ending an operation may take after an interruption:
// whoever pressed Ctrl-C wants to go, and Mage waits five seconds.
const interrupted = 4 * time.Second

func (o Options) withDefaults() Options {
	for value, standard := range map[*time.Duration]time.Duration{
		&o.Call:      20 * time.Second,
		&o.Connect:   15 * time.Second,
		&o.Patience:  20 * time.Second,
		&o.Refresh:   90 * time.Second,
		&o.Poll:      2 * time.Second,
		&o.Stable:    time.Second,
		&o.Grace:     30 * time.Second,
		&o.Settle:    5 * time.Second,
		&o.AutoSync:  3 * time.Second,
		&o.Terminate: 20 * time.Second,
		&o.MinDelay:  100 * time.Millisecond,
		&o.MaxDelay:  2 * time.Second,
	} {
		if *value <= 0 {
			*value = standard
		}
	}
	if o.UserAgent == "" {
		o.UserAgent = "sealway"
	}
	if o.Concurrent <= 0 {
		o.Concurrent = 8
	}
	return o
}

// delay is the pause before the nth repetition, counted from 0.
func (o Options) delay(n int) time.Duration {
	d := o.MinDelay
	for range n {
		if d *= 2; d >= o.MaxDelay {
			return o.MaxDelay
		}
	}
	return d
}
