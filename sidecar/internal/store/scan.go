package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type scanRow struct {
	bun.BaseModel `bun:"table:submission_scan,alias:s"`

	ID        int `bun:",pk"` // 1
	Total     int
	LastID    int
	LastAt    time.Time `bun:",nullzero"`
	FullAt    time.Time `bun:",nullzero"`
	CheckedAt time.Time `bun:",nullzero"`
	TriedAt   time.Time `bun:",nullzero"`
	Requests  int
	Problem   string
}

// Scan is how far CTFd's submissions have been read; the zero one if never.
func (s *Store) Scan(ctx context.Context) (whaley.Scan, error) {
	row := &scanRow{}
	err := s.read(ctx, func(ctx context.Context) error {
		err := s.db.NewSelect().Model(row).Where("id = 1").Scan(ctx)
		if isNoRow(err) {
			return nil
		}
		return err
	})
	return whaley.Scan{
		Total: row.Total, LastID: row.LastID, LastAt: utc(row.LastAt), FullAt: utc(row.FullAt), CheckedAt: utc(row.CheckedAt),
		TriedAt: utc(row.TriedAt), Requests: row.Requests, Problem: row.Problem,
	}, err
}

// SaveScan writes how far they have been read.
func (s *Store) SaveScan(ctx context.Context, scan whaley.Scan) error {
	row := &scanRow{
		ID: 1, Total: scan.Total, LastID: scan.LastID, LastAt: utc(scan.LastAt), FullAt: utc(scan.FullAt),
		CheckedAt: utc(scan.CheckedAt),
		TriedAt:   utc(scan.TriedAt), Requests: scan.Requests, Problem: scan.Problem,
	}
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(row).On("CONFLICT (id) DO UPDATE").Set("total = EXCLUDED.total").Set(
			"last_id = EXCLUDED.last_id",
		).
			Set("last_at = EXCLUDED.last_at").Set("full_at = EXCLUDED.full_at").Set("checked_at = EXCLUDED.checked_at").
			Set("tried_at = EXCLUDED.tried_at").Set("requests = EXCLUDED.requests").Set("problem = EXCLUDED.problem").Exec(ctx)
		return err
	})
}
