package store

import (
	"context"
	"net/netip"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type subnetRow struct {
	bun.BaseModel `bun:"table:subnets,alias:s"`

	Prefix   string `bun:",pk"`
	Instance string
}

type portRow struct {
	bun.BaseModel `bun:"table:ports,alias:p"`

	Port     int `bun:",pk"`
	Instance string
	Internal int
}

type mappingRow struct {
	bun.BaseModel `bun:"table:user_port_mappings,alias:m"`

	Owner     string `bun:",pk"`
	Challenge string `bun:",pk"`
	Internal  int    `bun:",pk"`
	Port      int
}

// HeldSubnets are all reservations: subnet → instance.
func (s *Store) HeldSubnets(ctx context.Context) (map[netip.Prefix]string, error) {
	var rows []subnetRow
	err := s.read(ctx, func(ctx context.Context) error { return s.db.NewSelect().Model(&rows).Scan(ctx) })
	held := make(map[netip.Prefix]string, len(rows))
	for _, r := range rows {
		prefix, err := netip.ParsePrefix(r.Prefix)
		if err != nil {
			return nil, err
		}
		held[prefix] = r.Instance
	}
	return held, err
}

// TakeSubnet reserves a subnet, or refuses with CodeSubnetTaken if it or the instance has a reservation already.
func (s *Store) TakeSubnet(ctx context.Context, prefix netip.Prefix, instance string) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&subnetRow{Prefix: prefix.String(), Instance: instance}).Exec(ctx)
		if isUnique(err) {
			return whaley.Errorf(whaley.Conflict, whaley.CodeSubnetTaken, "The subnet %s is taken.", prefix)
		}
		return err
	})
}

// DropSubnets ends the reservations of an instance and its parts.
func (s *Store) DropSubnets(ctx context.Context, instance string) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*subnetRow)(nil)).Where("instance = ?", instance).WhereOr(
			"instance LIKE ?", instance+"/%",
		).Exec(ctx)
		return err
	})
}

// HeldPorts are all reservations: host port → instance.
func (s *Store) HeldPorts(ctx context.Context) (map[int]string, error) {
	var rows []portRow
	err := s.read(ctx, func(ctx context.Context) error { return s.db.NewSelect().Model(&rows).Scan(ctx) })
	held := make(map[int]string, len(rows))
	for _, r := range rows {
		held[r.Port] = r.Instance
	}
	return held, err
}

// InstancePorts are an instance's own reservations: internal port → host port.
func (s *Store) InstancePorts(ctx context.Context, instance string) (map[int]int, error) {
	var rows []portRow
	err := s.read(ctx, func(ctx context.Context) error {
		return s.db.NewSelect().Model(&rows).Where("instance = ?", instance).Scan(ctx)
	})
	own := make(map[int]int, len(rows))
	for _, r := range rows {
		own[r.Internal] = r.Port
	}
	return own, err
}

// LastPorts are the host ports that an owner's challenge had last: internal port → host port.
func (s *Store) LastPorts(ctx context.Context, owner, challenge string) (map[int]int, error) {
	var rows []mappingRow
	err := s.read(ctx, func(ctx context.Context) error {
		return s.db.NewSelect().Model(&rows).Where("owner = ?", owner).Where("challenge = ?", challenge).Scan(ctx)
	})
	last := make(map[int]int, len(rows))
	for _, r := range rows {
		last[r.Internal] = r.Port
	}
	return last, err
}

// TakePort reserves a host port and remembers it as the owner's, or refuses with CodePortTaken.
func (s *Store) TakePort(ctx context.Context, port int, instance, owner, challenge string, internal int) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&portRow{Port: port, Instance: instance, Internal: internal}).Exec(ctx)
		if isUnique(err) {
			return whaley.Errorf(whaley.Conflict, whaley.CodePortTaken, "The port %d is taken.", port)
		}
		if err != nil {
			return err
		}
		// Where no other is left, one goes to who needs it now, even if it was shown to somebody.
		_, err = tx.NewDelete().Model((*mappingRow)(nil)).Where("port = ?", port).
			Where("owner <> ? OR challenge <> ? OR internal <> ?", owner, challenge, internal).Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewInsert().Model(&mappingRow{Owner: owner, Challenge: challenge, Internal: internal, Port: port}).
			On("CONFLICT (owner, challenge, internal) DO UPDATE").Set("port = EXCLUDED.port").Exec(ctx)
		return err
	})
}

// DropPorts ends an instance's reservations.
func (s *Store) DropPorts(ctx context.Context, instance string) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*portRow)(nil)).Where("instance = ?", instance).Exec(ctx)
		return err
	})
}
