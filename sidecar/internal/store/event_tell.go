package store

import (
	"cmp"
	"context"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// told collects the events of one transaction, and the organiser's line among them.
type told struct {
	events []whaley.Event
	audit  *whaley.Audit
}

type toldKey struct{}

// OnEvents sets who is told of events once their transaction is committed; they must not block. Set it before the store
// is used by others.
func (s *Store) OnEvents(tell func([]whaley.Event)) { s.tell = tell }

// insertAudit writes the line of the organiser who does what is told about, if it is one who does it.
func (s *Store) insertAudit(ctx context.Context, tx bun.Tx, about whaley.Event) error {
	return s.insertAll(ctx, tx, audited(ctx, about, nil))
}

// audited is events with the line of the organiser who does what they tell, once in a transaction.
func audited(ctx context.Context, about whaley.Event, events []whaley.Event) []whaley.Event {
	t, ok := ctx.Value(toldKey{}).(*told)
	a := whaley.AuditOf(ctx)
	if !ok || t.audit != nil || !a.Wanted() {
		return events
	}
	t.audit = a
	ev := a.Event
	ev.Instance, ev.Challenge = cmp.Or(ev.Instance, about.Instance), cmp.Or(ev.Challenge, about.Challenge)
	ev.Owner, ev.Player = cmp.Or(ev.Owner, about.Owner), cmp.Or(ev.Player, about.Player)
	ev.Message = cmp.Or(ev.Message, about.Message)
	return append(events, ev)
}

// willTell remembers events until their transaction is committed.
func willTell(ctx context.Context, events []whaley.Event) {
	if t, ok := ctx.Value(toldKey{}).(*told); ok {
		t.events = append(t.events, events...)
	}
}
