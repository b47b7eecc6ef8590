package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

var _ instancer.Store = (*Store)(nil)

// Keys of PostgreSQL's transaction locks: spawns that count the same rows take turns.
const (
	lockOwner = 1
	lockHost  = 2
)

// Insert adds a live instance; see instancer.Store.
func (s *Store) Insert(ctx context.Context, in *whaley.Instance, q whaley.Quota, ev whaley.Event) error {
	_, err := s.InsertClaiming(ctx, in, whaley.Forms{}, q, ev)
	return err
}

// InsertClaiming is Insert, and gives the instance what is made ahead of a form, if something is; see instancer.Store.
func (s *Store) InsertClaiming(
	ctx context.Context, in *whaley.Instance, forms whaley.Forms, q whaley.Quota, ev whaley.Event,
) (*whaley.Waiting, error) {
	claimed, err := s.insertClaiming(ctx, in, forms, q, ev)
	if errors.Is(err, errHasFlag) {
		return s.insertClaiming(ctx, in, whaley.Forms{Gated: forms.Gated}, q, ev)
	}
	return claimed, err
}

func (s *Store) insertClaiming(
	ctx context.Context, in *whaley.Instance, forms whaley.Forms, q whaley.Quota, ev whaley.Event,
) (claimed *whaley.Waiting, err error) {
	asked := *in
	err = s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		*in, claimed = asked, nil // another try begins with what was asked for
		if err := s.checkOwner(ctx, tx, in, q); err != nil {
			return err
		}
		if err := s.checkHost(ctx, tx, in, q); err != nil {
			return err
		}
		var err error
		if claimed, err = s.claimFor(ctx, tx, in, forms); err != nil {
			return err
		}
		if claimed != nil {
			in.Claim(claimed)
			ev.Instance = in.ID
		}
		if _, err := tx.NewInsert().Model(toRow(in)).Exec(ctx); isUnique(err) {
			return liveExists()
		} else if err != nil {
			return err
		}
		return s.insertEvent(ctx, tx, ev)
	})
	if err != nil {
		in.ID, in.State, claimed = asked.ID, asked.State, nil
	}
	return claimed, err
}

func liveExists() error {
	return whaley.Errorf(whaley.Conflict, whaley.CodeLiveInstance, "You have a running copy of this challenge already.")
}

// checkHost refuses an instance that the host has no room for.
func (s *Store) checkHost(ctx context.Context, tx bun.Tx, in *whaley.Instance, q whaley.Quota) error {
	if q.Total == 0 && q.Memory == 0 {
		return nil
	}
	if err := s.takeTurns(ctx, tx, lockHost, ""); err != nil {
		return err
	}
	var used struct {
		Count  int
		Memory int64
	}
	err := tx.NewSelect().Table("instances").
		ColumnExpr(`coalesce(sum(CASE WHEN owner_id LIKE ? ESCAPE '\' THEN 0 ELSE 1 END), 0) AS count`, solverOwners).
		ColumnExpr(
			"coalesce(sum(CASE WHEN state = ? THEN 0 WHEN expected > 0 THEN expected ELSE memory END), 0) AS memory", whaley.Sleeping,
		).
		Where("state IN ?", bun.Tuple(whaley.LiveStates)).Scan(ctx, &used)
	if err != nil {
		return err
	}
	if q.Total > 0 && used.Count >= q.Total || q.Memory > 0 && used.Memory+in.Needs() > q.Memory {
		return whaley.Errorf(whaley.Unavailable, whaley.CodeHostFull,
			"The host is full: %d instances are running. Try again when others have stopped theirs.", used.Count).After(
			30 * time.Second,
		)
	}
	return nil
}

// takeTurns makes transactions that count the same rows wait for each other; SQLite writes one at a time anyway.
func (s *Store) takeTurns(ctx context.Context, tx bun.Tx, lock int, key string) error {
	if !s.postgres() {
		return nil
	}
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(?, ?))", key, lock)
	return err
}

// Update changes one instance under a row lock; see instancer.Store.
func (s *Store) Update(
	ctx context.Context, id string, from []whaley.State, change func(*whaley.Instance), ev whaley.Event,
) (*whaley.Instance, error) {
	return s.change(ctx, id, from, func(_ context.Context, _ bun.Tx, in *whaley.Instance) error {
		change(in)
		return nil
	}, ev)
}

func (s *Store) change(
	ctx context.Context, id string, from []whaley.State,
	change func(context.Context, bun.Tx, *whaley.Instance) error, ev whaley.Event,
) (*whaley.Instance, error) {
	var changed *whaley.Instance
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		row := &instanceRow{}
		query := tx.NewSelect().Model(row).ColumnExpr("i.*").Where("id = ?", id)
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
			return whaley.Errorf(whaley.Conflict, whaley.CodeStateChanged, "The instance is %s meanwhile.", in.State)
		}
		if err := change(ctx, tx, in); err != nil {
			return err
		}
		in.Version++
		row = toRow(in)
		if _, err := tx.NewUpdate().Model(row).WherePK().Exec(ctx); err != nil {
			return err
		}
		if changed, err = row.instance(); err != nil {
			return err
		}
		return s.insertEvent(ctx, tx, ev)
	})
	return changed, err
}

// Wake changes one that sleeps, if the host has room for it; see instancer.Store.
func (s *Store) Wake(
	ctx context.Context, id string, q whaley.Quota, change func(*whaley.Instance), ev whaley.Event,
) (*whaley.Instance, error) {
	return s.change(ctx, id, []whaley.State{whaley.Sleeping}, func(ctx context.Context, tx bun.Tx, in *whaley.Instance) error {
		if err := s.checkHost(ctx, tx, in, whaley.Quota{Memory: q.Memory}); err != nil {
			return err
		}
		change(in)
		return nil
	}, ev)
}

// Get reads one instance.
func (s *Store) Get(ctx context.Context, id string) (*whaley.Instance, error) {
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
	return whaley.Errorf(whaley.NotFound, whaley.CodeInstanceNotFound, "You have no instance %q.", id)
}

// Live lists live instances, oldest first.
func (s *Store) Live(ctx context.Context, owner string) ([]*whaley.Instance, error) {
	var rows []*instanceRow
	err := s.read(ctx, func(ctx context.Context) error {
		query := s.db.NewSelect().Model(&rows).Where("state IN ?", bun.Tuple(whaley.LiveStates)).Order("created_at", "id")
		if owner != "" {
			query = query.Where("owner_id = ?", owner)
		}
		return query.Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	return instancesOf(rows)
}

// LiveWith lists live instances whose terms name one; see instancer.Store. What an author has written may hold the same text.
func (s *Store) LiveWith(ctx context.Context, term whaley.Term) ([]*whaley.Instance, error) {
	var rows []*instanceRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return s.db.NewSelect().Model(&rows).Where("state IN ?", bun.Tuple(whaley.LiveStates)).
			Where("terms LIKE ?", `%"`+string(term)+`":%`).Order("created_at", "id").Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	return instancesOf(rows)
}

func instancesOf(rows []*instanceRow) ([]*whaley.Instance, error) {
	all := make([]*whaley.Instance, 0, len(rows))
	for _, row := range rows {
		in, err := row.instance()
		if err != nil {
			return nil, fmt.Errorf("list instances: %w", err)
		}
		all = append(all, in)
	}
	return all, nil
}

// LiveByHost finds what a host stands for; see instancer.Store.
func (s *Store) LiveByHost(ctx context.Context, challenge, slug string) (*whaley.Instance, error) {
	row := &instanceRow{}
	none := false
	err := s.read(ctx, func(ctx context.Context) error {
		err := s.db.NewSelect().Model(row).Where("challenge = ?", challenge).Where("slug = ?", slug).
			Where("(state <> ? OR reason <> 'null')", whaley.Stopped).
			OrderExpr("CASE WHEN state IN ? THEN 1 ELSE 0 END", bun.Tuple([]whaley.State{whaley.Failed, whaley.Stopped})).Order(
			"created_at DESC",
		).Limit(1).Scan(ctx)
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
