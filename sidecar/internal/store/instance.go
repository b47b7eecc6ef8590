package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

var _ instancer.Store = (*Store)(nil)

// Insert adds a live instance; see instancer.Store.
func (s *Store) Insert(ctx context.Context, in *instancer.Instance, max int, ev instancer.Event) error {
	row, err := toRow(in)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		if max > 0 {
			if s.postgres() {
				// Two spawns of different challenges at once would both count before either is there.
				if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(?, 1))", in.Owner.ID); err != nil {
					return err
				}
			}
			if err := s.checkQuota(ctx, tx, in, max); err != nil {
				return err
			}
		}
		if _, err := tx.NewInsert().Model(row).Exec(ctx); isUnique(err) {
			return liveExists()
		} else if err != nil {
			return err
		}
		return insertEvent(ctx, tx, ev)
	})
}

func liveExists() error {
	return instancer.Errorf(instancer.Conflict, instancer.CodeLiveInstance, "You have a running copy of this challenge already.")
}

// checkQuota prefers to say that the challenge itself has an instance: that answer helps more.
func (s *Store) checkQuota(ctx context.Context, tx bun.Tx, in *instancer.Instance, max int) error {
	var live []instanceRow
	err := tx.NewSelect().Model(&live).Column("challenge").
		Where("owner_id = ?", in.Owner.ID).Where("state IN ?", bun.Tuple(instancer.LiveStates)).Scan(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(live, func(r instanceRow) bool { return r.Challenge == in.Challenge }) {
		return liveExists()
	}
	if len(live) >= max {
		return instancer.Errorf(instancer.Exhausted, instancer.CodeQuota,
			"You have %d of %d instances already. Stop one on the dashboard, then try again.", len(live), max)
	}
	return nil
}

// Update changes one instance under a row lock; see instancer.Store.
func (s *Store) Update(ctx context.Context, id string, from []instancer.State, change func(*instancer.Instance), ev instancer.Event) (*instancer.Instance, error) {
	var changed *instancer.Instance
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		row := &instanceRow{}
		query := tx.NewSelect().Model(row).Where("id = ?", id)
		if s.postgres() {
			query = query.For("UPDATE")
		}
		if err := query.Scan(ctx); isNoRow(err) {
			return notFound(id)
		} else if err != nil {
			return err
		}
		in, err := row.instance()
		if err != nil {
			return err
		}
		if !slices.Contains(from, in.State) {
			return instancer.Errorf(instancer.Conflict, instancer.CodeStateChanged, "The instance is %s meanwhile.", in.State)
		}
		change(in)
		in.Version++
		if row, err = toRow(in); err != nil {
			return err
		}
		if _, err := tx.NewUpdate().Model(row).WherePK().Exec(ctx); err != nil {
			return err
		}
		if changed, err = row.instance(); err != nil {
			return err
		}
		return insertEvent(ctx, tx, ev)
	})
	return changed, err
}

// Get reads one instance.
func (s *Store) Get(ctx context.Context, id string) (*instancer.Instance, error) {
	row := &instanceRow{}
	err := s.read(ctx, func(ctx context.Context) error {
		err := s.db.NewSelect().Model(row).Where("id = ?", id).Scan(ctx)
		if isNoRow(err) {
			return notFound(id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return row.instance()
}

func notFound(id string) error {
	return instancer.Errorf(instancer.NotFound, instancer.CodeInstanceNotFound, "You have no instance %q.", id)
}

// Live lists live instances, oldest first.
func (s *Store) Live(ctx context.Context, owner string) ([]*instancer.Instance, error) {
	var rows []*instanceRow
	err := s.read(ctx, func(ctx context.Context) error {
		query := s.db.NewSelect().Model(&rows).Where("state IN ?", bun.Tuple(instancer.LiveStates)).Order("created_at", "id")
		if owner != "" {
			query = query.Where("owner_id = ?", owner)
		}
		return query.Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	all := make([]*instancer.Instance, 0, len(rows))
	for _, row := range rows {
		in, err := row.instance()
		if err != nil {
			return nil, fmt.Errorf("list live instances: %w", err)
		}
		all = append(all, in)
	}
	return all, nil
}

// LiveByHost finds what a host stands for; see instancer.Store.
func (s *Store) LiveByHost(ctx context.Context, challenge, slug string) (*instancer.Instance, error) {
	row := &instanceRow{}
	none := false
	err := s.read(ctx, func(ctx context.Context) error {
		err := s.db.NewSelect().Model(row).Where("challenge = ?", challenge).Where("slug = ?", slug).
			Where("state <> ?", instancer.Stopped).
			OrderExpr("CASE WHEN state = ? THEN 1 ELSE 0 END", instancer.Failed).Order("created_at DESC").Limit(1).Scan(ctx)
		if none = isNoRow(err); none {
			return nil
		}
		return err
	})
	if err != nil || none {
		return nil, err
	}
	return row.instance()
}
