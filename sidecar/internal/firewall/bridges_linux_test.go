package firewall_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// port is a bridge of ours with one cable, whose other end an attacker has who may send any frame.
type port struct {
	t      *testing.T
	bridge netlink.Link
	socket int
	to     unix.SockaddrLinklayer
}

func run(t *testing.T, line string) {
	t.Helper()
	if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v %s", line, err, out)
	}
}

func newPort(t *testing.T, name, gateway string) *port {
	t.Helper()
	t.Cleanup(func() {
		exec.Command("ip", "link", "del", name).Run()
		exec.Command("ip", "link", "del", name+"p").Run()
	})
	run(
		t,
		fmt.Sprintf(
			"ip link add %[1]s type bridge && ip addr add %[2]s dev %[1]s && ip link add %[1]sp type veth peer name %[1]sq && ip link set %[1]sp master %[1]s && ip link set %[1]s up && ip link set %[1]sp up && ip link set %[1]sq up",
			name, gateway,
		),
	)
	p := &port{t: t}
	var err error
	if p.bridge, err = netlink.LinkByName(name); err != nil {
		t.Fatal(err)
	}
	cable, err := netlink.LinkByName(name + "q")
	if err != nil {
		t.Fatal(err)
	}
	const arp = 0x0806
	if p.socket, err = unix.Socket(
		unix.AF_PACKET, unix.SOCK_RAW, int(binary.NativeEndian.Uint16([]byte{arp >> 8, arp & 0xff})),
	); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p.socket) })
	p.to = unix.SockaddrLinklayer{
		Ifindex: cable.Attrs().Index, Protocol: binary.NativeEndian.Uint16([]byte{arp >> 8, arp & 0xff}),
	}
	if err := unix.Bind(p.socket, &p.to); err != nil {
		t.Fatal(err)
	}
	return p
}

// ask sends an ARP request from some hardware address.
func (p *port) ask(from uint32, sender, target string) {
	p.t.Helper()
	mac := binary.BigEndian.AppendUint32([]byte{2, 0}, from)
	frame := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, mac...)
	frame = append(frame, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
	frame = append(append(frame, mac...), netip.MustParseAddr(sender).AsSlice()...)
	frame = append(append(frame, make([]byte, 6)...), netip.MustParseAddr(target).AsSlice()...)
	if err := unix.Sendto(p.socket, frame, 0, &p.to); err != nil {
		p.t.Fatal(err)
	}
}

// answers are the addresses that answer, until one that is known to do.
func (p *port) answers(last string) []string {
	p.t.Helper()
	var all []string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		unix.SetsockoptTimeval(p.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1})
		frame := make([]byte, 256)
		n, _, err := unix.Recvfrom(p.socket, frame, 0)
		if err != nil || n < 42 || frame[21] != 2 {
			continue
		}
		a, _ := netip.AddrFromSlice(frame[28:32])
		if all = append(all, a.String()); a.String() == last {
			return all
		}
	}
	p.t.Fatalf("no answer from %s, only %v", last, all)
	return nil
}

// learned is how many hardware addresses the bridge remembers.
func (p *port) learned() int {
	p.t.Helper()
	out, err := exec.Command("bridge", "fdb", "show", "br", p.bridge.Attrs().Name, "dynamic").CombinedOutput()
	if err != nil {
		p.t.Fatalf("%v %s", err, out)
	}
	return strings.Count(string(out), "\n")
}

func TestABridgeOfOursLearnsLittleAndTellsNothingOfTheHost(t *testing.T) {
	testkit.Need(t, testkit.Root)
	const gateway, other = "10.188.0.1", "10.188.0.17"
	before := newPort(t, "whbrid-b", gateway+"/28") // is there when bridges begin to be followed
	foreign := newPort(t, "wxforei-b", "10.188.0.33/28")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- firewall.NewBridges("whbrid-", slog.New(slog.DiscardHandler)).Run(ctx) }()
	after := newPort(t, "whbrid-a", other+"/28") // comes later
	const frames = 1000
	for _, p := range []*port{before, after} {
		name := p.bridge.Attrs().Name
		setting := "cat /proc/sys/net/ipv4/conf/" + name + "/arp_ignore"
		testkit.Eventually(t, 30*time.Second, name+" is bounded", func() error {
			if out, err := exec.Command("sh", "-c", setting).Output(); err != nil || strings.TrimSpace(string(out)) != "2" {
				return fmt.Errorf("arp_ignore is %s %v", out, err)
			}
			return nil
		})
		for n := range frames {
			p.ask(uint32(n), "0.0.0.0", "10.188.0.250")
		}
		got := p.learned()
		t.Logf("%s: %d frames with invented addresses, %d are remembered", name, frames, got)
		if got == 0 || got > 64 {
			t.Errorf("%s remembers %d", name, got)
		}
	}
	before.ask(1, "10.188.0.2", other)    // an address of the host, of another network
	before.ask(1, "10.188.0.50", gateway) // somebody who is not of this network
	before.ask(1, "10.188.0.2", gateway)
	if got := before.answers(gateway); len(got) != 1 {
		t.Errorf("the host answers for %v", got)
	}
	for n := range 200 { // and the bridge of somebody else is left as it is
		foreign.ask(uint32(n), "10.188.0.34", other)
	}
	foreign.answers(other)
	if got := foreign.learned(); got < 200 {
		t.Errorf("a foreign bridge remembers %d", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
