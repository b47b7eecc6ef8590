package instancer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	dialFirst = time.Millisecond      // after the first try of a port; it doubles
	dialEvery = 15 * time.Millisecond // at the most, between two tries of a port
)

// ErrClosed is the error of a try where nothing listens.
var ErrClosed = errors.New("nothing listens there")

// Target is where a route's service has to answer, and how.
type Target struct {
	Container string // the engine's id
	Address   netip.AddrPort
	Ready     whaley.Readiness // tcp or http
	Scheme    whaley.Scheme
}

// Prober tries services once for every call, and waits for none: when to try again is up to the rules.
type Prober interface {
	// Answers says what a service speaks that answers as it has to. Where nothing listens the error is ErrClosed.
	Answers(ctx context.Context, t Target) (speaks whaley.Scheme, err error)
	// Exec runs a command inside a container and returns its exit code.
	Exec(ctx context.Context, container string, argv []string) (int, error)
	// Listens are the TCP ports that are open inside a running container, in order. An error means that it cannot be seen.
	Listens(ctx context.Context, container string) ([]int, error)
}

// untilAnswers waits until a route's service is as its readiness wants it.
func (i *Instancer) untilAnswers(ctx context.Context, u *unit, r whaley.Route) error {
	ready := r.Ready
	if ready == "" {
		ready = whaley.ReadyTCP
		if r.Type == whaley.RouteHTTP && u.health == nil {
			ready = whaley.ReadyHTTP
		}
	}
	if ready == whaley.ReadyNone || r.UDP { // nobody answers a datagram that means nothing to them
		return nil
	}
	began := time.Now()
	at := Target{Container: u.id, Address: netip.AddrPortFrom(u.address, uint16(r.Port)), Ready: ready, Scheme: r.Speaks()}
	for wait := dialFirst; ; wait = min(2*wait, pace(began, dialEvery)) {
		speaks, err := i.Prober.Answers(ctx, at)
		if err == nil {
			if speaks != r.Speaks() {
				i.Log.WarnContext(
					ctx, "a route's service speaks something else than its scheme, so its pages will not come through: "+
						"set scheme in instance.toml", "service", u.service.Name, "port", r.Port, "scheme", r.Speaks(), "speaks", speaks,
				)
			}
			return nil
		}
		if errors.Is(err, ErrClosed) {
			u.awaited.set(fmt.Sprintf("%s to open port %d", u.service.Name, r.Port), r.Port)
		} else if ctx.Err() == nil {
			u.awaited.set(fmt.Sprintf("%s to answer on port %d", u.service.Name, r.Port), 0)
		}
		if err := loop.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}
