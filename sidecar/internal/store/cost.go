package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type costRow struct {
	bun.BaseModel `bun:"table:costs,alias:c"`

	Challenge string        `bun:",pk"`
	Seen      []whaley.Seen `bun:"type:jsonb"`
}

// Costs is what was seen of instances, by challenge; see costs.Store.
func (s *Store) Costs(ctx context.Context) (map[string][]whaley.Seen, error) {
	var rows []costRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return s.db.NewSelect().Model(&rows).Scan(ctx)
	})
	all := make(map[string][]whaley.Seen, len(rows))
	for _, r := range rows {
		all[r.Challenge] = r.Seen
	}
	return all, err
}

// KeepCosts writes what was seen of a challenge, in the place of what was kept of it.
func (s *Store) KeepCosts(ctx context.Context, challenge string, seen []whaley.Seen) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&costRow{Challenge: challenge, Seen: seen}).
			On("CONFLICT (challenge) DO UPDATE").Set("seen = EXCLUDED.seen").Exec(ctx)
		return err
	})
}
