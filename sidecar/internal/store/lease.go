package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// now is the database's clock in milliseconds: sidecars need not agree on the time.
func (s *Store) now() bun.Safe {
	if s.postgres() {
		return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
	}
	return "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
}

// Claim gives a worker the lease of an instance; see instancer.Store.
func (s *Store) Claim(ctx context.Context, id, worker string, d time.Duration) (bool, error) {
	mine := false
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewUpdate().Table("instances").
			Set("worker = ?", worker).Set("lease_until = ? + ?", s.now(), d.Milliseconds()).
			Where("id = ?", id).
			WhereGroup(" AND ", func(q *bun.UpdateQuery) *bun.UpdateQuery {
				// One that ends later than any can be asked for is from before the clock was set back.
				return q.Where("worker IN ('', ?)", worker).WhereOr("lease_until < ?", s.now()).
					WhereOr("lease_until > ? + ?", s.now(), 2*d.Milliseconds())
			}).Exec(ctx)
		if err != nil {
			return err
		}
		rows, err := result.RowsAffected()
		mine = rows == 1
		return err
	})
	return mine, err
}

// Yield gives the lease back.
func (s *Store) Yield(ctx context.Context, id, worker string) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Table("instances").Set("worker = ''").Set("lease_until = 0").
			Where("id = ?", id).Where("worker = ?", worker).Exec(ctx)
		return err
	})
}
