package store

import (
	"context"
	"encoding/json"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// eventChannel is PostgreSQL's name for the events that sidecars tell each other.
const eventChannel = "whaley_events"

// maxTold bounds a message that is told, in bytes: PostgreSQL takes 8,000 for the whole.
const maxTold = 1000

// told collects the events of one transaction.
type told struct{ events []whaley.Event }

type toldKey struct{}

// OnEvents sets who is told of events once their transaction is committed; they must not block. Set it before the store
// is used by others.
func (s *Store) OnEvents(tell func([]whaley.Event)) { s.tell = tell }

// willTell remembers events until their transaction is committed, and has PostgreSQL tell the other sidecars then.
func willTell(ctx context.Context, tx bun.Tx, events []whaley.Event) error {
	if t, ok := ctx.Value(toldKey{}).(*told); ok {
		t.events = append(t.events, events...)
	}
	if tx.Dialect().Name() != dialect.PG {
		return nil
	}
	texts := make([]string, len(events))
	for n, ev := range events {
		ev.Message = ev.Message[:min(len(ev.Message), maxTold)]
		text, err := json.Marshal(ev)
		if err != nil {
			return err
		}
		texts[n] = string(text)
	}
	_, err := tx.ExecContext(ctx, "SELECT pg_notify(?, told) FROM unnest(?::text[]) AS told", eventChannel, pgdialect.Array(texts))
	return err
}

// HearEvents calls heard for every event that any sidecar of this database writes, this one too, and missed after every
// (re)connect, until ctx ends. SQLite has one sidecar, which is told by OnEvents.
func (s *Store) HearEvents(ctx context.Context, heard func(whaley.Event), missed func()) {
	s.hear(ctx, eventChannel, func(payload string) {
		var ev whaley.Event
		if payload == "" || json.Unmarshal([]byte(payload), &ev) != nil {
			missed()
			return
		}
		heard(ev)
	}, func() {})
}
