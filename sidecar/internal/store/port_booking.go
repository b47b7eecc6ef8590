package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// BookPort makes a host port an owner's before anything of theirs holds it, or refuses with CodePortTaken if it is
// another's, or they have one already.
func (s *Store) BookPort(ctx context.Context, port int, owner, challenge string, internal int) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(
			&mappingRow{Owner: owner, Challenge: challenge, Internal: internal, Port: port},
		).Exec(ctx)
		if isUnique(err) {
			return whaley.Errorf(whaley.Conflict, whaley.CodePortTaken, "The port %d is taken.", port)
		}
		return err
	})
}

// BookedPorts are all host ports that are somebody's, whether anything holds them or not.
func (s *Store) BookedPorts(ctx context.Context) (ports []int, err error) {
	err = s.read(ctx, func(ctx context.Context) error {
		ports = nil
		return s.db.NewSelect().Model((*mappingRow)(nil)).Column("port").Order("port").Scan(ctx, &ports)
	})
	return ports, err
}

// OwnerPorts are an owner's host ports: challenge → internal port → host port.
func (s *Store) OwnerPorts(ctx context.Context, owner string) (map[string]map[int]int, error) {
	var rows []mappingRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return s.db.NewSelect().Model(&rows).Where("owner = ?", owner).Scan(ctx)
	})
	all := map[string]map[int]int{}
	for _, r := range rows {
		if all[r.Challenge] == nil {
			all[r.Challenge] = map[int]int{}
		}
		all[r.Challenge][r.Internal] = r.Port
	}
	return all, err
}

// PortHolder says whose a host port is; false: nobody's.
func (s *Store) PortHolder(ctx context.Context, port int) (whaley.PortMapping, bool, error) {
	var rows []mappingRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return s.db.NewSelect().Model(&rows).Where("port = ?", port).Limit(1).Scan(ctx)
	})
	if err != nil || len(rows) == 0 {
		return whaley.PortMapping{}, false, err
	}
	r := rows[0]
	return whaley.PortMapping{Owner: r.Owner, Challenge: r.Challenge, Internal: r.Internal, Port: r.Port}, true, nil
}
