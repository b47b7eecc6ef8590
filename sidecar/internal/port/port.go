// Package port hands out host ports. The range is cut into lanes; owner, challenge and internal port choose the lane,
// so that spawns at the same time look at different ports. A port is its owner's from when it is first shown or used,
// and nobody else gets it while there are others. Which are taken is said by unique rows in the store, and by a real
// bind.
package port

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"sync"

	"golang.org/x/crypto/blake2b"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// maxLanes is how many parts the range has at most.
const maxLanes = 32

// Store is where reservations and earlier ports are kept.
type Store interface {
	HeldPorts(ctx context.Context) (map[int]string, error)
	InstancePorts(ctx context.Context, instance string) (map[int]int, error)
	LastPorts(ctx context.Context, owner, challenge string) (map[int]int, error)
	TakePort(ctx context.Context, port int, instance, owner, challenge string, internal int) error // CodePortTaken
	DropPorts(ctx context.Context, instance string) error
	BookPort(ctx context.Context, port int, owner, challenge string, internal int) error // CodePortTaken
	BookedPorts(ctx context.Context) ([]int, error)
	OwnerPorts(ctx context.Context, owner string) (map[string]map[int]int, error)
}

// Lanes implements containers.Ports.
type Lanes struct {
	store Store
	free  func(port int) bool
	known func(port int) // is told of each that becomes somebody's

	mu      sync.Mutex // one allocation at a time; between sidecars the rows decide
	lanes   []lane
	cursors []int
}

// lane is a part of the range, the last port included.
type lane struct{ first, last int }

var _ containers.Ports = (*Lanes)(nil)

// New makes lanes of a range of ports, both ends included.
func New(store Store, first, last int) (*Lanes, error) {
	l := &Lanes{store: store, free: isFree, known: func(int) {}}
	return l, l.SetRange(first, last)
}

// SetRange cuts another range into lanes. Ports that are held stay with their holders, inside of it or not.
func (l *Lanes) SetRange(first, last int) error {
	if first < 1024 || last > 65535 || first > last {
		return whaley.Errorf(whaley.Invalid, "port_range_invalid",
			"PORT_RANGE_START %d and PORT_RANGE_END %d must be ports from 1024 to 65535, in this order.", first, last)
	}
	count := last - first + 1
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lanes = nil
	n := min(maxLanes, count)
	for i := range n {
		l.lanes = append(l.lanes, lane{first + i*count/n, first + (i+1)*count/n - 1})
	}
	l.cursors = make([]int, n)
	return nil
}

// Reserve returns a host port for each internal one, the instance's own if it has them.
func (l *Lanes) Reserve(ctx context.Context, instance, owner, challenge string, internal []int) (map[int]int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own, err := l.store.InstancePorts(ctx, instance)
	if err != nil {
		return nil, err
	}
	last, err := l.store.LastPorts(ctx, owner, challenge)
	if err != nil {
		return nil, err
	}
	held, err := l.store.HeldPorts(ctx)
	if err != nil {
		return nil, err
	}
	ports := make(map[int]int, len(internal))
	for _, want := range internal {
		if port, has := own[want]; has {
			ports[want] = port
			continue
		}
		port, err := l.take(ctx, held, owner, challenge, want, last[want], func(port int) error {
			return l.store.TakePort(ctx, port, instance, owner, challenge, want)
		})
		if err != nil {
			return nil, err
		}
		held[port], ports[want] = instance, port
	}
	return ports, nil
}

func (l *Lanes) take(
	ctx context.Context, held map[int]string, owner, challenge string, internal, last int, write func(port int) error,
) (int, error) {
	try := func(port int) (bool, error) {
		if _, taken := held[port]; taken || !l.inRange(port) || !l.free(port) {
			return false, nil
		}
		err := write(port)
		if whaley.CodeOf(err) == whaley.CodePortTaken {
			return false, nil
		}
		if err == nil {
			l.known(port)
		}
		return err == nil, err
	}
	if ok, err := try(last); ok || err != nil {
		return last, err
	}
	booked, err := l.booked(ctx)
	if err != nil {
		return 0, err
	}
	port, err := l.scan(owner, challenge, internal, func(port int) (bool, error) {
		if booked[port] {
			return false, nil
		}
		return try(port)
	})
	if port != 0 || err != nil {
		return port, err
	}
	// somebody's who plays something else now
	if port, err = l.scan(owner, challenge, internal, try); port != 0 || err != nil {
		return port, err
	}
	return 0, whaley.Errorf(whaley.Unavailable, "ports_exhausted",
		"This host has no free port left. Try again when others have stopped theirs, or tell an organiser (PORT_RANGE_END).").After(
		30e9,
	)
}

// scan tries ports until one is taken, those of the owner's lane first, and returns 0 if none was.
func (l *Lanes) scan(owner, challenge string, internal int, try func(port int) (bool, error)) (int, error) {
	primary := laneOf(owner, challenge, internal, len(l.lanes))
	for step := range l.lanes {
		n := (primary + step) % len(l.lanes)
		size := l.lanes[n].last - l.lanes[n].first + 1
		for range size {
			port := l.lanes[n].first + l.cursors[n]%size
			l.cursors[n]++
			if ok, err := try(port); ok || err != nil {
				return port, err
			}
		}
	}
	return 0, nil
}

func (l *Lanes) inRange(port int) bool {
	return port >= l.lanes[0].first && port <= l.lanes[len(l.lanes)-1].last
}

// laneOf maps owner, challenge and internal port to a lane by BLAKE2b.
func laneOf(owner, challenge string, internal, lanes int) int {
	sum := blake2b.Sum256(fmt.Appendf(nil, "%s:%s:%d", owner, challenge, internal))
	return int(binary.BigEndian.Uint64(sum[:8]) % uint64(lanes))
}

// isFree says whether nobody listens on a port, whoever reserved it.
func isFree(port int) bool {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// Release ends an instance's reservations; none is no error.
func (l *Lanes) Release(ctx context.Context, instance string) error {
	return l.store.DropPorts(ctx, instance)
}

// Holders lists the instances that have a reservation.
func (l *Lanes) Holders(ctx context.Context) ([]string, error) {
	held, err := l.store.HeldPorts(ctx)
	var all []string
	for _, instance := range held {
		all = append(all, instance)
	}
	return all, err
}
