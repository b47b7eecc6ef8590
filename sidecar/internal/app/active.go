package app

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync/atomic"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/datadir"
	"github.com/whaley-ctf/whaley/sidecar/internal/listen"
	"github.com/whaley-ctf/whaley/sidecar/internal/standby"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

// swap is a handler that can be another one later.
type swap struct{ now atomic.Pointer[http.Handler] }

func newSwap(first http.Handler) *swap {
	s := &swap{}
	s.set(first)
	return s
}

func (s *swap) set(h http.Handler) { s.now.Store(&h) }

func (s *swap) ServeHTTP(w http.ResponseWriter, r *http.Request) { (*s.now.Load()).ServeHTTP(w, r) }

// serveStandby answers at both listeners of the API what a standby does, until there is more to say. What players and
// organisers ask for is passed on; the plugin asks the next sidecar by itself.
func (s *server) serveStandby(ctx context.Context) {
	s.public = standby.New(ctx, standby.Options{Refuse: api.Standby, Own: api.AboutProcess, Log: s.log})
	s.OnStop("way to the active sidecar", s.public.Close)
	s.internal = newSwap(api.Standby(standby.Err))
	s.Go(func() error {
		return listen.Serve(ctx, behindProxies(s.listeners.public, s.c.Trusted), s.public, s.log)
	})
	s.Go(func() error { return listen.Serve(ctx, s.listeners.internal, s.internal, s.log) })
}

// listenURL is where a standby reaches the API of this process.
func (s *server) listenURL() string {
	if s.c.ListenURL != "" {
		return s.c.ListenURL
	}
	return "http://" + loopback(s.listeners.public.Addr())
}

// becomeActive waits until no other sidecar is.
func (s *server) becomeActive(ctx context.Context) (err error) {
	if err := datadir.Open(s.c.DataDir, s.log); err != nil {
		return err
	}
	if s.db, err = store.Connect(string(s.c.DatabaseURL), s.c.DataDir); err != nil {
		return err
	}
	s.OnStop("database", s.db.Close)
	own := store.Advertised{URL: s.listenURL(), Key: rand.Text()}
	s.standbyKey = own.Key
	s.db.Advertise(own, func(active store.Advertised) {
		if active.URL != own.URL { // else it was this one, before it was started anew
			s.public.Follow(standby.Active(active))
		}
	})
	if s.active, err = s.db.BecomeActive(ctx, s.log); err != nil {
		return err
	}
	s.public.Follow(standby.Active{}) // there is no other now: what is held waits for this one
	s.OnStop("right to be active", func() error { s.handOver(); return nil })
	s.Go(func() error {
		select {
		case <-s.active.Lost():
			return store.ErrTakenOver
		case <-ctx.Done():
			return nil
		}
	})
	return nil
}

// handOver lets the standby take over. Rules that hold nothing any more are taken away before: afterwards they are its.
func (s *server) handOver() {
	s.handing.Do(func() {
		if s.firewall != nil && s.active.Valid() == nil {
			s.firewall.end(s.db)
			s.ports.end(s.db)
		}
		s.active.Release()
	})
}
