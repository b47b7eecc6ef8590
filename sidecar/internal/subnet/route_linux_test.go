package subnet_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

var guardedPool = netip.MustParsePrefix("10.195.0.0/16")

// side is the pool and the guard of one sidecar; several share a database.
type side struct {
	*subnet.Pool
	guard *subnet.Guard
	end   func()
}

// scope is what the guards of these tests go by.
type scope struct{ needed *atomic.Pointer[netip.Prefix] }

func (scope) Used() []netip.Prefix { return []netip.Prefix{guardedPool} }

func (s scope) Needed(network netip.Prefix) bool {
	p := s.needed.Load()
	return p != nil && p.Overlaps(network)
}

func sides(t *testing.T, count int) []side {
	t.Helper()
	return sidesThatNeed(t, count, &atomic.Pointer[netip.Prefix]{})
}

func sidesThatNeed(t *testing.T, count int, needed *atomic.Pointer[netip.Prefix]) []side {
	t.Helper()
	dir := storetest.Ready(t)
	var all []side
	for range count {
		db, err := store.Open(t.Context(), "", dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		pool, err := subnet.New(db, guardedPool)
		if err != nil {
			t.Fatal(err)
		}
		s := side{Pool: pool, guard: subnet.NewGuard(db, scope{needed}, slog.New(slog.DiscardHandler))}
		pool.GuardedBy(s.guard)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- s.guard.Run(ctx) }()
		s.end = sync.OnceFunc(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(s.end)
		all = append(all, s)
	}
	return all
}

func (s side) reserve(t *testing.T, holder string) netip.Prefix {
	t.Helper()
	network, err := s.Reserve(t.Context(), holder)
	if err != nil {
		t.Fatal(err)
	}
	return network
}

func TestAddressesOfAnInstanceThatHasGoneAreUnreachableAtOnce(t *testing.T) {
	testkit.Need(t, testkit.Root)
	s := sides(t, 1)[0]
	network := s.reserve(t, "a")
	unreachable(t, network)
	if err := s.Release(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	unreachable(t, network) // somebody may still ask for it
}

func TestNothingButWhatInstancesHaveIsCovered(t *testing.T) {
	testkit.Need(t, testkit.Root)
	s := sides(t, 1)[0]
	network := s.reserve(t, "a")
	unreachable(t, network)
	for _, r := range guards(t) {
		if r != network {
			t.Errorf("%s is covered too", r)
		}
	}
	s.end()
	if left := guards(t); len(left) > 0 {
		t.Errorf("after the end %v are covered", left)
	}
}

func TestWhatTheHostComesToNeedIsCoveredNoLonger(t *testing.T) {
	testkit.Need(t, testkit.Root)
	needed := &atomic.Pointer[netip.Prefix]{}
	s := sidesThatNeed(t, 1, needed)[0]
	network, other := s.reserve(t, "a"), s.reserve(t, "b")
	unreachable(t, network)
	unreachable(t, other)
	needed.Store(&network)
	testkit.Eventually(t, time.Minute, "the route is removed", func() error {
		if all := guards(t); !slices.Equal(all, []netip.Prefix{other}) {
			return fmt.Errorf("covered: %v", all)
		}
		return nil
	})
	needs := netip.PrefixFrom(guardedPool.Addr(), 17) // half of the pool
	needed.Store(&needs)
	s.Except(scope{needed}.Needed)
	for n := range 20 {
		if got := s.reserve(t, fmt.Sprint("more", n)); needs.Overlaps(got) {
			t.Errorf("%s is handed out", got)
		}
	}
}

// What an earlier version covered was the whole pool.
func TestWhatAKilledSidecarLeftIsReplacedAtTheNextStart(t *testing.T) {
	testkit.Need(t, testkit.Root)
	for _, left := range []string{guardedPool.String(), "10.195.77.16/28"} {
		_, to, err := net.ParseCIDR(left)
		if err != nil {
			t.Fatal(err)
		}
		stale := &netlink.Route{Dst: to, Type: unix.RTN_UNREACHABLE, Priority: 4242, Protocol: 87}
		if err := netlink.RouteReplace(stale); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { netlink.RouteDel(stale) })
	}
	s := sides(t, 1)[0]
	network := s.reserve(t, "a")
	testkit.Eventually(t, 10*time.Second, "only what is held is covered", func() error {
		if all := guards(t); len(all) != 1 || all[0] != network {
			return errors.New("covered: " + netip.PrefixFrom(network.Addr(), 28).String() + " and others")
		}
		return nil
	})
}

func TestASecondSidecarThatEndsLeavesTheOtherItsRoutes(t *testing.T) {
	testkit.Need(t, testkit.Root)
	for range 20 {
		two := sides(t, 2)
		network := two[0].reserve(t, "a")
		if again := two[1].reserve(t, "a"); again != network {
			t.Fatalf("%s and %s", network, again)
		}
		unreachable(t, network)
		two[1].end()
		unreachable(t, network)
		two[0].end()
	}
}

func TestTwoSidecarsMayEndAtOnce(t *testing.T) {
	testkit.Need(t, testkit.Root)
	for range 20 {
		two := sides(t, 2)
		network := two[0].reserve(t, "a")
		two[1].reserve(t, "a")
		unreachable(t, network)
		var both sync.WaitGroup
		both.Go(two[0].end)
		both.Go(two[1].end)
		both.Wait()
	}
}

// guards are the networks in the pool that are covered.
func guards(t *testing.T) []netip.Prefix {
	t.Helper()
	var all []netip.Prefix
	for _, r := range testkit.Dump(t, func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(
			netlink.FAMILY_V4, &netlink.Route{Type: unix.RTN_UNREACHABLE}, netlink.RT_FILTER_TYPE,
		)
	}) {
		if r.Dst == nil || r.Protocol != 87 {
			continue
		}
		if p, err := netip.ParsePrefix(r.Dst.String()); err == nil && guardedPool.Overlaps(p) {
			all = append(all, p)
		}
	}
	return all
}

func unreachable(t *testing.T, network netip.Prefix) {
	t.Helper()
	address := net.JoinHostPort(network.Addr().Next().Next().String(), "80")
	testkit.Eventually(t, 5*time.Second, address+" is unreachable", func() error {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
			return errors.New("somebody answers")
		}
		if !errors.Is(err, syscall.EHOSTUNREACH) && !errors.Is(err, syscall.ENETUNREACH) {
			return err
		}
		return nil
	})
}
