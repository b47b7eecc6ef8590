package store

import (
	"github.com/uptrace/bun"

	"context"
	"time"
)

// Ahead is by how much the database's clock is ahead of ours. A SQLite's is ours.
func (s *Store) Ahead(ctx context.Context) (time.Duration, error) {
	if !s.postgres() {
		return 0, nil
	}
	var ahead time.Duration
	err := s.read(ctx, func(ctx context.Context) error {
		var now time.Time
		asked := time.Now()
		if err := s.db.NewSelect().ColumnExpr("clock_timestamp()").Scan(ctx, &now); err != nil {
			return err
		}
		answered := time.Now()
		ahead = now.Sub(asked.Add(answered.Sub(asked) / 2))
		return nil
	})
	return ahead, err
}

// now is the database's clock in milliseconds, which no restart on another machine sets back.
func (s *Store) now() bun.Safe {
	if s.postgres() {
		return clock
	}
	return "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
}
