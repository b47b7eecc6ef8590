package store

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Patterns of the ids of owners that are no players, see whaley.Synthetic.
const (
	syntheticOwners = "synthetic\\_%"
	solverOwners    = "synthetic\\_solver\\_%"
)

// SyntheticLive are the live instances of owners whose ids begin so; empty: of all that are no players.
func (s *Store) SyntheticLive(ctx context.Context, prefix string) ([]*whaley.Instance, error) {
	var rows []*instanceRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return s.db.NewSelect().Model(&rows).Where("state IN ?", bun.Tuple(whaley.LiveStates)).
			Where(`owner_id LIKE ? ESCAPE '\'`, patternOf(prefix)).Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	return instancesOf(rows)
}

// ForgetSynthetic removes all that is left in the database of instances that have ended and whose owners are no
// players.
func (s *Store) ForgetSynthetic(ctx context.Context) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		ended := func() *bun.SelectQuery {
			return tx.NewSelect().Table("instances").Column("id").Where(`owner_id LIKE ? ESCAPE '\'`, syntheticOwners).
				Where("state NOT IN ?", bun.Tuple(whaley.LiveStates))
		}
		if _, err := tx.NewDelete().Model((*printedRow)(nil)).Where("instance IN (?)", ended()).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model((*contactRow)(nil)).Where("instance IN (?)", ended()).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model((*mappingRow)(nil)).Where(`owner LIKE ? ESCAPE '\'`, syntheticOwners).
			Where("NOT EXISTS (SELECT 1 FROM instances AS i WHERE i.owner_id = m.owner AND i.state IN ?)",
				bun.Tuple(whaley.LiveStates)).Exec(ctx); err != nil {
			return err
		}
		_, err := tx.NewDelete().Model((*instanceRow)(nil)).Where("id IN (?)", ended()).Exec(ctx)
		return err
	})
}

func patternOf(prefix string) string {
	if prefix == "" {
		return syntheticOwners
	}
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(prefix) + "%"
}
