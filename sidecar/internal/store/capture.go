package store

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type captureRow struct {
	bun.BaseModel `bun:"table:captures,alias:c"`

	ID         string `bun:",pk"`
	Instance   string
	Challenge  string
	OwnerID    string
	OwnerName  string
	Player     string
	Kind       string
	Reason     string
	At         time.Time
	File       string
	Size       int64
	Compressed bool
	Containers string
	Truncated  bool
	Holder     string
}

func (r captureRow) capture() whaley.Capture {
	c := whaley.Capture{
		ID: r.ID, Instance: r.Instance, Challenge: r.Challenge, Owner: whaley.Owner{ID: r.OwnerID, Name: r.OwnerName},
		Player: r.Player, Kind: r.Kind, Reason: r.Reason, At: utc(r.At), File: r.File, Size: r.Size, Compressed: r.Compressed,
		Truncated: r.Truncated, Holder: r.Holder, Containers: []string{},
	}
	if r.Containers != "" {
		c.Containers = strings.Split(r.Containers, "\n")
	}
	return c
}

// AddCapture writes the row of a file that is there.
func (s *Store) AddCapture(ctx context.Context, c whaley.Capture) error {
	row := &captureRow{
		ID: c.ID, Instance: c.Instance, Challenge: c.Challenge, OwnerID: c.Owner.ID, OwnerName: c.Owner.Name, Player: c.Player,
		Kind: c.Kind, Reason: c.Reason, At: utc(c.At), File: c.File, Size: c.Size, Compressed: c.Compressed,
		Containers: strings.Join(c.Containers, "\n"), Truncated: c.Truncated, Holder: c.Holder,
	}
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
			return err
		}
		return s.insertAudit(ctx, tx, whaley.Event{
			Instance: c.Instance, Challenge: c.Challenge, Owner: c.Owner.ID, Message: "captured " + c.ID,
		})
	})
}

// Capture reads one row, nil if there is none.
func (s *Store) Capture(ctx context.Context, id string) (*whaley.Capture, error) {
	row := &captureRow{}
	none := false
	err := s.read(ctx, func(ctx context.Context) error {
		err := s.db.NewSelect().Model(row).Where("id = ?", id).Scan(ctx)
		if none = isNoRow(err); none {
			return nil
		}
		return err
	})
	if err != nil || none {
		return nil, err
	}
	c := row.capture()
	return &c, nil
}

// Captures lists rows, newest first.
func (s *Store) Captures(ctx context.Context, q whaley.CaptureQuery) ([]whaley.Capture, error) {
	var rows []captureRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		query := s.db.NewSelect().Model(&rows).Order("id DESC").Limit(int64(q.Limit))
		query = matching(query, q.After, q.From, q.To, map[string]string{
			"instance": q.Instance, "challenge": q.Challenge, "owner_id": q.Owner, "kind": q.Kind, "reason": q.Reason,
			"holder": q.Holder,
		})
		return query.Scan(ctx)
	})
	all := make([]whaley.Capture, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.capture())
	}
	return all, err
}

// RemoveCaptures removes rows and returns how many there were.
func (s *Store) RemoveCaptures(ctx context.Context, ids []string) (int, error) {
	removed := int64(0)
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewDelete().Model((*captureRow)(nil)).Where("id IN ?", bun.Tuple(ids)).Exec(ctx)
		if err != nil {
			return err
		}
		if removed, err = result.RowsAffected(); err != nil || removed == 0 {
			return err
		}
		return s.insertAudit(ctx, tx, whaley.Event{})
	})
	return int(removed), err
}

// CaptureStats counts.
func (s *Store) CaptureStats(ctx context.Context) (whaley.CaptureStats, error) {
	var stats whaley.CaptureStats
	err := s.read(ctx, func(ctx context.Context) error {
		stats = whaley.CaptureStats{}
		var kinds []struct {
			Kind  string
			Count int64
			Bytes int64
		}
		err := s.db.NewSelect().Model((*captureRow)(nil)).Column("kind").ColumnExpr("count(*) AS count").
			ColumnExpr("coalesce(sum(size), 0) AS bytes").Group("kind").Scan(ctx, &kinds)
		for _, k := range kinds {
			stats.Bytes += k.Bytes
			if k.Kind == whaley.CaptureLive {
				stats.Live += k.Count
			} else {
				stats.Auto += k.Count
			}
		}
		return err
	})
	return stats, err
}
