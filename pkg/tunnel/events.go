package tunnel

import (
	"fmt"
	"time"
)

// Kind is what happened to a tunnel.
type Kind string

// The kinds of events.
const (
	Connected Kind = "connected" // the first session is there
	Lost      Kind = "lost"      // Err says why; connections wait from here on
	Retrying  Kind = "retrying"  // an attempt failed for Err, the next one comes in Delay; told for each new reason, and every 10 s
	Restored  Kind = "restored"  // connections go on, perhaps to another Pod
	Refusing  Kind = "refusing"  // nothing listens on the Pod's port; connections are tried again
)

// Event is one thing that happened to a tunnel.
type Event struct {
	Kind      Kind
	Service   string // namespace/name
	Pod       string // name; of Lost and Refusing, the one that was connected
	Port      int    // the Pod's port
	Transport string // "websocket" or "spdy", of Connected and Restored
	Err       error
	Delay     time.Duration
}

// String is the event as a sentence, without an end.
func (e Event) String() string {
	switch e.Kind {
	case Connected:
		return fmt.Sprintf("%s: connected to Pod %s, port %d", e.Service, e.Pod, e.Port)
	case Lost:
		return fmt.Sprintf("%s: lost Pod %s: %v", e.Service, e.Pod, e.Err)
	case Retrying:
		return fmt.Sprintf("%s: next attempt in %s: %v", e.Service, e.Delay.Round(time.Millisecond), e.Err)
	case Restored:
		return fmt.Sprintf("%s: restored through Pod %s, port %d", e.Service, e.Pod, e.Port)
	case Refusing:
		return fmt.Sprintf("%s: nothing listens on port %d of Pod %s: connections wait", e.Service, e.Port, e.Pod)
	}
	return string(e.Kind)
}
