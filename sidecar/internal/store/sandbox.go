package store

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type sandboxRow struct {
	bun.BaseModel `bun:"table:sandboxes,alias:sb"`

	ID        string       `bun:",pk"`
	Shape     whaley.Shape `bun:"type:jsonb"` // equal shapes have equal texts
	Subnet    string
	State     whaley.SandboxState
	Instance  string
	ChangedAt int64
	Age       int64 `bun:",scanonly"` // milliseconds
}

func (r *sandboxRow) sandbox() (*whaley.Sandbox, error) {
	s := &whaley.Sandbox{ID: r.ID, State: r.State, Instance: r.Instance, Age: time.Duration(r.Age) * time.Millisecond}
	s.Shape = r.Shape
	if r.Subnet != "" {
		var err error
		if s.Subnet, err = netip.ParsePrefix(r.Subnet); err != nil {
			return nil, fmt.Errorf("row of %s: %w", r.ID, err)
		}
	}
	return s, nil
}

// AddSandbox adds a sandbox that is to be made.
func (s *Store) AddSandbox(ctx context.Context, sb *whaley.Sandbox) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&sandboxRow{ID: sb.ID, Shape: sb.Shape, State: whaley.SandboxMaking}).
			Value("changed_at", "?", s.now()).Exec(ctx)
		return err
	})
}

// Sandboxes lists all, those in their state for longest first.
func (s *Store) Sandboxes(ctx context.Context) ([]*whaley.Sandbox, error) {
	var rows []sandboxRow
	err := s.read(ctx, func(ctx context.Context) error {
		return s.db.NewSelect().Model(&rows).ColumnExpr("sb.*").ColumnExpr("? - changed_at AS age", s.now()).Order(
			"changed_at", "id",
		).Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	all := make([]*whaley.Sandbox, len(rows))
	for n := range rows {
		if all[n], err = rows[n].sandbox(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// TakeSandbox gives an instance the one it has already, else a ready one of a shape, else nil.
func (s *Store) TakeSandbox(ctx context.Context, instance string, shape whaley.Shape) (*whaley.Sandbox, error) {
	row := &sandboxRow{}
	none := false
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		query := tx.NewSelect().Model(row).ColumnExpr("sb.*").
			Where("instance = ?", instance).WhereOr("state = ? AND shape = ?", whaley.SandboxReady, shape).
			OrderExpr("CASE WHEN instance = ? THEN 0 ELSE 1 END", instance).Order("changed_at").Limit(1)
		if s.postgres() {
			query = query.For("UPDATE SKIP LOCKED")
		}
		if err := query.Scan(ctx); isNoRow(err) {
			none = true
			return nil
		} else if err != nil {
			return err
		}
		row.State, row.Instance = whaley.SandboxTaken, instance
		_, err := tx.NewUpdate().Model(row).Column("state", "instance").Set("changed_at = ?", s.now()).WherePK().Exec(ctx)
		return err
	})
	if err != nil || none {
		return nil, err
	}
	return row.sandbox()
}

// FreeSandbox moves what an instance has to another state, and says whether it had one.
func (s *Store) FreeSandbox(ctx context.Context, instance string, to whaley.SandboxState) (bool, error) {
	return s.moveSandbox(ctx, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Set("state = ?", to).Set("instance = ''").Where("instance = ?", instance)
	})
}

// MoveSandbox changes the state of one, unless that is another meanwhile, and says whether it did. Subnet and shape
// are written as they are in sb.
func (s *Store) MoveSandbox(ctx context.Context, sb *whaley.Sandbox, to whaley.SandboxState) (bool, error) {
	subnet := ""
	if sb.Subnet.IsValid() {
		subnet = sb.Subnet.String()
	}
	return s.moveSandbox(ctx, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Set("state = ?", to).Set("shape = ?", sb.Shape).Set("subnet = ?", subnet).Set("instance = ''").
			Where("id = ?", sb.ID).Where("state = ?", sb.State)
	})
}

func (s *Store) moveSandbox(
	ctx context.Context, change func(*bun.UpdateQuery) *bun.UpdateQuery,
) (moved bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		moved, err = changedOne(change(tx.NewUpdate().Table("sandboxes").Set("changed_at = ?", s.now())).Exec(ctx))
		return err
	})
	return moved, err
}

// DropSandbox forgets one; none is no error.
func (s *Store) DropSandbox(ctx context.Context, id string) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*sandboxRow)(nil)).Where("id = ?", id).Exec(ctx)
		return err
	})
}
