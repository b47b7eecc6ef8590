package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// liveRow is the part of a row that is counted.
type liveRow struct {
	bun.BaseModel `bun:"table:instances,alias:i"`

	ID        string
	Challenge string
	OwnerID   string
	OwnerName string
	Player    string
	State     string
	CreatedAt time.Time
	StartedAt time.Time `bun:",nullzero"`
	ExpiresAt time.Time `bun:",nullzero"`
	Memory    int64
	Expected  int64
}

// LiveRows lists what players have that lives, with only what is counted.
func (s *Store) LiveRows(ctx context.Context) ([]whaley.LiveRow, error) {
	var rows []liveRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return s.db.NewSelect().Model(&rows).Where("state IN ?", bun.Tuple(whaley.LiveStates)).
			Where(`owner_id NOT LIKE ? ESCAPE '\'`, syntheticOwners).Scan(ctx)
	})
	all := make([]whaley.LiveRow, 0, len(rows))
	for _, r := range rows {
		all = append(all, whaley.LiveRow{
			ID: r.ID, Challenge: r.Challenge, Owner: whaley.Owner{ID: r.OwnerID, Name: r.OwnerName}, Player: r.Player,
			State:     whaley.State(r.State),
			CreatedAt: utc(r.CreatedAt), StartedAt: utc(r.StartedAt), ExpiresAt: utc(r.ExpiresAt), Memory: r.Memory, Expected: r.Expected,
		})
	}
	return all, err
}

// RenameOwner writes another name of an owner into the rows of its live instances.
func (s *Store) RenameOwner(ctx context.Context, owner, name string) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewUpdate().Table("instances").Set("owner_name = ?", name).Where("owner_id = ?", owner).
			Where("state IN ?", bun.Tuple(whaley.LiveStates)).Exec(ctx)
		return err
	})
}

// SubnetsHeld counts the parts of the pool that are reserved.
func (s *Store) SubnetsHeld(ctx context.Context) (int, error) {
	n := int64(0)
	err := s.read(ctx, func(ctx context.Context) (err error) {
		n, err = s.db.NewSelect().Table("subnets").Count(ctx)
		return err
	})
	return int(n), err
}
