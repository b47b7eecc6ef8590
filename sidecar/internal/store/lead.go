package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

type leadRow struct {
	bun.BaseModel `bun:"table:leases,alias:l"`

	Name   string `bun:",pk"`
	Worker string
	Until  int64 `bun:"lease_until"`
}

// Lead gives a worker the lease of a named piece of work that one sidecar at a time does, or more time if it has it;
// false if another has it.
func (s *Store) Lead(ctx context.Context, name, worker string, d time.Duration) (bool, error) {
	mine := false
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewInsert().Model(&leadRow{Name: name, Worker: worker}).
			Value("lease_until", "? + ?", s.now(), d.Milliseconds()).
			On("CONFLICT (name) DO UPDATE").Set("worker = EXCLUDED.worker").Set("lease_until = EXCLUDED.lease_until").
			Where("l.worker IN ('', EXCLUDED.worker)").WhereOr("l.lease_until < ?", s.now()).
			WhereOr("l.lease_until > ? + ?", s.now(), 2*d.Milliseconds()).Exec(ctx) // from before the clock was set back
		if err != nil {
			return err
		}
		rows, err := result.RowsAffected()
		mine = rows == 1
		return err
	})
	return mine, err
}

// Resign gives the lease of a named piece of work back.
func (s *Store) Resign(ctx context.Context, name, worker string) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*leadRow)(nil)).Where("name = ?", name).Where("worker = ?", worker).Exec(ctx)
		return err
	})
}
