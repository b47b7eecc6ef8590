package kit

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Limits are how often a player or an address may do something in a minute; zero: without limit.
type Limits struct {
	Player   int // spawn, stop and extend, of one player
	Address  int // the same, of one address: everybody behind one router
	Admin    int // requests to the admin API, of one address
	Attempts int // access tokens that CTFd has to be asked about, of one address
}

// Limiter counts in a sliding window. It says how long to wait, zero: not at all.
type Limiter interface {
	Take(ctx context.Context, key string, n int, window time.Duration) (time.Duration, error)
}

const limitWindow = time.Minute

// Limited counts what a player does, by player and by address. Waking by opening an address is not counted.
func (a *Surface) Limited(next Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		limits := a.Opts.Limits()
		if err := a.take(r, "player/"+a.Player(r).ID, limits.Player); err != nil {
			return err
		}
		if from, err := netip.ParseAddr(a.Player(r).Address); err == nil {
			if err := a.take(r, "address/"+network(from), limits.Address); err != nil {
				return err
			}
		}
		return next(w, r)
	}
}

// Limit counts by where a request comes from.
func (a *Surface) Limit(r *http.Request, what string, n int) error {
	return a.take(r, what+"/"+network(a.Address(r)), n)
}

func (a *Surface) take(r *http.Request, key string, n int) error {
	if n == 0 || a.Limiter == nil {
		return nil
	}
	wait, err := a.Limiter.Take(r.Context(), key, n, limitWindow)
	if err != nil || wait == 0 {
		return err
	}
	return whaley.TooFast(wait)
}

// InTurn lets the requests of one address wait for each other instead of everybody waiting for them.
func (a *Surface) InTurn(next http.Handler) http.Handler {
	full := a.Wrap(func(http.ResponseWriter, *http.Request) error { return whaley.TooFast(time.Second) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address := a.Address(r)
		if peer.Trusted(address.String(), a.Opts.Trusted) { // it stands for many
			next.ServeHTTP(w, r)
			return
		}
		end, err := a.Turns.Take(r.Context(), turn.Of(address))
		if errors.Is(err, turn.ErrFull) {
			full.ServeHTTP(w, r)
		}
		if err != nil {
			return
		}
		defer end()
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), turnKey{}, end)))
	})
}

type turnKey struct{}

// EndTurn is called where a request begins to wait for something.
func EndTurn(ctx context.Context) {
	if end, ok := ctx.Value(turnKey{}).(func()); ok {
		end()
	}
}

// network is what one counts as an address: of IPv6 the part that a provider gives to one household.
func network(address netip.Addr) string {
	if address.Is6() {
		if prefix, err := address.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return address.String()
}
