package store

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// lockRevisions is the key of PostgreSQL's lock under which sidecars note what they have loaded one after the other.
const lockRevisions = 4

type revisionRow struct {
	bun.BaseModel `bun:"table:challenge_revisions,alias:r"`

	Challenge string    `bun:",pk"`
	LoadedAt  time.Time `bun:",pk"`
	Revision  string    `bun:",pk"`
	Origin    string
	ChangedBy string
}

// NoteRevisions adds to the history of each challenge the revision that is loaded now, unless it is the latest entry
// already: a restart, or a second sidecar, is no change. It returns the challenges of whose revision it is not kept yet
// what is in it.
func (s *Store) NoteRevisions(ctx context.Context, loaded []whaley.Revision) (bare []string, err error) {
	if len(loaded) == 0 {
		return nil, nil
	}
	var challenges []string
	for _, l := range loaded {
		challenges = append(challenges, l.Challenge)
	}
	err = s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		bare = nil
		if err := s.takeTurns(ctx, tx, lockRevisions, ""); err != nil {
			return err
		}
		var latest []revisionRow
		err := tx.NewSelect().Model(&latest).Where("challenge IN ?", bun.Tuple(challenges)).
			Where("loaded_at = (SELECT max(loaded_at) FROM challenge_revisions WHERE challenge = r.challenge)").Scan(ctx)
		if err != nil {
			return err
		}
		var kept []revisionFilesRow
		if err := tx.NewSelect().Model(&kept).ExcludeColumn("files").Where("challenge IN ?", bun.Tuple(challenges)).Scan(ctx); err != nil {
			return err
		}
		now := utc(time.Now())
		var rows []*revisionRow
		for _, l := range loaded {
			if !slices.ContainsFunc(
				latest, func(r revisionRow) bool { return r.Challenge == l.Challenge && r.Revision == l.Revision },
			) {
				rows = append(
					rows,
					&revisionRow{
						Challenge: l.Challenge, LoadedAt: now, Revision: l.Revision, Origin: string(l.Origin), ChangedBy: l.By,
					},
				)
			}
			if !slices.ContainsFunc(
				kept, func(f revisionFilesRow) bool { return f.Challenge == l.Challenge && f.Revision == l.Revision },
			) {
				bare = append(bare, l.Challenge)
			}
		}
		if len(rows) == 0 {
			return nil
		}
		_, err = tx.NewInsert().Model(&rows).Exec(ctx)
		return err
	})
	return bare, err
}

// Revisions is a page of a challenge's history, latest first, and the cursor of the next one, empty if it was the last.
func (s *Store) Revisions(ctx context.Context, challenge, after string, limit int) ([]whaley.Revision, string, error) {
	var from cursor
	var before time.Time
	if after != "" {
		var err error
		if from, err = readCursor(after); err == nil {
			before, err = time.Parse(time.RFC3339Nano, from.Key)
		}
		if err != nil {
			return nil, "", badCursor()
		}
	}
	var rows []revisionRow
	var used []struct {
		Revision        string
		Instances, Live int
	}
	err := s.read(ctx, func(ctx context.Context) error {
		rows, used = nil, nil
		query := s.db.NewSelect().Model(&rows).Where("challenge = ?", challenge).
			OrderExpr("loaded_at DESC, revision DESC").Limit(int64(limit) + 1)
		if after != "" {
			query = query.Where("(loaded_at, revision) < (?, ?)", utc(before), from.ID)
		}
		if err := query.Scan(ctx); err != nil {
			return err
		}
		return s.db.NewSelect().Table("instances").Column("revision").ColumnExpr("count(*) AS instances").
			ColumnExpr("sum(CASE WHEN state IN ? THEN 1 ELSE 0 END) AS live", bun.Tuple(whaley.LiveStates)).
			Where("challenge = ?", challenge).Group("revision").Scan(ctx, &used)
	})
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		next = cursor{stamp(last.LoadedAt), last.Revision}.text()
	}
	all := make([]whaley.Revision, 0, len(rows))
	for _, row := range rows {
		r := whaley.Revision{Challenge: row.Challenge, Revision: row.Revision, LoadedAt: utc(row.LoadedAt),
			Origin: whaley.Origin(row.Origin), By: row.ChangedBy}
		for _, u := range used {
			if u.Revision == row.Revision {
				r.Instances, r.Live = u.Instances, u.Live
			}
		}
		all = append(all, r)
	}
	return all, next, nil
}
