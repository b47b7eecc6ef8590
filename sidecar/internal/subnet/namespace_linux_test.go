package subnet_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// The host of these tests is a network namespace: a cable to 192.168.77.1, by which it reaches everything.
const (
	cable   = "cable0"
	gateway = "192.168.77.1"
)

// inNamespace does something on a thread that has a network namespace of its own, which ends with it.
func inNamespace(t *testing.T, do func() error) {
	t.Helper()
	testkit.Need(t, testkit.Root)
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocks: the thread ends with this function
		ns, err := netns.New()
		if err != nil {
			ended <- fmt.Errorf("make a network namespace: %w", err)
			return
		}
		defer ns.Close()
		ended <- errors.Join(connect(), do())
	}()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func connect() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: cable}, PeerName: "cable1"}
	if err := errors.Join(netlink.LinkSetUp(lo), netlink.LinkAdd(link), assign("192.168.77.2/24")); err != nil {
		return err
	}
	far, err := netlink.LinkByName("cable1")
	if err != nil {
		return err
	}
	return errors.Join(
		netlink.LinkSetUp(far), netlink.LinkSetUp(link), netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(gateway)}),
	)
}

func onCable(do func(netlink.Link) error) error {
	link, err := netlink.LinkByName(cable)
	if err != nil {
		return err
	}
	return do(link)
}

func assign(network string) error {
	return onCable(func(link netlink.Link) error {
		address, err := netlink.ParseAddr(network)
		if err != nil {
			return err
		}
		return netlink.AddrAdd(link, address)
	})
}

func hostOnly(a netip.Addr) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(32, 32)}
}

// kinds are the ways in which a host comes to need an address.
var kinds = []struct {
	name string
	make func(a netip.Addr, from *subnet.Sources) error
}{
	{"its own address", func(a netip.Addr, _ *subnet.Sources) error { return assign(a.String() + "/32") }},
	{"a network behind a gateway", func(a netip.Addr, _ *subnet.Sources) error {
		return netlink.RouteAdd(&netlink.Route{Dst: hostOnly(a), Gw: net.ParseIP(gateway)})
	}},
	{"a route of another table", func(a netip.Addr, _ *subnet.Sources) error {
		return netlink.RouteAdd(&netlink.Route{Dst: hostOnly(a), Gw: net.ParseIP(gateway), Table: 4711})
	}},
	{"a gateway", func(a netip.Addr, _ *subnet.Sources) error {
		return onCable(func(link netlink.Link) error {
			return netlink.RouteAdd(&netlink.Route{
				Gw: a.AsSlice(), LinkIndex: link.Attrs().Index, Flags: int(netlink.FLAG_ONLINK), Priority: int(a.As4()[1]),
			})
		})
	}},
	{"a neighbour", func(a netip.Addr, _ *subnet.Sources) error {
		return onCable(func(link netlink.Link) error {
			return netlink.NeighAdd(&netlink.Neigh{IP: a.AsSlice(), LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT,
				HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 1}})
		})
	}},
	{"the other end of a tunnel", func(a netip.Addr, _ *subnet.Sources) error {
		return onCable(func(link netlink.Link) error {
			return netlink.AddrAdd(
				link, &netlink.Addr{IPNet: hostOnly(netip.AddrFrom4([4]byte{192, 168, 78, a.As4()[1]})), Peer: hostOnly(a)},
			)
		})
	}},
	{"a name server", func(a netip.Addr, from *subnet.Sources) error {
		return addLine(from, "/etc/resolv.conf", "nameserver "+a.String())
	}},
	{"a name server behind systemd's", func(a netip.Addr, from *subnet.Sources) error {
		return addLine(from, "/run/systemd/resolve/resolv.conf", "nameserver "+a.String())
	}},
	{"a time server", func(a netip.Addr, from *subnet.Sources) error {
		return addLine(from, "/etc/chrony/chrony.conf", "server "+a.String())
	}},
	{"a server that a setting names", func(a netip.Addr, from *subnet.Sources) error {
		from.Servers = append(from.Servers, subnet.Server{Setting: "DATABASE_URL", Host: a.String()})
		return nil
	}},
	{"a proxy that is trusted", func(a netip.Addr, from *subnet.Sources) error {
		from.Trusted = append(from.Trusted, netip.PrefixFrom(a, 24).Masked())
		return nil
	}},
	{"a network of the engine", func(a netip.Addr, from *subnet.Sources) error {
		from.Networks = append(
			from.Networks, subnet.Network{Name: "compose_default", Prefix: netip.PrefixFrom(a, 24).Masked()},
		)
		return nil
	}},
}

func addLine(from *subnet.Sources, name, line string) error {
	name = from.Root + name
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}

// Of each kind there is one thing in each range, one range after the other: the pool is always the next, one that is
// set is refused with what it holds, and what this host needs is reached as before while instances have networks.
func TestWhateverAHostNeedsInWhicheverRangeIsNotInThePool(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			from := subnet.Sources{Root: t.TempDir(), Bridges: "whfeed-"}
			db := database(t) // a kept choice is given up each time
			inNamespace(t, func() error {
				var needed []netip.Addr
				for n, candidate := range subnet.Candidates {
					address := candidate.Addr().Next().Next()
					if err := kind.make(address, &from); err != nil {
						return fmt.Errorf("%s in %s: %w", kind.name, candidate, err)
					}
					needed = append(needed, address)
					if err := expect(t, db, from, n+1, needed); err != nil {
						return fmt.Errorf("with %s in %s: %w", kind.name, candidate, err)
					}
				}
				return nil
			})
		})
	}
}

func expect(t *testing.T, db *store.Store, from subnet.Sources, n int, needed []netip.Addr) error {
	look := func(ctx context.Context) ([]subnet.Need, error) { return subnet.Look(ctx, from) }
	log := slog.New(slog.DiscardHandler)
	last := needed[len(needed)-1]
	set := subnet.NewChooser(db, subnet.Candidates[n-1], 0, look, log)
	if err := set.Choose(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "SUBNET_POOL="+subnet.Candidates[n-1].String()+" holds ") {
		return fmt.Errorf("if it is set: %w", err)
	}
	c := subnet.NewChooser(db, netip.Prefix{}, 0, look, log)
	if err := c.Choose(t.Context()); n == len(subnet.Candidates) {
		if c.Ping(t.Context()) == nil {
			return fmt.Errorf("no range is free, and nothing says so: %w", err)
		}
		return nil
	} else if err != nil {
		return err
	}
	if c.Pool() != subnet.Candidates[n] {
		return fmt.Errorf("%s is chosen instead of %s", c.Pool(), subnet.Candidates[n])
	}
	pool, err := subnet.New(db, c.Pool())
	if err != nil {
		return err
	}
	pool.GuardedBy(subnet.NewGuard(db, c, log))
	pool.Except(c.Needed)
	network, err := pool.Reserve(t.Context(), fmt.Sprint("instance", n))
	if err != nil {
		return err
	}
	if _, err := netlink.RouteGet(network.Addr().Next().AsSlice()); !errors.Is(err, unix.EHOSTUNREACH) {
		return fmt.Errorf("the network of an instance that is not there yet: %w", err)
	}
	defer netlink.RouteDel(&netlink.Route{
		Dst: &net.IPNet{IP: network.Addr().AsSlice(), Mask: net.CIDRMask(network.Bits(), 32)}, Type: unix.RTN_UNREACHABLE,
		Priority: 4242, Protocol: 87,
	}) // the guard does not run
	for _, a := range needed {
		if _, err := netlink.RouteGet(a.AsSlice()); err != nil {
			return fmt.Errorf("%s is not reached any more: %w", a, err)
		}
	}
	if c.Needed(network) || !c.Needed(netip.PrefixFrom(last, 28)) {
		return errors.New("what is needed is not known any more")
	}
	return nil
}

// A bridge that came between one list of the kernel's and the next was taken for a stranger's, and the pool given up
// for it.
func TestNetworksOfInstancesThatComeAndGoAreNoNeeds(t *testing.T) {
	inNamespace(t, func() error {
		here, err := netns.Get()
		if err != nil {
			return err
		}
		defer here.Close()
		ctx, cancel := context.WithCancel(t.Context())
		churned := make(chan error, 1)
		go func() { churned <- churn(ctx, here) }()
		for range 300 {
			needs, lookErr := subnet.Look(t.Context(), subnet.Sources{Root: t.TempDir(), Bridges: "whfeed-"})
			err = errors.Join(err, lookErr)
			for _, n := range subnet.Held(netip.MustParsePrefix("10.199.0.0/16"), needs) {
				err = fmt.Errorf("%s is needed: %s", n.Prefix, n.What)
			}
		}
		cancel()
		return errors.Join(err, <-churned)
	})
}

// churn makes and removes bridges as the engine does, with their addresses, until ctx ends.
func churn(ctx context.Context, where netns.NsHandle) error {
	runtime.LockOSThread()
	if err := netns.Set(where); err != nil {
		return err
	}
	for n := 0; ctx.Err() == nil; n++ {
		bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("whfeed-%d", n%4)}}
		address, err := netlink.ParseAddr(fmt.Sprintf("10.199.%d.1/28", n%4))
		if err != nil {
			return err
		}
		if err := errors.Join(netlink.LinkAdd(bridge), netlink.AddrAdd(bridge, address), netlink.LinkSetUp(bridge)); err != nil {
			return err
		}
		if err := netlink.LinkDel(bridge); err != nil {
			return err
		}
	}
	return nil
}
