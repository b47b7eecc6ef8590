package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// LiveRows lists what lives, with only what is counted.
func (s *Store) LiveRows(ctx context.Context) ([]instancer.LiveRow, error) {
	var all []instancer.LiveRow
	err := s.read(ctx, func(ctx context.Context) error {
		all = nil
		rows, err := s.db.NewSelect().Table("instances").
			Column("id", "challenge", "owner_id", "owner_name", "player", "state", "created_at", "started_at", "expires_at", "memory").
			Where("state IN ?", bun.Tuple(instancer.LiveStates)).Rows(ctx)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r instancer.LiveRow
			var started, expires bun.NullTime
			var created time.Time
			if err := rows.Scan(&r.ID, &r.Challenge, &r.Owner.ID, &r.Owner.Name, &r.Player, &r.State, &created, &started, &expires, &r.Memory); err != nil {
				return err
			}
			r.CreatedAt, r.StartedAt, r.ExpiresAt = utc(created), utc(started.Time), utc(expires.Time)
			all = append(all, r)
		}
		return rows.Err()
	})
	return all, err
}

// SubnetsHeld counts the parts of the pool that are reserved.
func (s *Store) SubnetsHeld(ctx context.Context) (int, error) {
	n := int64(0)
	err := s.read(ctx, func(ctx context.Context) (err error) {
		n, err = s.db.NewSelect().Table("subnets").Count(ctx)
		return err
	})
	return int(n), err
}
