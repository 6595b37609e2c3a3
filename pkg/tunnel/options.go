package tunnel

import (
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// Options say what to forward to, and how patient to be.
type Options struct {
	Config    *rest.Config   // the cluster; required
	Core      rest.Interface // of core/v1, to read Services and Pods; default: made from Config
	Namespace string         // of the Service; required
	Service   string         // its name; required
	Port      string         // name or number of the Service's port; default: its only one

	Wait    time.Duration // how long a connection waits for a session; default 30 s
	Refused time.Duration // how long it is tried again while nothing listens in a Ready Pod; default 10 s, negative: not at all
	Silence time.Duration // how long those that were there before may say nothing then, until they are broken off; default 5 s
	Connect time.Duration // bound of one attempt to get a session; default 15 s

	KeepAlive time.Duration // interval of pings; three without an answer end the session; default 5 s
	Recheck   time.Duration // interval of looking whether the Pod is still Ready; default 10 s

	MinDelay time.Duration // before the second attempt in a row, doubled from there; default 50 ms
	MaxDelay time.Duration // at most; default 5 s, and 250 ms while it is a Pod that is waited for

	// Events is told what happens to the tunnel, one call at a time, in order.
	// It must return soon and not call the tunnel. Default: nobody is told.
	Events func(Event)

	Rand func() float64   // jitter of the delays, in [0,1); default math/rand/v2
	Now  func() time.Time // default time.Now

	spdy     *atomic.Bool           // the server wants no WebSocket
	sessions tls.ClientSessionCache // of TLS with the API server
}

// podDelay is the longest pause between two looks for a Ready Pod.
const podDelay = 250 * time.Millisecond

var errIncomplete = errors.New("tunnel: Config, Namespace and Service are required")

func (o Options) withDefaults() (Options, error) {
	if o.Config == nil || o.Namespace == "" || o.Service == "" {
		return o, errIncomplete
	}
	for value, standard := range map[*time.Duration]time.Duration{
		&o.Wait:      30 * time.Second,
		&o.Refused:   10 * time.Second,
		&o.Silence:   5 * time.Second,
		&o.Connect:   15 * time.Second,
		&o.KeepAlive: 5 * time.Second,
		&o.Recheck:   10 * time.Second,
		&o.MinDelay:  50 * time.Millisecond,
		&o.MaxDelay:  5 * time.Second,
	} {
		if *value == 0 {
			*value = standard
		}
	}
	o.spdy, o.sessions = new(atomic.Bool), tls.NewLRUClientSessionCache(0)
	if o.Events == nil {
		o.Events = func(Event) {}
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Core != nil {
		return o, nil
	}
	var err error
	o.Core, err = coreClient(o.Config)
	return o, err
}

// coreClient makes a client that knows core/v1 alone.
func coreClient(config *rest.Config) (rest.Interface, error) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c := rest.CopyConfig(config)
	c.APIPath, c.GroupVersion = "/api", &corev1.SchemeGroupVersion
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	if c.QPS == 0 && c.RateLimiter == nil {
		c.QPS, c.Burst = 20, 20 // the default is 5: few while a Pod gets ready
	}
	return rest.RESTClientFor(c)
}

// delay is the pause before the nth attempt in a row: none before the first,
// then MinDelay doubled each time up to the limit, of which a half is jitter.
func (o Options) delay(n int, limit time.Duration) time.Duration {
	if n == 0 {
		return 0
	}
	d := o.MinDelay
	for range n - 1 {
		if d *= 2; d >= limit {
			break
		}
	}
	d = min(d, limit)
	return d/2 + time.Duration(o.Rand()*float64(d/2))
}

func (o Options) object() string { return "Service " + o.Namespace + "/" + o.Service }
