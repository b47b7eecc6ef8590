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

type flagRow struct {
	bun.BaseModel `bun:"table:flags,alias:f"`

	ID         string `bun:",pk"` // UUIDv7: in the order of time
	Challenge  string
	Part       string
	OwnerID    string
	OwnerName  string
	Value      string
	Token      string
	CreatedAt  time.Time
	RetiredAt  time.Time `bun:",nullzero"`
	RetiredBy  string
	RetiredWhy string
}

func (r *flagRow) issued() *whaley.IssuedFlag {
	return &whaley.IssuedFlag{
		ID: r.ID, Challenge: r.Challenge, Part: r.Part, Owner: whaley.Owner{ID: r.OwnerID, Name: r.OwnerName},
		Value: r.Value, Token: r.Token, CreatedAt: utc(r.CreatedAt), RetiredAt: utc(r.RetiredAt), RetiredBy: r.RetiredBy,
		RetiredWhy: r.RetiredWhy,
	}
}

// CurrentFlag is an owner's flag of a part of a challenge with its registrations, nil if there is none.
func (s *Store) CurrentFlag(ctx context.Context, owner, challenge, part string) (*whaley.IssuedFlag, error) {
	all, err := s.CurrentFlags(ctx, owner, challenge)
	for _, f := range all {
		if f.Part == part {
			return f, err
		}
	}
	return nil, err
}

// CurrentFlags are an owner's flags that are not retired, of one challenge or (empty) of all, oldest first.
func (s *Store) CurrentFlags(ctx context.Context, owner, challenge string) ([]*whaley.IssuedFlag, error) {
	return s.flags(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		if challenge != "" {
			q = q.Where("challenge = ?", challenge)
		}
		return q.Where("owner_id = ?", owner).Where("retired_at IS NULL").Order("id")
	})
}

// atOnce keeps a query below SQLite's limit of variables.
const atOnce = 500

// FlagsByToken finds flags by their random parts, retired ones too.
func (s *Store) FlagsByToken(ctx context.Context, tokens []string) ([]*whaley.IssuedFlag, error) {
	var found []*whaley.IssuedFlag
	for some := range slices.Chunk(tokens, atOnce) {
		part, err := s.flags(ctx, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("token IN ?", bun.Tuple(some)) })
		if err != nil {
			return nil, err
		}
		found = append(found, part...)
	}
	return found, nil
}

func (s *Store) flags(
	ctx context.Context, which func(*bun.SelectQuery) *bun.SelectQuery,
) ([]*whaley.IssuedFlag, error) {
	var rows []*flagRow
	var all []*whaley.IssuedFlag
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		if err := which(s.db.NewSelect().Model(&rows)).Scan(ctx); err != nil || len(rows) == 0 {
			return err
		}
		var err error
		all, err = s.withRegistrations(ctx, s.db, rows)
		return err
	})
	return all, err
}

func (s *Store) withRegistrations(ctx context.Context, db bun.IDB, rows []*flagRow) ([]*whaley.IssuedFlag, error) {
	ids := make([]string, len(rows))
	all := make([]*whaley.IssuedFlag, len(rows))
	byID := map[string]*whaley.IssuedFlag{}
	for n, r := range rows {
		ids[n], all[n] = r.ID, r.issued()
		byID[r.ID] = all[n]
	}
	for some := range slices.Chunk(ids, atOnce) {
		var registrations []*registrationRow
		if err := db.NewSelect().Model(&registrations).Where("flag IN ?", bun.Tuple(some)).Order("place").Scan(ctx); err != nil {
			return nil, err
		}
		for _, r := range registrations {
			f := byID[r.Flag]
			f.Registrations = append(f.Registrations, r.registration(f.Value, f.Owner.ID, f.Challenge))
		}
	}
	return all, nil
}

// IssueFlag writes a new flag, its event and, if its challenge is mapped, its place in the outbox. If its owner has a
// current one of the same part, that is returned instead.
func (s *Store) IssueFlag(ctx context.Context, f *whaley.IssuedFlag, ev whaley.Event) (*whaley.IssuedFlag, error) {
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error { return s.issue(ctx, tx, f, ev) })
	if err != nil {
		if current, read := s.CurrentFlag(ctx, f.Owner.ID, f.Challenge, f.Part); read == nil && current != nil {
			return current, nil // somebody else was first
		}
		return nil, err
	}
	return s.CurrentFlag(ctx, f.Owner.ID, f.Challenge, f.Part)
}

func (s *Store) issue(ctx context.Context, tx bun.Tx, f *whaley.IssuedFlag, ev whaley.Event) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	row := &flagRow{
		ID: id.String(), Challenge: f.Challenge, Part: f.Part, OwnerID: f.Owner.ID, OwnerName: f.Owner.Name, Value: f.Value,
		Token: f.Token, CreatedAt: utc(f.CreatedAt),
	}
	if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
		return err
	}
	ctfd, err := mappedTo(ctx, tx, f.Challenge, f.Part)
	if err == nil && ctfd != 0 {
		err = s.want(ctx, tx, []string{row.ID}, ctfd, f.CreatedAt)
	}
	if err != nil {
		return err
	}
	return s.insertEvent(ctx, tx, ev)
}

// RetireFlags takes current flags out of use: one by id, or all of an owner; both stay in the history and are removed
// from CTFd. With next, each owner gets a new one in the same transaction. It returns those retired.
func (s *Store) RetireFlags(
	ctx context.Context, id, owner, by, why string, at time.Time, next func(*whaley.IssuedFlag) *whaley.IssuedFlag,
) ([]*whaley.IssuedFlag, error) {
	var retired []*whaley.IssuedFlag
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		retired = nil
		var rows []*flagRow
		query := tx.NewSelect().Model(&rows).Where("retired_at IS NULL")
		if id != "" {
			query = query.Where("id = ?", id)
		} else {
			query = query.Where("owner_id = ?", owner)
		}
		if s.postgres() {
			query = query.For("UPDATE")
		}
		if err := query.Scan(ctx); err != nil {
			return err
		}
		if len(rows) > 0 {
			if err := s.insertAudit(ctx, tx, retiredLine(rows, id, why)); err != nil {
				return err
			}
		}
		for _, r := range rows {
			_, err := tx.NewUpdate().Model((*flagRow)(nil)).Set("retired_at = ?", utc(at)).Set("retired_by = ?", by).Set(
				"retired_why = ?", why,
			).
				Where("id = ?", r.ID).Exec(ctx)
			if err != nil {
				return err
			}
			if err := s.unwant(ctx, tx, "flag = ?", r.ID, at); err != nil {
				return err
			}
			f := r.issued()
			f.RetiredAt, f.RetiredBy, f.RetiredWhy = at, by, why
			retired = append(retired, f)
			if err := s.insertEvent(
				ctx, tx,
				whaley.Event{Type: "flag_deleted", Challenge: f.Challenge, Owner: f.Owner.ID, Player: by, Message: why, At: at},
			); err != nil {
				return err
			}
			if next == nil {
				continue
			}
			if err := s.issue(
				ctx, tx, next(f),
				whaley.Event{Type: "flag_created", Challenge: f.Challenge, Owner: f.Owner.ID, Player: by, Message: why, At: at},
			); err != nil {
				return err
			}
		}
		return nil
	})
	return retired, err
}

// retiredLine is what the log says of flags that an organiser takes out of use.
func retiredLine(rows []*flagRow, id, why string) whaley.Event {
	ev := whaley.Event{Owner: rows[0].OwnerID, Message: fmt.Sprintf("%s %d flags of %s", why, len(rows), rows[0].OwnerName)}
	if id != "" {
		ev.Challenge, ev.Message = rows[0].Challenge, why+" the flag of "+rows[0].OwnerName
	}
	return ev
}

// ListFlags is one page of flags, newest first, with their registrations; after is the id of the last one seen.
func (s *Store) ListFlags(
	ctx context.Context, f whaley.FlagFilter, after string, limit int,
) ([]*whaley.IssuedFlag, error) {
	return s.flags(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Order("id DESC").Limit(int64(limit))
		if after != "" {
			q = q.Where("id < ?", after)
		}
		if f.Challenge != "" {
			q = q.Where("challenge = ?", f.Challenge)
		}
		if f.Owner != "" {
			q = q.Where("owner_id = ?", f.Owner)
		}
		if !f.Retired {
			q = q.Where("retired_at IS NULL")
		}
		if f.State != "" {
			q = q.Where("EXISTS (SELECT 1 FROM flag_registrations AS r WHERE r.flag = f.id AND r.state = ?)", f.State)
		}
		return q
	})
}

// FlagTotals counts flags, their owners, and registrations by state.
func (s *Store) FlagTotals(ctx context.Context) (whaley.FlagTotals, error) {
	totals := whaley.FlagTotals{Registrations: map[whaley.RegistrationState]int{}}
	err := s.read(ctx, func(ctx context.Context) error {
		err := s.db.NewSelect().Model((*flagRow)(nil)).ColumnExpr("COUNT(*)").ColumnExpr("COUNT(DISTINCT owner_id)").
			Where("retired_at IS NULL").Scan(ctx, &totals.Current, &totals.Owners)
		if err != nil {
			return err
		}
		var counts []struct {
			State whaley.RegistrationState
			N     int
		}
		if err := s.db.NewSelect().Model((*registrationRow)(nil)).Column("state").ColumnExpr("COUNT(*) AS n").Group("state").Scan(
			ctx, &counts,
		); err != nil {
			return err
		}
		for _, c := range counts {
			totals.Registrations[c.State] = c.N
		}
		retired, err := s.db.NewSelect().Model((*flagRow)(nil)).Where("retired_at IS NOT NULL").Count(ctx)
		totals.Retired = int(retired)
		return err
	})
	return totals, err
}
