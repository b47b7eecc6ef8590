package app

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/datadir"
	"github.com/whaley-ctf/whaley/sidecar/internal/listen"
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

// serveStandby answers at both listeners of the API what a standby does, until there is more to say.
func (s *server) serveStandby(ctx context.Context) {
	s.public, s.internal = newSwap(api.Standby()), newSwap(api.Standby())
	s.Go(func() error {
		return listen.Serve(ctx, behindProxies(s.listeners.public, s.c.Trusted), s.public, s.log)
	})
	s.Go(func() error { return listen.Serve(ctx, s.listeners.internal, s.internal, s.log) })
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
	if s.active, err = s.db.BecomeActive(ctx, s.log); err != nil {
		return err
	}
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
		if s.wall != nil && s.active.Valid() == nil {
			s.wall.end(s.db)
		}
		s.active.Release()
	})
}
