package store

import (
	"context"
	"encoding/json"
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
	Services string
}

// KeepPrinted writes what an instance printed last, in the place of what was kept of it before; see instancer.Store.
func (s *Store) KeepPrinted(ctx context.Context, instance string, printed []whaley.Printed) error {
	text, err := json.Marshal(printed)
	if err != nil {
		return err
	}
	row := &printedRow{Instance: instance, At: utc(time.Now()), Services: string(text)}
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
			row.Services = "null"
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var printed []whaley.Printed
	return printed, json.Unmarshal([]byte(row.Services), &printed)
}
