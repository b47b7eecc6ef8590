package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// mostPrinted is of how many instances the last lines are kept; the oldest go first.
const mostPrinted = 1000

type printedRow struct {
	bun.BaseModel `bun:"table:printed,alias:p"`

	Instance string `bun:",pk"`
	At       time.Time
	Services []whaley.Printed `bun:"type:jsonb"`
}

// KeepPrinted writes what an instance printed last, in the place of what was kept of it before; see instancer.Store.
func (s *Store) KeepPrinted(ctx context.Context, instance string, printed []whaley.Printed) error {
	row := &printedRow{Instance: instance, At: utc(time.Now()), Services: printed}
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(row).On("CONFLICT (instance) DO UPDATE").Set("at = EXCLUDED.at").Set(
			"services = EXCLUDED.services",
		).Exec(ctx)
		if err != nil {
			return err
		}
		latest := tx.NewSelect().Model((*printedRow)(nil)).Column("instance").Order("at DESC", "instance").Limit(mostPrinted)
		_, err = tx.NewDelete().Model((*printedRow)(nil)).Where("instance NOT IN (?)", latest).Exec(ctx)
		return err
	})
}

// Printed is what is kept of an instance; nothing is no error.
func (s *Store) Printed(ctx context.Context, instance string) ([]whaley.Printed, error) {
	row := &printedRow{}
	err := s.read(ctx, func(ctx context.Context) error {
		err := s.db.NewSelect().Model(row).Where("instance = ?", instance).Scan(ctx)
		if isNoRow(err) {
			return nil
		}
		return err
	})
	return row.Services, err
}
