package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// mostDue bounds what is stopped in one transaction.
const mostDue = 500

// timed are the states in which an instance has a time that runs out.
var timed = []whaley.State{whaley.Running, whaley.Sleeping}

// Due lists running and sleeping instances whose time is over; see instancer.Store.
func (s *Store) Due(ctx context.Context, now time.Time) ([]string, error) {
	var ids []string
	err := s.read(ctx, func(ctx context.Context) error {
		ids = nil
		return s.db.NewSelect().Table("instances").Column("id").
			Where("state IN ?", bun.Tuple(timed)).Where("expires_at <= ?", utc(now)).Order("expires_at").Limit(mostDue).Scan(
			ctx, &ids,
		)
	})
	return ids, err
}

// Expire turns running and sleeping instances whose time is over into stopping ones; see instancer.Store.
func (s *Store) Expire(ctx context.Context, ids []string, now time.Time) ([]*whaley.Instance, error) {
	var rows []*instanceRow
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		query := tx.NewSelect().Model(&rows).Where("id IN ?", bun.Tuple(ids)).
			Where("state IN ?", bun.Tuple(timed)).Where("expires_at <= ?", utc(now))
		if s.postgres() {
			query = query.For("UPDATE")
		}
		if err := query.Scan(ctx); err != nil || len(rows) == 0 {
			return err
		}
		due := make([]string, len(rows))
		events := make([]whaley.Event, len(rows))
		for n, row := range rows {
			row.State, row.StopCause, row.Version, row.Losses = string(whaley.Stopping), whaley.CauseExpired, row.Version+1, 0
			due[n] = row.ID
			events[n] = whaley.Event{Type: "instance_expired", Instance: row.ID, Challenge: row.Challenge, Owner: row.OwnerID,
				Player: row.Player, Message: "Time was up", At: now}
		}
		_, err := tx.NewUpdate().Table("instances").Set("state = ?", whaley.Stopping).Set(
			"stop_cause = ?", whaley.CauseExpired,
		).
			Set("version = version + 1").Set("losses = 0").Where("id IN ?", bun.Tuple(due)).Exec(ctx)
		if err != nil {
			return err
		}
		return s.insertEvents(ctx, tx, events)
	})
	if err != nil {
		return nil, err
	}
	all := make([]*whaley.Instance, 0, len(rows))
	for _, row := range rows {
		in, err := row.instance()
		if err != nil {
			return nil, err
		}
		all = append(all, in)
	}
	return all, nil
}
