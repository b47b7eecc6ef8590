package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// orders are the columns behind the orders of a list of instances; the id decides between equals.
var orders = map[whaley.InstanceOrder]struct {
	expression string
	key        func(*instanceRow) string
	time       bool
}{
	whaley.ByCreated: {"created_at", func(r *instanceRow) string { return stamp(r.CreatedAt) }, true},
	whaley.ByExpiry: {
		"coalesce(expires_at, '9999-12-31 00:00:00+00:00')", func(r *instanceRow) string { return stamp(r.ExpiresAt) }, true,
	},
	whaley.ByChallenge: {"challenge", func(r *instanceRow) string { return r.Challenge }, false},
	whaley.ByOwner:     {"owner_name", func(r *instanceRow) string { return r.OwnerName }, false},
	whaley.ByState:     {"state", func(r *instanceRow) string { return r.State }, false},
}

// never stands for the expiry of what does not expire.
var never = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

func stamp(t time.Time) string {
	if t.IsZero() {
		t = never
	}
	return utc(t).Format(time.RFC3339Nano)
}

// cursor is where a page ended.
type cursor struct{ Key, ID string }

func (c cursor) text() string {
	text, _ := json.Marshal(c) // two strings can be
	return base64.RawURLEncoding.EncodeToString(text)
}

func readCursor(text string) (cursor, error) {
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || strings.ContainsRune(c.Key+c.ID, 0) {
		return c, badCursor()
	}
	return c, nil
}

func badCursor() error {
	return whaley.Errorf(whaley.Invalid, "cursor_invalid", "after must be the next of an earlier page in the same order.")
}

// Instances lists a page of everybody's instances, and the cursor of the next one, empty if it was the last.
func (s *Store) Instances(ctx context.Context, q whaley.InstanceQuery) ([]*whaley.Instance, string, error) {
	order, known := orders[q.Sort]
	if !known {
		q.Sort = whaley.ByCreated
		order = orders[q.Sort]
	}
	direction, beyond := "ASC", ">"
	if q.Descending {
		direction, beyond = "DESC", "<"
	}
	var from any
	var after cursor
	if q.After != "" {
		var err error
		if after, err = readCursor(q.After); err != nil {
			return nil, "", err
		}
		from = after.Key
		if order.time {
			t, err := time.Parse(time.RFC3339Nano, after.Key)
			if err != nil {
				return nil, "", badCursor()
			}
			from = utc(t)
		}
	}
	var rows []*instanceRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		query := s.matching(s.db.NewSelect().Model(&rows), q).
			OrderExpr("? ?, id ?", bun.Safe(order.expression), bun.Safe(direction), bun.Safe(direction)).Limit(int64(q.Limit) + 1)
		if q.After != "" {
			query = query.Where("(?, id) ? (?, ?)", bun.Safe(order.expression), bun.Safe(beyond), from, after.ID)
		}
		return query.Scan(ctx)
	})
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > q.Limit {
		rows = rows[:q.Limit]
		last := rows[len(rows)-1]
		next = cursor{order.key(last), last.ID}.text()
	}
	all := make([]*whaley.Instance, 0, len(rows))
	for _, row := range rows {
		in, err := row.instance()
		if err != nil {
			return nil, "", err
		}
		all = append(all, in)
	}
	return all, next, nil
}

// matching narrows a query of instances to what is asked for.
func (s *Store) matching(query *bun.SelectQuery, q whaley.InstanceQuery) *bun.SelectQuery {
	if len(q.States) > 0 {
		query = query.Where("state IN ?", bun.Tuple(q.States))
	}
	if len(q.IDs) > 0 {
		query = query.Where("id IN ?", bun.Tuple(q.IDs))
	}
	if q.Challenge != "" {
		query = query.Where("challenge = ?", q.Challenge)
	}
	if q.Owner != "" {
		query = query.Where("owner_id = ?", q.Owner)
	} else if q.Text == "" && len(q.IDs) == 0 {
		query = query.Where(`owner_id NOT LIKE ? ESCAPE '\'`, syntheticOwners)
	}
	if !q.Before.IsZero() {
		query = query.Where("created_at < ?", utc(q.Before))
	}
	if q.Text != "" {
		like := likeOf(q.Text)
		query = query.Where(
			`(lower(id) LIKE ?0 ESCAPE '\' OR lower(owner_name) LIKE ?0 ESCAPE '\' OR lower(owner_id) LIKE ?0 ESCAPE '\')`, like,
		)
	}
	return query
}

// Owners are those who have had an instance, whose name or id has a text in it, with none
// all players; who asked for one last comes first.
func (s *Store) Owners(ctx context.Context, text string, limit int) ([]whaley.OwnerSummary, error) {
	var rows []struct {
		OwnerID, OwnerName string
		Live, Total        int
		LastAt             time.Time
	}
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		// An owner who was renamed has several names: the latest counts.
		latest := s.db.NewSelect().TableExpr("instances AS n").Column("n.owner_name").Where("n.owner_id = i.owner_id").
			OrderExpr("n.created_at DESC").Limit(1)
		q := s.db.NewSelect().TableExpr("instances AS i").ColumnExpr("i.owner_id").ColumnExpr("(?) AS owner_name", latest).
			ColumnExpr("sum(CASE WHEN i.state IN ? THEN 1 ELSE 0 END) AS live", bun.Tuple(whaley.LiveStates)).
			ColumnExpr("count(*) AS total").ColumnExpr("max(i.created_at) AS last_at").Group("i.owner_id").
			OrderExpr("max(i.created_at) DESC, i.owner_id").Limit(int64(limit))
		if text != "" {
			like := likeOf(text)
			q = q.Where(`(lower(i.owner_name) LIKE ?0 ESCAPE '\' OR lower(i.owner_id) LIKE ?0 ESCAPE '\')`, like)
		} else {
			q = q.Where(`i.owner_id NOT LIKE ? ESCAPE '\'`, syntheticOwners)
		}
		return q.Scan(ctx, &rows)
	})
	all := make([]whaley.OwnerSummary, 0, len(rows))
	for _, r := range rows {
		all = append(all, whaley.OwnerSummary{
			Owner: whaley.Owner{ID: r.OwnerID, Name: r.OwnerName}, Live: r.Live, Total: r.Total, LastAt: utc(r.LastAt),
		})
	}
	return all, err
}

// likeOf is the pattern of texts that have another in them, in lower case.
func likeOf(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(text)) + "%"
}

// CountInstances counts them by state; states of which there is none are left out.
func (s *Store) CountInstances(ctx context.Context, q whaley.InstanceQuery) (map[whaley.State]int, error) {
	var rows []struct {
		State string
		Count int
	}
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return s.matching(
			s.db.NewSelect().Table("instances").Column("state").ColumnExpr("count(*) AS count").Group("state"), q,
		).Scan(ctx, &rows)
	})
	counts := map[whaley.State]int{}
	for _, r := range rows {
		counts[whaley.State(r.State)] = r.Count
	}
	return counts, err
}
