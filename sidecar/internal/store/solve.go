package store

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type solveRow struct {
	bun.BaseModel `bun:"table:solves,alias:s"`

	Owner         string `bun:",pk"`
	CTFdChallenge int    `bun:"ctfd_challenge,pk"`
	SolvedAt      time.Time
}

// Solves are those of an owner, or with none of all, by owner and challenge.
func (s *Store) Solves(ctx context.Context, owner string) ([]whaley.Solve, error) {
	var rows []solveRow
	err := s.read(ctx, func(ctx context.Context) error {
		q := s.db.NewSelect().Model(&rows).Order("owner", "ctfd_challenge")
		if owner != "" {
			q = q.Where("owner = ?", owner)
		}
		return q.Scan(ctx)
	})
	all := make([]whaley.Solve, 0, len(rows))
	for _, r := range rows {
		all = append(all, whaley.Solve{Owner: r.Owner, CTFdChallenge: r.CTFdChallenge, At: utc(r.SolvedAt)})
	}
	return all, err
}

// SaveSolves adds solves, of which some may be known, and takes away those that are none any more.
func (s *Store) SaveSolves(ctx context.Context, more, gone []whaley.Solve) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		for some := range slices.Chunk(more, atOnce) {
			rows := make([]solveRow, 0, len(some))
			for _, one := range some {
				rows = append(rows, solveRow{Owner: one.Owner, CTFdChallenge: one.CTFdChallenge, SolvedAt: utc(one.At)})
			}
			_, err := tx.NewInsert().Model(&rows).On("CONFLICT (owner, ctfd_challenge) DO NOTHING").Exec(ctx)
			if err != nil {
				return err
			}
		}
		for _, one := range gone {
			_, err := tx.NewDelete().Model((*solveRow)(nil)).Where("owner = ?", one.Owner).
				Where("ctfd_challenge = ?", one.CTFdChallenge).Exec(ctx)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
