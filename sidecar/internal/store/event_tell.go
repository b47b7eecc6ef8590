package store

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// told collects the events of one transaction.
type told struct{ events []whaley.Event }

type toldKey struct{}

// OnEvents sets who is told of events once their transaction is committed; they must not block. Set it before the store
// is used by others.
func (s *Store) OnEvents(tell func([]whaley.Event)) { s.tell = tell }

// willTell remembers events until their transaction is committed.
func willTell(ctx context.Context, events []whaley.Event) {
	if t, ok := ctx.Value(toldKey{}).(*told); ok {
		t.events = append(t.events, events...)
	}
}
