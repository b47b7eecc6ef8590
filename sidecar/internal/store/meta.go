package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

type metaRow struct {
	bun.BaseModel `bun:"table:meta,alias:m"`

	Name  string `bun:",pk"`
	Value string
}

type codeRow struct {
	bun.BaseModel `bun:"table:used_codes,alias:c"`

	Code      string `bun:",pk"`
	ExpiresAt time.Time
}

// Meta is a value that is made once and stays: the first call's, whoever makes it.
func (s *Store) Meta(ctx context.Context, name string, first func() string) (string, error) {
	row := &metaRow{}
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewInsert().Model(&metaRow{Name: name, Value: first()}).On("CONFLICT (name) DO NOTHING").Exec(ctx); err != nil {
			return err
		}
		return tx.NewSelect().Model(row).Where("name = ?", name).Scan(ctx)
	})
	return row.Value, err
}

// ChangeMeta changes a value while nobody else does; the value before is "" if there was none.
func (s *Store) ChangeMeta(ctx context.Context, name string, change func(now string) string) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		row := &metaRow{Name: name}
		if _, err := tx.NewInsert().Model(row).On("CONFLICT (name) DO NOTHING").Exec(ctx); err != nil {
			return err
		}
		query := tx.NewSelect().Model(row).WherePK()
		if s.postgres() {
			query = query.For("UPDATE")
		}
		if err := query.Scan(ctx); err != nil {
			return err
		}
		next := change(row.Value)
		if next == row.Value {
			return nil
		}
		row.Value = next
		_, err := tx.NewUpdate().Model(row).WherePK().Exec(ctx)
		return err
	})
}

// UseCode says true to the first who redeems a code, and false to all others. Codes are forgotten once they are older
// than expires, after which nobody asks for them.
func (s *Store) UseCode(ctx context.Context, code string, expires time.Time) (bool, error) {
	first := false
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewDelete().Model((*codeRow)(nil)).Where("expires_at < ?", utc(time.Now())).Exec(ctx); err != nil {
			return err
		}
		var err error
		first, err = changedOne(
			tx.NewInsert().Model(&codeRow{Code: code, ExpiresAt: utc(expires)}).On("CONFLICT (code) DO NOTHING").Exec(ctx),
		)
		return err
	})
	return first, err
}
