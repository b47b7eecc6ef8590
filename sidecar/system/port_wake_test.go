package system

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// says is what a player's program prints that connects from somewhere to a port of the host and says hello.
func says(folder, address, port string, by ...string) string {
	// The input ends only when the echo is there, since some programs end with it.
	const script = `mkfifo "$2/in" && { { printf 'hello\n'; read -r done < "$2/in"; } | timeout 60 $3 ncat "$0" "$1" 2>/dev/null | { read -r line; printf '%s\n' "$line"; : > "$2/in"; cat; }; }`
	out, _ := exec.Command("sh", "-c", script, address, port, folder, strings.Join(by, " ")).Output()
	return string(out)
}

// A whole life by a port of the host: known before anything runs, started by connecting, led by the kernel with the
// sidecar or without.
func TestConnectingToAPortWakesWhatIsBehindIt(t *testing.T) {
	t.Parallel()
	s := start(t, "embedded", writeFixtures(t, "raw"), "SANDBOX_POOL=1", "PORT_MAP=auto")
	port := fmt.Sprint(s.route(alice, "raw", "nc").Port)
	if port == "0" || s.live(alice, "raw") != nil {
		t.Fatalf("before the start the port is %s", port)
	}
	stranger := func() string {
		out, _ := exec.Command("sh", "-c", "timeout 20 ncat -s "+mallory+" 127.0.0.1 "+port+" </dev/null 2>/dev/null").Output()
		return string(out)
	}
	if got := stranger(); !strings.HasPrefix(got, "This challenge is asleep. Start it at "+s.dashboard) || strings.Count(got, "\n") != 1 {
		t.Errorf("a stranger is told %q", got)
	}
	if s.live(alice, "raw") != nil {
		t.Fatal("a stranger has started it")
	}
	if got := says(t.TempDir(), "127.0.0.1", port); got != "hello\n" {
		t.Fatalf("the first connection heard %q", got)
	}
	in := s.live(alice, "raw")
	if in == nil || in.State != "running" {
		t.Fatalf("after the first connection there is %+v", in)
	}
	host := strings.Fields(string(output(t, "hostname", "-I")))[0]
	if got := says(t.TempDir(), host, port); got != "hello\n" {
		t.Errorf("by the kernel's map: %q", got)
	}
	if got := fromAnotherMachine(t, port); got != "hello\n" {
		t.Errorf("from another machine: %q", got)
	}
	if got := says(t.TempDir(), "::1", port); got != "hello\n" {
		t.Errorf("by IPv6: %q", got)
	}
	s.kill()
	if got := fromAnotherMachine(t, port); got != "hello\n" {
		t.Errorf("from another machine without a sidecar: %q", got)
	}
	if got := says(t.TempDir(), host, port); got != "hello\n" {
		t.Errorf("without a sidecar: %q", got)
	}
	s.serve()
	if got := s.route(alice, "raw", "nc").Port; fmt.Sprint(got) != port {
		t.Errorf("the port is %d after a restart, and was %s", got, port)
	}
	s.call(alice, "DELETE", "/instances/"+in.ID, "", nil)
	s.eventually("the port leads nowhere", 30*time.Second, func() error {
		if got := says(t.TempDir(), host, port); !strings.HasPrefix(got, "This challenge is asleep") {
			return fmt.Errorf("it leads to %q", got)
		}
		return nil
	})
}

// The same by UDP: held until it runs, answered by the challenge, and by nobody where the sender is not known.
func TestADatagramToAPortWakesWhatIsBehindIt(t *testing.T) {
	t.Parallel()
	s := start(t, "embedded", writeFixtures(t, "datagrams"), "SANDBOX_POOL=1")
	port := fmt.Sprint(s.route(alice, "datagrams", "u").Port)
	if port == "0" || s.live(alice, "datagrams") != nil {
		t.Fatalf("before the start the port is %s", port)
	}
	to := "127.0.0.1:" + port
	if got, err := datagram(mallory, to, 300*time.Millisecond); err == nil || s.live(alice, "datagrams") != nil {
		t.Fatalf("a stranger heard %q, and there is %+v", got, s.live(alice, "datagrams"))
	}
	s.eventually("its owner's datagram is answered", 30*time.Second, func() error {
		_, err := datagram(alice, to, 10*time.Second)
		return err
	})
	in := s.live(alice, "datagrams")
	if in == nil || in.State != "running" {
		t.Fatalf("after the first datagram there is %+v", in)
	}
	host := strings.Fields(string(output(t, "hostname", "-I")))[0]
	if got, err := datagram("", host+":"+port, 10*time.Second); got != "hello" {
		t.Errorf("by the kernel's map: %q %v", got, err)
	}
	s.call(alice, "DELETE", "/instances/"+in.ID, "", nil)
	s.eventually("the port leads nowhere", 30*time.Second, func() error {
		if got, err := datagram(mallory, to, 300*time.Millisecond); err == nil {
			return fmt.Errorf("it leads to what says %q", got)
		}
		return nil
	})
}

// datagram says hello by UDP, from an address of this machine, and returns what is answered.
func datagram(from, to string, within time.Duration) (string, error) {
	conn, err := (&net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}).Dial("udp", to)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	buffer := make([]byte, 1500)
	err = conn.SetDeadline(time.Now().Add(within))
	if err == nil {
		_, err = conn.Write([]byte("hello"))
	}
	n := 0
	if err == nil {
		n, err = conn.Read(buffer)
	}
	return string(buffer[:n]), err
}

// fromAnotherMachine is what another machine hears, a network namespace behind a cable, that connects to a port of the
// host.
func fromAnotherMachine(t *testing.T, port string) string {
	t.Helper()
	const name = "whaley-caller"
	down := func() {
		exec.Command("ip", "link", "del", "whcall0").Run()
		exec.Command("ip", "netns", "del", name).Run()
	}
	down()
	t.Cleanup(down)
	for _, line := range []string{
		"ip netns add " + name,
		"ip link add whcall0 type veth peer name whcall1 netns " + name,
		"ip addr add 203.0.113.5/30 dev whcall0",
		"ip link set whcall0 up",
		"ip -n " + name + " addr add 203.0.113.6/30 dev whcall1",
		"ip -n " + name + " link set whcall1 up",
		"ip -n " + name + " route add default via 203.0.113.5",
	} {
		output(t, strings.Fields(line)...)
	}
	return says(t.TempDir(), "203.0.113.5", port, "ip", "netns", "exec", name)
}

func output(t *testing.T, command ...string) []byte {
	t.Helper()
	out, err := exec.Command(command[0], command[1:]...).Output()
	if err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	return out
}
