package store

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// ownersQuery reads an owner's live instances, of one challenge the latest that there was, and what a player has
// started since a moment. It is one query because it is on the way of every start; each part has an index.
const ownersQuery = `SELECT 'live' AS part, challenge, state, reason, created_at, ended_at, failures, losses
	FROM instances WHERE owner_id = ? AND state IN ?
	UNION ALL SELECT * FROM (SELECT 'latest', challenge, state, reason, created_at, ended_at, failures, losses
	FROM instances WHERE challenge = ? AND slug = ? ORDER BY created_at DESC LIMIT 1) AS l
	UNION ALL SELECT 'started', '', '', 'null', created_at, NULL, 0, 0
	FROM instances WHERE created_at > ? AND owner_id = ? AND player = ?`

// checkOwner refuses an instance that its owner may not have, and carries over how often starts of it failed before. It
// prefers to say that the challenge itself has an instance: that answer helps more.
func (s *Store) checkOwner(ctx context.Context, tx bun.Tx, in *whaley.Instance, q whaley.Quota) error {
	if q.PerOwner > 0 || q.PerMinute > 0 {
		if err := s.takeTurns(ctx, tx, lockOwner, in.Owner.ID); err != nil {
			return err
		}
	}
	var rows []struct {
		Part, Challenge, State string
		Reason                 reason
		CreatedAt, EndedAt     time.Time
		Failures, Losses       int
	}
	since := in.CreatedAt.Add(-time.Minute)
	if q.PerMinute == 0 {
		since = in.CreatedAt
	}
	err := tx.NewRaw(
		ownersQuery, in.Owner.ID, bun.Tuple(whaley.LiveStates), in.Challenge, in.Slug, utc(since), in.Owner.ID, in.Player,
	).Scan(ctx, &rows)
	if err != nil {
		return err
	}
	live := 0
	var started []time.Time
	var refusal error
	for _, r := range rows {
		switch {
		case r.Part == "started":
			started = append(started, utc(r.CreatedAt))
		case r.Part == "live" && r.Challenge == in.Challenge:
			return liveExists()
		case r.Part == "live":
			live++
		default:
			last := whaley.Instance{State: whaley.State(r.State), EndedAt: utc(r.EndedAt), Reason: r.Reason.of}
			in.Failures, in.Losses = r.Failures, r.Losses
			if reason := last.BackOff(in.CreatedAt); q.BackOff && reason != nil {
				refusal = reason
			}
		}
	}
	if q.PerOwner > 0 && live >= q.PerOwner {
		return whaley.Errorf(whaley.Exhausted, whaley.CodeQuota,
			"You're using all %d of your instances. Stop one to start another.", q.PerOwner)
	}
	if refusal == nil && q.PerMinute > 0 && len(started) >= q.PerMinute {
		slices.SortFunc(started, time.Time.Compare)
		return whaley.TooFast(started[len(started)-q.PerMinute].Add(time.Minute).Sub(in.CreatedAt))
	}
	return refusal
}

// LiveOrFailed lists an owner's live instances, oldest first, and after them those whose start failed since a moment.
func (s *Store) LiveOrFailed(ctx context.Context, owner string, since time.Time) ([]*whaley.Instance, error) {
	var rows []*instanceRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return s.db.NewRaw(`SELECT * FROM instances WHERE owner_id = ? AND state IN ? UNION ALL
			SELECT * FROM instances WHERE owner_id = ? AND state = 'failed' AND ended_at > ?`,
			owner, bun.Tuple(whaley.LiveStates), owner, utc(since)).Scan(ctx, &rows)
	})
	if err != nil {
		return nil, err
	}
	all, err := instancesOf(rows)
	slices.SortStableFunc(all, func(a, b *whaley.Instance) int {
		switch {
		case a.State.Live() != b.State.Live() && a.State.Live():
			return -1
		case a.State.Live() != b.State.Live():
			return 1
		}
		return a.CreatedAt.Compare(b.CreatedAt)
	})
	return all, err
}
