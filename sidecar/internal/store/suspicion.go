package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type suspicionRow struct {
	bun.BaseModel `bun:"table:suspicions,alias:s"`

	ID             string `bun:",pk"` // UUIDv7: in the order of time
	Kind           string
	Key            string
	Score          int
	Challenge      string
	CTFdChallenge  int `bun:"ctfd_challenge"`
	SubmitterOwner string
	FlagOwner      string
	Flag           string
	Evidence       evidence `bun:"type:jsonb"`
	Review         string
	Note           string
	ReviewedBy     string
	ReviewedAt     time.Time `bun:",nullzero"`
	FoundAt        time.Time
	ClearedAt      time.Time `bun:",nullzero"`
}

// evidence is what a suspicion rests on; nothing queries by it.
type evidence struct {
	Reasons     []whaley.Reason
	Submitter   whaley.Party
	Owner       *whaley.Party
	Submissions []whaley.SubmissionCopy
}

func (r *suspicionRow) suspicion() *whaley.Suspicion {
	e := r.Evidence
	return &whaley.Suspicion{
		ID: r.ID, Kind: whaley.SuspicionKind(r.Kind), Key: r.Key, Score: r.Score, Reasons: e.Reasons, Challenge: r.Challenge,
		CTFdChallenge: r.CTFdChallenge, Submitter: e.Submitter, Owner: e.Owner, Flag: r.Flag, Submissions: e.Submissions,
		Review: whaley.ReviewState(r.Review), Note: r.Note, ReviewedBy: r.ReviewedBy, ReviewedAt: utc(r.ReviewedAt),
		FoundAt: utc(r.FoundAt),
	}
}

func evidenceOf(s *whaley.Suspicion) evidence {
	return evidence{s.Reasons, s.Submitter, s.Owner, s.Submissions}
}

// copiesKept is how many submissions one suspicion keeps copies of.
const copiesKept = 50

// Suspect writes a suspicion and its event, and says whether it is new. One with the same key gets the submissions that
// it has no copy of yet, and the higher score with its reasons; its review stays as it is.
func (s *Store) Suspect(ctx context.Context, found *whaley.Suspicion, ev whaley.Event) (bool, error) {
	isNew := false
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		row := &suspicionRow{}
		query := tx.NewSelect().Model(row).Where("key = ?", found.Key)
		if s.postgres() {
			query = query.For("UPDATE")
		}
		err := query.Scan(ctx)
		if isNew = isNoRow(err); isNew {
			return s.insertSuspicion(ctx, tx, found, ev)
		}
		if err != nil {
			return err
		}
		known := row.suspicion()
		if !add(known, found) {
			return nil
		}
		_, err = tx.NewUpdate().Model((*suspicionRow)(nil)).Set("evidence = ?", evidenceOf(known)).Set("score = ?", known.Score).Where(
			"id = ?", row.ID,
		).Exec(ctx)
		return err
	})
	return isNew, err
}

func (s *Store) insertSuspicion(ctx context.Context, tx bun.Tx, found *whaley.Suspicion, ev whaley.Event) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	found.ID = id.String()
	row := &suspicionRow{
		ID: found.ID, Kind: string(found.Kind), Key: found.Key, Score: found.Score, Challenge: found.Challenge,
		CTFdChallenge:  found.CTFdChallenge,
		SubmitterOwner: found.Submitter.OwnerID, Flag: found.Flag, Evidence: evidenceOf(found), Review: string(whaley.ReviewOpen),
		FoundAt: utc(found.FoundAt),
	}
	if found.Owner != nil {
		row.FlagOwner = found.Owner.OwnerID
	}
	if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
		return err
	}
	return s.insertEvent(ctx, tx, ev)
}

// add puts what is new of found into known and says whether there was anything.
func add(known, found *whaley.Suspicion) bool {
	changed := false
	for _, c := range found.Submissions {
		same := func(k whaley.SubmissionCopy) bool { return k.ID == c.ID && k.At.Equal(c.At) } // CTFd may use an id twice
		if len(known.Submissions) < copiesKept && !slices.ContainsFunc(known.Submissions, same) {
			known.Submissions, changed = append(known.Submissions, c), true
		}
	}
	if found.Score > known.Score {
		known.Score, known.Reasons, changed = found.Score, found.Reasons, true
	}
	return changed
}

// ListSuspicions is one page of the review list, newest first; after is the id of the last one seen.
func (s *Store) ListSuspicions(
	ctx context.Context, f whaley.SuspicionFilter, after string, limit int,
) ([]*whaley.Suspicion, error) {
	var rows []*suspicionRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		q := s.filter(s.db.NewSelect().Model(&rows), f).Order("id DESC").Limit(int64(limit))
		if after != "" {
			q = q.Where("id < ?", after)
		}
		return q.Scan(ctx)
	})
	all := make([]*whaley.Suspicion, len(rows))
	for n, r := range rows {
		all[n] = r.suspicion()
	}
	return all, err
}

// CountSuspicions says how many a list would have.
func (s *Store) CountSuspicions(ctx context.Context, f whaley.SuspicionFilter) (int, error) {
	n := 0
	err := s.read(ctx, func(ctx context.Context) error {
		return s.filter(s.db.NewSelect().Model((*suspicionRow)(nil)), f).ColumnExpr("COUNT(*)").Scan(ctx, &n)
	})
	return n, err
}

func (s *Store) filter(q *bun.SelectQuery, f whaley.SuspicionFilter) *bun.SelectQuery {
	if !f.Cleared {
		q = q.Where("cleared_at IS NULL")
	}
	if f.Kind != "" {
		q = q.Where("kind = ?", f.Kind)
	}
	if f.Review != "" {
		q = q.Where("review = ?", f.Review)
	}
	if f.Challenge != "" {
		q = q.Where("challenge = ?", f.Challenge)
	}
	if f.Owner != "" {
		q = q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("submitter_owner = ?", f.Owner).WhereOr("flag_owner = ?", f.Owner)
		})
	}
	return q
}

// Suspicion is one entry of the review list; suspicion_not_found if there is none.
func (s *Store) Suspicion(ctx context.Context, id string) (*whaley.Suspicion, error) {
	row := &suspicionRow{}
	err := s.read(ctx, func(ctx context.Context) error {
		err := s.db.NewSelect().Model(row).Where("id = ?", id).Scan(ctx)
		if isNoRow(err) {
			return noSuspicion(id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return row.suspicion(), nil
}

func noSuspicion(id string) error {
	return whaley.Errorf(whaley.NotFound, "suspicion_not_found", "The review list has no entry %q.", id)
}

// ReviewSuspicion writes what an organiser made of one.
func (s *Store) ReviewSuspicion(
	ctx context.Context, id string, state whaley.ReviewState, note, by string, at time.Time,
) (*whaley.Suspicion, error) {
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		row := &suspicionRow{}
		err := tx.NewUpdate().Model(row).Set("review = ?", state).Set("note = ?", note).Set("reviewed_by = ?", by).
			Set("reviewed_at = ?", utc(at)).Where("id = ?", id).Returning("challenge, submitter_owner").Scan(ctx)
		if isNoRow(err) {
			return noSuspicion(id)
		} else if err != nil {
			return err
		}
		return s.insertAudit(ctx, tx, whaley.Event{
			Challenge: row.Challenge, Owner: row.SubmitterOwner, Message: "entry " + id + " is " + string(state),
		})
	})
	if err != nil {
		return nil, err
	}
	return s.Suspicion(ctx, id)
}

// ClearSuspicions takes all entries off the list and says how many. They are kept, so that the same findings do not
// come back.
func (s *Store) ClearSuspicions(ctx context.Context, at time.Time) (int, error) {
	cleared := int64(0)
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewUpdate().Model((*suspicionRow)(nil)).Set("cleared_at = ?", utc(at)).Where("cleared_at IS NULL").Exec(
			ctx,
		)
		if err != nil {
			return err
		}
		if cleared, err = result.RowsAffected(); err != nil {
			return err
		}
		return s.insertAudit(ctx, tx, whaley.Event{Message: fmt.Sprintf("took %d entries off the review list", cleared)})
	})
	return int(cleared), err
}
