package store

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// PortMappings lists a page of remembered ports by owner, challenge and internal port, of one owner or (empty) of all,
// and the cursor of the next page.
func (s *Store) PortMappings(
	ctx context.Context, owner, challenge, after string, limit int,
) ([]whaley.PortMapping, string, error) {
	var from [3]string
	internal := 0
	if after != "" {
		c, err := readCursor(after)
		if err != nil || json.Unmarshal([]byte(c.Key), &from) != nil || strings.ContainsRune(from[0]+from[1], 0) {
			return nil, "", badCursor()
		}
		if internal, err = strconv.Atoi(from[2]); err != nil || internal < 0 || internal > 65535 {
			return nil, "", badCursor()
		}
	}
	var rows []struct {
		mappingRow `bun:",extend"`
		Instance   string
	}
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		query := s.db.NewSelect().TableExpr("user_port_mappings AS m").Column(
			"m.owner", "m.challenge", "m.internal", "m.port",
		).
			ColumnExpr("coalesce(p.instance, '') AS instance").Join("LEFT JOIN ports AS p ON p.port = m.port").
			Order("m.owner", "m.challenge", "m.internal").Limit(int64(limit) + 1)
		if owner != "" {
			query = query.Where("m.owner = ?", owner)
		}
		if challenge != "" {
			query = query.Where("m.challenge = ?", challenge)
		}
		if after != "" {
			query = query.Where("(m.owner, m.challenge, m.internal) > (?, ?, ?)", from[0], from[1], internal)
		}
		return query.Scan(ctx, &rows)
	})
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		key, _ := json.Marshal([3]string{last.Owner, last.Challenge, strconv.Itoa(last.Internal)}) // strings can be
		next = cursor{Key: string(key)}.text()
	}
	all := make([]whaley.PortMapping, 0, len(rows))
	for _, r := range rows {
		all = append(
			all,
			whaley.PortMapping{Owner: r.Owner, Challenge: r.Challenge, Internal: r.Internal, Port: r.Port, Instance: r.Instance},
		)
	}
	return all, next, nil
}

// ForgetPorts forgets which ports an owner's challenge had last, of all challenges if it is empty, of everybody if both
// are; what instances hold they keep. It returns how many.
func (s *Store) ForgetPorts(ctx context.Context, owner, challenge string) (int, error) {
	forgotten := 0
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		query := tx.NewDelete().Model((*mappingRow)(nil)).Where("1 = 1")
		if owner != "" {
			query = query.Where("owner = ?", owner)
		}
		if challenge != "" {
			query = query.Where("challenge = ?", challenge)
		}
		result, err := query.Exec(ctx)
		if err != nil {
			return err
		}
		rows, err := result.RowsAffected()
		if forgotten = int(rows); err != nil {
			return err
		}
		return s.insertAudit(ctx, tx, whaley.Event{Owner: owner, Challenge: challenge})
	})
	return forgotten, err
}

// PortUse counts reservations and remembered ports.
func (s *Store) PortUse(ctx context.Context) (whaley.PortUse, error) {
	var use whaley.PortUse
	err := s.read(ctx, func(ctx context.Context) error {
		if err := s.db.NewSelect().Table("ports").ColumnExpr("count(*)").Scan(ctx, &use.Held); err != nil {
			return err
		}
		return s.db.NewSelect().Table("user_port_mappings").ColumnExpr("count(*)").ColumnExpr("count(DISTINCT owner)").Scan(
			ctx, &use.Mappings, &use.Owners,
		)
	})
	return use, err
}
