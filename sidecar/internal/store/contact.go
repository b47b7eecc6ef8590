package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type contactRow struct {
	bun.BaseModel `bun:"table:contacts,alias:c"`

	Instance string `bun:",pk"`
	At       time.Time
}

// Contacted writes when instances got their first requests; an earlier one that is known stays.
func (s *Store) Contacted(ctx context.Context, first map[string]time.Time) error {
	rows := make([]contactRow, 0, len(first))
	for id, at := range first {
		rows = append(rows, contactRow{Instance: id, At: utc(at)})
	}
	if len(rows) == 0 {
		return nil
	}
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&rows).On("CONFLICT (instance) DO NOTHING").Exec(ctx)
		return err
	})
}

// History lists what instances of a challenge did, oldest first: those of some owners, or with none named of all
// players.
func (s *Store) History(ctx context.Context, challenge string, owners []string) ([]whaley.InstanceRecord, error) {
	var rows []struct {
		ID, OwnerID, Player, State string
		CreatedAt                  time.Time
		StartedAt, EndedAt         time.Time `bun:",nullzero"`
		ContactAt                  time.Time `bun:",nullzero"`
	}
	err := s.read(ctx, func(ctx context.Context) error {
		query := s.db.NewSelect().TableExpr("instances AS i").Join("LEFT JOIN contacts AS c ON c.instance = i.id").
			Column("i.id", "i.owner_id", "i.player", "i.state", "i.created_at", "i.started_at", "i.ended_at").
			ColumnExpr("c.at AS contact_at").Where("i.challenge = ?", challenge).Order("i.created_at")
		if len(owners) > 0 {
			query = query.Where("i.owner_id IN ?", bun.Tuple(owners))
		} else {
			query = query.Where(`i.owner_id NOT LIKE ? ESCAPE '\'`, syntheticOwners)
		}
		return query.Scan(ctx, &rows)
	})
	all := make([]whaley.InstanceRecord, len(rows))
	for n, r := range rows {
		all[n] = whaley.InstanceRecord{
			ID: r.ID, Owner: r.OwnerID, Player: r.Player, State: whaley.State(r.State), CreatedAt: utc(r.CreatedAt),
			StartedAt: moment(r.StartedAt), ContactAt: moment(r.ContactAt), EndedAt: moment(r.EndedAt),
		}
	}
	return all, err
}

// moment is a time that may be missing.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = utc(t)
	return &t
}
