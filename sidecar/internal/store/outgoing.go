package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type outgoingRow struct {
	bun.BaseModel `bun:"table:outgoing,alias:o"`

	Target string `bun:",pk"`
	Event  string `bun:",pk"`
}

// OnOwed names who is to be told of an event; it must not block. Set it before the store is used by others.
func (s *Store) OnOwed(owed func(whaley.Event) (targets []string)) { s.owed = owed }

// owe writes down who is to be told of events, in their transaction.
func (s *Store) owe(ctx context.Context, tx bun.Tx, events []whaley.Event) error {
	if s.owed == nil {
		return nil
	}
	var rows []*outgoingRow
	for _, ev := range events {
		for _, target := range s.owed(ev) {
			rows = append(rows, &outgoingRow{Target: target, Event: ev.ID})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

// Outgoing are the first events that a target has not been told of, oldest first.
func (s *Store) Outgoing(ctx context.Context, target string, limit int) ([]whaley.Event, error) {
	var rows []eventRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return s.db.NewSelect().Model(&rows).Join("JOIN outgoing AS o ON o.event = e.id").Where("o.target = ?", target).
			Order("e.id").Limit(int64(limit)).Scan(ctx)
	})
	return toEvents(rows), err
}

// Told forgets that a target is to be told of events, as it has been, or never will be.
func (s *Store) Told(ctx context.Context, target string, events []whaley.Event) error {
	ids := make([]string, len(events))
	for n, ev := range events {
		ids[n] = ev.ID
	}
	if len(ids) == 0 {
		return nil
	}
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*outgoingRow)(nil)).Where("target = ?", target).Where("event IN ?", bun.Tuple(ids)).Exec(
			ctx,
		)
		return err
	})
}

// TrimOutgoing keeps the latest events that a target is to be told of, and returns how many gave way.
func (s *Store) TrimOutgoing(ctx context.Context, target string, keep int) (int, error) {
	var gone int64
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		last := tx.NewSelect().Model((*outgoingRow)(nil)).Column("event").Where("target = ?", target).Order("event DESC").Offset(
			int64(
				keep,
			),
		).Limit(1)
		result, err := tx.NewDelete().Model((*outgoingRow)(nil)).Where("target = ?", target).Where("event <= (?)", last).Exec(
			ctx,
		)
		if err != nil {
			return err
		}
		gone, err = result.RowsAffected()
		return err
	})
	return int(gone), err
}
