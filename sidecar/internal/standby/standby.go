package standby

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	holdFor   = 10 * time.Second       // a request, while no sidecar is active
	askEvery  = 100 * time.Millisecond // whether one is that did not answer
	grace     = 2 * time.Second        // for an answer of one that was active
	streamEnd = 10 * time.Second       // of what one that was active still sends
	holdMost  = 1024                   // requests; more are refused at once
	smallBody = 64 << 10               // bytes of a body that can be sent a second time
)

// Options are what a Standby works with.
type Options struct {
	// Refuse answers with why not. It also answers what is asked of this very process, such as its health.
	Refuse func(reason error) http.Handler
	// Own says whether a request is one about this very process.
	Own func(r *http.Request) bool
	Log *slog.Logger

	Hold time.Duration // zero: holdFor
}

// Active is where the active sidecar is, and the key that it wants to see.
type Active struct{ URL, Key string }

// Standby is a handler that has others answer until this process is the active one.
type Standby struct {
	Options
	ctx       context.Context // ends what is held
	transport *http.Transport
	held      chan struct{}

	mu      sync.Mutex
	active  Active
	target  *url.URL      // of active; nil: not known
	serving http.Handler  // not nil: this process is the active one
	changed chan struct{} // closed when one of these is another
}

// New makes one that knows no active sidecar. When ctx ends, nothing is held any longer.
func New(ctx context.Context, opts Options) *Standby {
	if opts.Hold == 0 {
		opts.Hold = holdFor
	}
	return &Standby{
		Options: opts, ctx: ctx, held: make(chan struct{}, holdMost), changed: make(chan struct{}),
		transport: &http.Transport{
			Proxy: nil, DialContext: (&net.Dialer{Timeout: time.Second}).DialContext, DisableCompression: true,
			MaxIdleConnsPerHost: 64, IdleConnTimeout: 20 * time.Second,
		},
	}
}

// Follow says which sidecar is active.
func (s *Standby) Follow(active Active) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if active == s.active {
		return
	}
	target, err := url.Parse(active.URL)
	if err != nil || target.Host == "" {
		target = nil
	}
	s.active, s.target = active, target
	s.tell()
}

// Serve lets this process answer by itself, as the active one. Requests that are held go on there. What a standby
// passes on shows the key.
func (s *Standby) Serve(key string, own http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serving = Receive(key, own, s.Refuse(Err))
	s.tell()
}

// Close ends idle connections to the active sidecar.
func (s *Standby) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

func (s *Standby) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// state is what is known now, and a channel that is closed once it is no longer so.
func (s *Standby) state() (serving http.Handler, to *next) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.serving, &next{target: s.target, key: s.active.Key, changed: s.changed}
}

// next is the sidecar to ask.
type next struct {
	target  *url.URL // nil: none is known
	key     string
	changed <-chan struct{}
}

// Err is why a standby does not answer.
var Err = whaley.Errorf(whaley.Unavailable, whaley.CodeStandby,
	"No sidecar is active: this one is the standby, or is starting. Try again in a few seconds. If that goes on, "+
		"organisers find the reason in the sidecars' logs.").After(time.Second)

// errLost is why a request that may have taken effect has no answer.
var errLost = whaley.Errorf(whaley.Unavailable, whaley.CodeStandby,
	"The sidecar that worked on this has ended, or was cut off, before it answered. Look whether it took effect, then try "+
		"again.").After(time.Second)

func (s *Standby) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	serving, to := s.state()
	switch {
	case serving != nil:
		serving.ServeHTTP(w, r)
	case s.Own(r), r.Header.Get(keyHeader) != "": // the latter has been passed on once
		s.Refuse(Err).ServeHTTP(w, r)
	default:
		s.pass(w, r, to)
	}
}
