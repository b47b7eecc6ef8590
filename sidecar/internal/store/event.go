package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

type eventRow struct {
	bun.BaseModel `bun:"table:events,alias:e"`

	ID        string `bun:",pk"` // UUIDv7: in the order of time
	Type      string
	Instance  string
	Challenge string
	Owner     string
	Player    string
	Message   string
	At        time.Time
}

// insertEvent writes an event in the transaction of what it tells; one without a type is none.
func insertEvent(ctx context.Context, tx bun.Tx, ev instancer.Event) error {
	if ev.Type == "" {
		return nil
	}
	return insertEvents(ctx, tx, []instancer.Event{ev})
}

func insertEvents(ctx context.Context, tx bun.Tx, events []instancer.Event) error {
	rows := make([]*eventRow, len(events))
	for n, ev := range events {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		rows[n] = &eventRow{
			ID: id.String(), Type: ev.Type, Instance: ev.Instance, Challenge: ev.Challenge, Owner: ev.Owner,
			Player: ev.Player, Message: ev.Message, At: utc(ev.At),
		}
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

// Record writes an event that is about no other row.
func (s *Store) Record(ctx context.Context, ev instancer.Event) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error { return insertEvent(ctx, tx, ev) })
}

// Events lists what happened to an instance, oldest first.
func (s *Store) Events(ctx context.Context, instance string) ([]instancer.Event, error) {
	var rows []eventRow
	err := s.read(ctx, func(ctx context.Context) error {
		return s.db.NewSelect().Model(&rows).Where("instance = ?", instance).Order("id").Scan(ctx)
	})
	var all []instancer.Event
	for _, r := range rows {
		all = append(all, instancer.Event{Type: r.Type, Instance: r.Instance, Challenge: r.Challenge, Owner: r.Owner,
			Player: r.Player, Message: r.Message, At: utc(r.At)})
	}
	return all, err
}
