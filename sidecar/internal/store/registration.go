package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type registrationRow struct {
	bun.BaseModel `bun:"table:flag_registrations,alias:r"`

	Flag          string `bun:",pk"`
	CTFdChallenge int    `bun:"ctfd_challenge,pk"`
	Place         string // UUIDv7: its place in the queue
	State         string
	CTFdFlag      int `bun:"ctfd_flag"`
	Tries         int
	NextAt        int64 // milliseconds, by the database's clock
	Reason        string
	ChangedAt     time.Time

	Value     string `bun:",scanonly"`
	OwnerID   string `bun:",scanonly"`
	Challenge string `bun:",scanonly"`
}

func (r *registrationRow) registration(value, owner, challenge string) whaley.Registration {
	return whaley.Registration{
		Flag: r.Flag, Value: value, Owner: owner, Challenge: challenge, CTFdChallenge: r.CTFdChallenge, CTFdFlag: r.CTFdFlag,
		State: whaley.RegistrationState(r.State), Tries: r.Tries, Reason: r.Reason, ChangedAt: utc(r.ChangedAt),
	}
}

// want puts flags into the outbox for a challenge of CTFd; one that is there already starts anew.
func (s *Store) want(ctx context.Context, tx bun.Tx, flags []string, ctfd int, at time.Time) error {
	if len(flags) == 0 {
		return nil
	}
	rows := make([]*registrationRow, len(flags))
	for n, flag := range flags {
		place, err := uuid.NewV7()
		if err != nil {
			return err
		}
		rows[n] = &registrationRow{
			Flag: flag, CTFdChallenge: ctfd, Place: place.String(), State: string(whaley.RegistrationPending),
			ChangedAt: utc(at),
		}
	}
	_, err := tx.NewInsert().Model(&rows).On("CONFLICT (flag, ctfd_challenge) DO UPDATE").
		Set("state = EXCLUDED.state").Set("place = EXCLUDED.place").Set("tries = 0").Set("next_at = 0").Set("reason = ''").Set(
		"changed_at = EXCLUDED.changed_at",
	).
		Where("r.state NOT IN (?, ?, ?)", whaley.RegistrationLive, whaley.RegistrationPending, whaley.RegistrationFailed).Exec(
		ctx,
	)
	return err
}

// unwant asks for registrations to be taken out of CTFd.
func (s *Store) unwant(ctx context.Context, tx bun.Tx, where string, value any, at time.Time) error {
	_, err := tx.NewUpdate().Model((*registrationRow)(nil)).Set("state = ?", whaley.RegistrationRemoving).Set("tries = 0").Set(
		"next_at = 0",
	).
		Set("reason = ''").Set("changed_at = ?", utc(at)).Where(where, value).Where("state <> ?", whaley.RegistrationRemoved).Exec(
		ctx,
	)
	return err
}

func (s *Store) selectRegistrations(rows *[]*registrationRow) *bun.SelectQuery {
	return s.db.NewSelect().Model(rows).ColumnExpr("r.*").ColumnExpr("f.value, f.owner_id, f.challenge").Join(
		"JOIN flags AS f ON f.id = r.flag",
	).Order("r.place")
}

func (s *Store) registrations(
	ctx context.Context, which func(*bun.SelectQuery) *bun.SelectQuery,
) ([]whaley.Registration, error) {
	var rows []*registrationRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return which(s.selectRegistrations(&rows)).Scan(ctx)
	})
	all := make([]whaley.Registration, len(rows))
	for n, r := range rows {
		all[n] = r.registration(r.Value, r.OwnerID, r.Challenge)
	}
	return all, err
}

// DueRegistrations are the first entries of the outbox whose time has come, in its order.
func (s *Store) DueRegistrations(ctx context.Context, limit int) ([]whaley.Registration, error) {
	return s.registrations(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("r.state IN ('pending', 'failed', 'removing')").Where("r.next_at <= ?", s.now()).Limit(int64(limit))
	})
}

// RegistrationsIn are all entries about a challenge of CTFd.
func (s *Store) RegistrationsIn(ctx context.Context, ctfd int) ([]whaley.Registration, error) {
	return s.registrations(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("r.ctfd_challenge = ?", ctfd)
	})
}

// LiveRegistration is any of those that a challenge of CTFd should hold, another each time; nil: there is none.
func (s *Store) LiveRegistration(ctx context.Context, ctfd int) (*whaley.Registration, error) {
	var rows []*registrationRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		one := s.db.NewSelect().Table("flag_registrations").Column("flag").Where("ctfd_challenge = ?", ctfd).
			Where("state = ?", whaley.RegistrationLive).OrderExpr("random()").Limit(1)
		return s.selectRegistrations(&rows).Where("r.ctfd_challenge = ?", ctfd).Where("r.flag IN (?)", one).Scan(ctx)
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	r := rows[0].registration(rows[0].Value, rows[0].OwnerID, rows[0].Challenge)
	return &r, nil
}

// Registered writes the outcome of a try: the state it has now, and if it is not done when to try again. It changes
// nothing if the entry is wanted otherwise by now.
func (s *Store) Registered(
	ctx context.Context, was, now whaley.Registration, again time.Duration, ev whaley.Event,
) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		query := tx.NewUpdate().Model((*registrationRow)(nil)).
			Set("state = ?", now.State).Set("ctfd_flag = ?", now.CTFdFlag).Set("tries = ?", now.Tries).Set(
			"reason = ?", now.Reason,
		).
			Set("next_at = ? + ?", s.now(), again.Milliseconds()).
			Where("flag = ?", was.Flag).Where("ctfd_challenge = ?", was.CTFdChallenge).Where("state = ?", was.State)
		if was.State != now.State {
			query = query.Set("changed_at = ?", utc(now.ChangedAt))
		}
		result, err := query.Exec(ctx)
		if err != nil {
			return err
		}
		if rows, err := result.RowsAffected(); err != nil || rows == 0 {
			return err
		}
		return s.insertEvent(ctx, tx, ev)
	})
}

// TryRegistrationsNow forgets all back-offs: CTFd answers again, or an organiser has mended something.
func (s *Store) TryRegistrationsNow(ctx context.Context) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*registrationRow)(nil)).Set("next_at = 0").Where(
			"state IN ('pending', 'failed', 'removing')",
		).Where("next_at > 0").Exec(ctx)
		return err
	})
}
