package containers

import (
	"context"
	"net/netip"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Subnets hands out parts of the pool, each reserved by a unique row.
type Subnets interface {
	// Reserve returns a free subnet, now reserved for instance, or for a part of one as <instance>/<part>; the same one
	// when asked again.
	Reserve(ctx context.Context, instance string) (netip.Prefix, error)
	// Avoid is told that the engine refused a subnet (CodeSubnetTaken): releases it and does not offer it again soon.
	Avoid(ctx context.Context, instance string, p netip.Prefix) error
	// Release ends the reservations of an instance and its parts.
	Release(ctx context.Context, instance string) error
	// Holders lists the instances that have a reservation.
	Holders(ctx context.Context) ([]string, error)
	// Count is how many subnets there are, free or not.
	Count() int
	// Holds says whether a network is one of those that are given now: which these are may change.
	Holds(network netip.Prefix) bool
}

// Firewall keeps instances from everything but the edge and themselves. What may reach the outside is said here.
type Firewall interface {
	// Allow lets a subnet open connections to the outside; Forbid ends that. Both may be repeated.
	Allow(ctx context.Context, subnet netip.Prefix) error
	Forbid(ctx context.Context, subnet netip.Prefix) error
	// Sync allows exactly what list returns. It calls list while no Allow or Forbid is under way.
	Sync(ctx context.Context, list func(context.Context) ([]netip.Prefix, error)) error
}

// Ports hands out host ports, each reserved by a unique row.
type Ports interface {
	// Reserve returns a host port for each of the internal ports, the owner's earlier ones if they are free.
	Reserve(ctx context.Context, instance, owner, challenge string, internal []int) (map[int]int, error)
	Release(ctx context.Context, instance string) error
	// Holders lists the instances that have a reservation.
	Holders(ctx context.Context) ([]string, error)
}

// Sandboxes are networks with addresses and names, made before anybody asks. An instance's containers join them.
type Sandboxes interface {
	// Take gives an instance a ready sandbox of a shape, the same one when asked again, or nil if there is none.
	Take(ctx context.Context, instance string, s whaley.Shape) (*whaley.Sandbox, error)
	// Free takes back what an instance has, if it has one, after its containers are gone.
	Free(ctx context.Context, instance string) error
	// Whole says whether all of what an instance has is there: the network, and every holder runs.
	Whole(ctx context.Context, instance string) (bool, error)
	// Discard does the same as Free with one that turned out to be broken.
	Discard(ctx context.Context, instance string) error
}
