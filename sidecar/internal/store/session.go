package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type sessionRow struct {
	bun.BaseModel `bun:"table:sessions,alias:s"`

	ID         string `bun:",pk"`
	Kind       string
	Account    int
	PlayerID   string
	PlayerName string
	OwnerID    string
	OwnerName  string
	Address    string
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

// signInsEach is how many sign-ins a player has: more than anybody has browsers. With a further one the earliest ends.
const signInsEach = 50

// StartSession writes a sign-in, and forgets those that are over and what the player has too many of.
func (s *Store) StartSession(ctx context.Context, n whaley.Session) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewDelete().Model((*sessionRow)(nil)).Where("expires_at < ?", utc(time.Now())).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(&sessionRow{
			ID: n.ID, Kind: n.Kind, Account: n.Account, PlayerID: n.Player.ID, PlayerName: n.Player.Name,
			OwnerID:   n.Player.Owner.ID,
			OwnerName: n.Player.Owner.Name, Address: n.Player.Address, CreatedAt: utc(n.CreatedAt), ExpiresAt: utc(n.ExpiresAt),
		}).Exec(ctx); err != nil {
			return err
		}
		if n.Kind == whaley.SessionPlayer {
			if err := endEarliest(ctx, tx, n); err != nil {
				return err
			}
		}
		return s.insertAudit(ctx, tx, whaley.Event{Player: n.Player.Name + " at " + n.Player.Address})
	})
}

// endEarliest ends what the player of a sign-in has too many of.
func endEarliest(ctx context.Context, tx bun.Tx, n whaley.Session) error {
	latest := tx.NewSelect().Model((*sessionRow)(nil)).Column("id").Where("kind = ?", n.Kind).
		Where("player_id = ?", n.Player.ID).Order("created_at DESC", "id").Limit(signInsEach)
	_, err := tx.NewDelete().Model((*sessionRow)(nil)).Where("kind = ?", n.Kind).Where("player_id = ?", n.Player.ID).
		Where("id NOT IN (?)", latest).Exec(ctx)
	return err
}

// Session finds a sign-in, and refuses with CodeSessionOver if there is none.
func (s *Store) Session(ctx context.Context, id string) (whaley.Session, error) {
	r := &sessionRow{}
	err := s.read(ctx, func(ctx context.Context) error {
		err := s.db.NewSelect().Model(r).Where("id = ?", id).Scan(ctx)
		if isNoRow(err) {
			return whaley.Errorf(whaley.Unauthorized, whaley.CodeSessionOver, "You have been signed out. Sign in again.")
		}
		return err
	})
	if err != nil {
		return whaley.Session{}, err
	}
	return r.session(), nil
}

func (r *sessionRow) session() whaley.Session {
	return whaley.Session{
		ID: r.ID, Kind: r.Kind, Account: r.Account, CreatedAt: utc(r.CreatedAt), ExpiresAt: utc(r.ExpiresAt),
		Player: whaley.Player{
			ID: r.PlayerID, Name: r.PlayerName, Owner: whaley.Owner{ID: r.OwnerID, Name: r.OwnerName}, Address: r.Address,
			Session: r.ID,
		},
	}
}

// mostSignIns is how many sign-ins for one owner are looked at.
const mostSignIns = 64

// SignedInOwners are the owners that players are signed in for, sorted.
func (s *Store) SignedInOwners(ctx context.Context) (owners []string, err error) {
	err = s.read(ctx, func(ctx context.Context) error {
		owners = nil
		return s.signedIn().ColumnExpr("DISTINCT s.owner_id").Model((*sessionRow)(nil)).Where("s.owner_id <> ''").
			OrderExpr("s.owner_id").Scan(ctx, &owners)
	})
	return owners, err
}

// SignedIn lists the latest sign-ins of players for an owner, the latest first.
func (s *Store) SignedIn(ctx context.Context, owner string) (all []whaley.Session, err error) {
	var rows []*sessionRow
	err = s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return s.signedIn().Model(&rows).Where("s.owner_id = ?", owner).Order("s.created_at DESC", "s.id").Limit(mostSignIns).Scan(
			ctx,
		)
	})
	for _, r := range rows {
		all = append(all, r.session())
	}
	return all, err
}

// signedIn selects sign-ins of players that are not over.
func (s *Store) signedIn() *bun.SelectQuery {
	return s.db.NewSelect().Where("s.kind = ?", whaley.SessionPlayer).Where("s.expires_at > ?", utc(time.Now()))
}

// RenewSession writes who a signed-in player is now, and when the sign-in ends.
func (s *Store) RenewSession(ctx context.Context, id string, p whaley.Player, expires time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*sessionRow)(nil)).Where("id = ?", id).Set("player_name = ?", p.Name).
			Set("owner_id = ?", p.Owner.ID).Set("owner_name = ?", p.Owner.Name).
			Set("expires_at = ?", utc(expires)).Exec(ctx)
		return err
	})
}

// EndSession forgets a sign-in. Ending what is over already is no error.
func (s *Store) EndSession(ctx context.Context, id string) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*sessionRow)(nil)).Where("id = ?", id).Exec(ctx)
		return err
	})
}
