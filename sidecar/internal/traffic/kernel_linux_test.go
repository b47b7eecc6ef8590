package traffic_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/traffic"
)

// TestABridgeCountsWhatComesInAndWhoHoldsAConnection has a host, and a container on a bridge of it, that are network
// namespaces of their own.
func TestABridgeCountsWhatComesInAndWhoHoldsAConnection(t *testing.T) {
	testkit.Need(t, testkit.Root)
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocks: the thread ends with this function
		ended <- counts()
	}()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func counts() error {
	listener, host, err := connect()
	if err != nil {
		return fmt.Errorf("connect two network namespaces: %w", err)
	}
	defer host.Close()
	defer listener.Close()
	networks := map[string][]netip.Prefix{
		"web": {netip.MustParsePrefix("10.199.0.0/28")}, "elsewhere": {netip.MustParsePrefix("10.199.1.0/28")},
	}
	before, err := traffic.Kernel{}.Of(context.Background(), networks)
	if _, known := before["elsewhere"]; err != nil || known || len(before) != 1 || before["web"].Held != 0 {
		return fmt.Errorf("before the first connection there is %+v: %w", before, err)
	}
	conn, err := net.Dial("tcp4", "10.199.0.2:80")
	if err != nil {
		return err
	}
	far, err := listener.Accept()
	if err != nil {
		return err
	}
	_, err = conn.Write(make([]byte, 1000))
	held, failed := traffic.Kernel{}.Of(context.Background(), networks)
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if held["web"].Held != 1 || held["web"].Bytes < before["web"].Bytes+1000 {
		return fmt.Errorf("with a connection that is held there is %+v", held)
	}
	if err := errors.Join(conn.Close(), far.Close()); err != nil {
		return err
	}
	after, err := traffic.Kernel{}.Of(context.Background(), networks)
	if err != nil || after["web"].Held != 0 {
		return fmt.Errorf("without it there is %+v: %w", after, err)
	}
	return nil
}

// connect makes the host's namespace that of this thread, and listens in the container's.
func connect() (net.Listener, netns.NsHandle, error) {
	container, err := netns.New()
	if err != nil {
		return nil, container, err
	}
	defer container.Close()
	listener, err := net.Listen("tcp4", ":80")
	if err != nil {
		return nil, container, err
	}
	host, err := netns.New()
	if err != nil {
		return nil, host, err
	}
	inside, err := netlink.NewHandleAt(container)
	if err != nil {
		return nil, host, err
	}
	defer inside.Close()
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "bridge0"}}
	cable := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "cable0"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(container),
	}
	if err := errors.Join(netlink.LinkAdd(bridge), netlink.LinkAdd(cable), netlink.LinkSetMaster(cable, bridge)); err != nil {
		return nil, host, err
	}
	eth, err := inside.LinkByName("eth0")
	if err != nil {
		return nil, host, err
	}
	err = errors.Join(
		netlink.LinkSetUp(bridge), netlink.LinkSetUp(cable), inside.LinkSetUp(eth),
		netlink.AddrAdd(bridge, &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(10, 199, 0, 1), Mask: net.CIDRMask(28, 32)}}),
		inside.AddrAdd(eth, &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(10, 199, 0, 2), Mask: net.CIDRMask(28, 32)}}),
	)
	if err != nil {
		return nil, host, err
	}
	return listener, host, track()
}

// track has the kernel follow connections in this namespace, as the rules of an engine do.
func track() error {
	c := &nftables.Conn{}
	table := c.AddTable(&nftables.Table{Name: "track", Family: nftables.TableFamilyIPv4})
	chain := c.AddChain(&nftables.Chain{
		Name: "out", Table: table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookOutput,
		Priority: nftables.ChainPriorityFilter,
	})
	c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.Ct{Register: 1, Key: expr.CtKeySTATE}}})
	return c.Flush()
}
