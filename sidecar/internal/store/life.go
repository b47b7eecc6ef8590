package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Lives is when the instances of players were asked for, ran and ended that lived at some time after since, in no
// order.
func (s *Store) Lives(ctx context.Context, since time.Time) ([]whaley.Life, error) {
	var rows []instanceRow
	err := s.db.NewSelect().Model(&rows).Column("state", "created_at", "started_at", "ended_at").
		Where(`owner_id NOT LIKE ? ESCAPE '\'`, syntheticOwners).
		Where("(state IN ? OR created_at >= ? OR ended_at >= ?)", bun.Tuple(whaley.LiveStates), utc(since), utc(since)).
		Scan(ctx)
	if err != nil {
		return nil, err
	}
	lives := make([]whaley.Life, 0, len(rows))
	for _, r := range rows {
		lives = append(lives, whaley.Life{
			State: whaley.State(r.State), CreatedAt: utc(r.CreatedAt), StartedAt: utc(r.StartedAt), EndedAt: utc(r.EndedAt),
		})
	}
	return lives, nil
}
