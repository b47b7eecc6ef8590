package firewall_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// road is a host and its clients, each a network namespace of its own, with a cable between them.
type road struct{ host, clients netns.NsHandle }

// onRoad runs something on a thread of its own, which is the host's when it begins.
func onRoad(t *testing.T, run func(*road) error) {
	t.Helper()
	testkit.Need(t, testkit.Root)
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocks: the thread ends with this function
		r, err := newRoad()
		if err == nil {
			err = errors.Join(run(r), r.host.Close(), r.clients.Close())
		}
		ended <- err
	}()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func newRoad() (r *road, err error) {
	r = &road{}
	if r.clients, err = netns.New(); err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	if r.host, err = netns.New(); err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	there, err := netlink.NewHandleAt(r.clients)
	if err != nil {
		return nil, err
	}
	defer there.Close()
	here, err := netlink.NewHandleAt(r.host)
	if err != nil {
		return nil, err
	}
	defer here.Close()
	if err := here.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "cable"}, PeerName: "cable", PeerNamespace: netlink.NsFd(r.clients),
	}); err != nil {
		return nil, err
	}
	return r, errors.Join(
		furnish(here, "lo"), furnish(here, "cable", "10.199.0.1/24", "fd00:0:0:9::1/32"),
		furnish(there, "cable", "10.199.0.11/24", "10.199.0.12/24", "10.199.0.13/24", "fd00:0:0:1::1/32", "fd00:0:0:1::2/32",
			"fd00:0:0:2::1/32"),
	)
}

func furnish(h *netlink.Handle, name string, addresses ...string) error {
	link, err := h.LinkByName(name)
	if err != nil {
		return err
	}
	err = h.LinkSetUp(link)
	for _, text := range addresses {
		a, parse := netlink.ParseAddr(text)
		if parse != nil {
			return parse
		}
		a.Flags = unix.IFA_F_NODAD // used at once
		if a.IP.To4() != nil {
			a.Flags = 0
		}
		err = errors.Join(err, h.AddrAdd(link, a))
	}
	return err
}

// door is a port with its listener, which accepts only what it is asked to: the kernel connects all the same.
type door struct {
	net.Listener
	*road
}

func (r *road) newDoor() (door, uint16, error) {
	l, err := net.Listen("tcp", "[::]:0")
	if err != nil {
		return door{}, 0, err
	}
	return door{l, r}, uint16(l.Addr().(*net.TCPAddr).Port), nil
}

// from connects from an address.
func (d door) from(address string, within time.Duration) (net.Conn, error) {
	from, to := netip.MustParseAddr(address), netip.MustParseAddr("10.199.0.1")
	switch {
	case from.IsLoopback():
		to = from
	case from.Is6():
		to = netip.MustParseAddr("fd00:0:0:9::1")
	}
	if !from.IsLoopback() {
		if err := netns.Set(d.clients); err != nil {
			return nil, err
		}
		defer netns.Set(d.host) // where that fails, what comes next does
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: within}
	return dialer.Dial("tcp", netip.AddrPortFrom(to, uint16(d.Addr().(*net.TCPAddr).Port)).String())
}

// several connects so many times from addresses by turns, and says how many were dropped.
func (d door) several(n int, addresses ...string) (dropped int) {
	for i := range n {
		c, err := d.from(addresses[i%len(addresses)], 50*time.Millisecond)
		if err != nil {
			dropped++
			continue
		}
		c.Close()
	}
	return dropped
}

func TestWhoOpensManyConnectionsInOneMomentWaitsAlone(t *testing.T) {
	onRoad(t, func(r *road) error {
		d, port, err := r.newDoor()
		if err != nil {
			return err
		}
		defer d.Close()
		other, _, err := r.newDoor()
		if err != nil {
			return err
		}
		defer other.Close()
		table := firewall.NewArrivals(prefix, firewall.ArrivalsOptions{
			Ports: []uint16{port}, Rate: 1, Many: []netip.Prefix{netip.MustParsePrefix("10.199.0.13/32"), netip.MustParsePrefix("fd00:0:0:2::/64")},
		}, slog.New(slog.DiscardHandler))
		if err := table.Put(); err != nil {
			return err
		}
		for _, greedy := range [][]string{{"10.199.0.11"}, {"fd00:0:0:1::1", "fd00:0:0:1::2"}} {
			if d.several(10, greedy...) == 0 {
				t.Errorf("%v opened ten connections in one moment", greedy)
			}
		}
		if n := d.several(10, "10.199.0.13"); n != 0 {
			t.Errorf("%d connections of a trusted proxy were dropped", n)
		}
		if n := d.several(10, "fd00:0:0:2::1"); n != 0 {
			t.Errorf("%d connections of a trusted proxy were dropped, by IPv6", n)
		}
		if n := d.several(10, "127.0.0.1", "::1"); n != 0 {
			t.Errorf("%d connections of this machine itself were dropped", n)
		}
		if n := other.several(10, "10.199.0.11"); n != 0 {
			t.Errorf("%d connections to another port were dropped", n)
		}
		// the first was never dropped; the others ask again
		for _, address := range []string{"10.199.0.12", "10.199.0.11", "fd00:0:0:1::2"} {
			c, err := d.from(address, 20*time.Second)
			if err != nil {
				t.Errorf("%s is not let in: %v", address, err)
				continue
			}
			c.Close()
		}
		return table.Remove()
	})
}

func TestWhoHoldsManyConnectionsGetsNoMore(t *testing.T) {
	onRoad(t, func(r *road) error {
		d, port, err := r.newDoor()
		if err != nil {
			return err
		}
		defer d.Close()
		opts := firewall.ArrivalsOptions{Ports: []uint16{port}, Rate: 10_000, Most: 3}
		table := firewall.NewArrivals(prefix, opts, slog.New(slog.DiscardHandler))
		if err := table.Put(); err != nil {
			return err
		}
		var held []io.Closer
		for range opts.Most {
			c, err := d.from("10.199.0.11", 10*time.Second)
			if err != nil {
				return err
			}
			held = append(held, c)
		}
		if _, err := d.from("10.199.0.11", 100*time.Millisecond); err == nil {
			t.Error("one more was let in")
		}
		if _, err := d.from("10.199.0.12", 10*time.Second); err != nil {
			t.Errorf("another address is not let in: %v", err)
		}
		if err := held[0].Close(); err != nil {
			return err
		}
		far, err := d.Accept()
		if err != nil {
			return err
		}
		far.Close() // else it is half closed
		if _, err := d.from("10.199.0.11", 20*time.Second); err != nil {
			t.Errorf("with one less it is not let in: %v", err)
		}
		return table.Remove()
	})
}

func TestTheBoundOnArrivalsIsPutBackAndTakenAway(t *testing.T) {
	onRoad(t, func(*road) error {
		table := firewall.NewArrivals(prefix, firewall.ArrivalsOptions{Ports: []uint16{80, 443}, Rate: 100, Most: 10}, slog.New(slog.DiscardHandler))
		if table.State() == nil {
			t.Error("it holds before it is set")
		}
		for range 2 {
			if err := table.Put(); err != nil {
				return err
			}
		}
		if err := errors.Join(table.State(), table.Compare()); err != nil {
			t.Errorf("right after it was set: %v", err)
		}
		c, err := nftables.New()
		if err != nil {
			return err
		}
		made := &nftables.Table{Name: "whaley-" + prefix + "arrivals", Family: nftables.TableFamilyINet}
		for what, spoil := range map[string]func(){
			"its rules": func() { c.FlushChain(&nftables.Chain{Table: made, Name: "judged"}) },
			"its ports": func() { c.FlushSet(&nftables.Set{Table: made, Name: "ports", KeyType: nftables.TypeInetService}) },
			"all of it": func() { c.DelTable(made) },
		} {
			spoil()
			if err := c.Flush(); err != nil {
				return err
			}
			if table.Compare() == nil {
				t.Errorf("without %s it seems to hold", what)
			}
			table.Look()
			if err := errors.Join(table.State(), table.Compare()); err != nil {
				t.Errorf("%s is not put back: %v", what, err)
			}
		}
		for range 2 {
			if err := table.Remove(); err != nil {
				return err
			}
		}
		if tables, err := c.ListTables(); err != nil || len(tables) != 0 || table.State() == nil {
			t.Errorf("left behind: %v %v", tables, err)
		}
		return nil
	})
}
