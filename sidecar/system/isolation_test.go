package system

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/nftables"
)

// Three kinds of instances, of two services each: closed to the outside, the same with a port of the host, and open.
func init() {
	two := "services:\n  web:\n    build: .\n    depends_on: [db]\n    tmpfs: [\"/scratch:size=4m\"]\n  db:\n    build: .\n"
	fixtures["closed"] = fixture{compose: two}
	fixtures["ported"] = fixture{
		compose: two, toml: httpRoute + "[[routes]]\nname = \"nc\"\nservice = \"web\"\nport = 9000\ntype = \"port\"\n",
	}
	fixtures["open"] = fixture{compose: two, toml: "egress = true\n" + httpRoute}
}

var prisons = []string{"closed", "ported", "open"}

// unreached are the answers of what is kept away.
var unreached = []string{"nothing", "no route"}

// holders wants a number of them to run, taken or not.
func (s *stack) holders(want int) error {
	found := regexp.MustCompile(`deployment=(\w+)`).FindStringSubmatch(s.log.Tail(1000))
	if found == nil {
		return errors.New("the sidecar does not say which deployment it is")
	}
	out, err := exec.Command("docker", "ps", "-q", "--filter", "label=whaley.deployment="+found[1]+"/sandbox").CombinedOutput()
	if got := len(strings.Fields(string(out))); err != nil || got != want {
		return fmt.Errorf("%d holders run, want %d: %v", got, want, err)
	}
	return nil
}

// inside runs a probe in an instance's service web.
func (s *stack) inside(challenge, probe string, arguments ...string) string {
	s.t.Helper()
	values := url.Values{}
	for n := 0; n+1 < len(arguments); n += 2 {
		values.Set(arguments[n], arguments[n+1])
	}
	got, err := s.try(alice, "GET", s.address(alice, challenge)+"/probe/"+probe+"?"+values.Encode(), nil)
	if err != nil || got.Status != http.StatusOK {
		return fmt.Sprint("no answer of the instance: ", got.Status, got.Body, err)
	}
	return got.Body
}

// addressOf is the address of an instance's service; with a sandbox its holder has it.
func (s *stack) addressOf(instance, service string) string {
	s.t.Helper()
	return s.network(instance, service, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
}

// gatewayOf is the host's address in an instance's network.
func (s *stack) gatewayOf(instance string) string {
	s.t.Helper()
	prefix, err := netip.ParsePrefix(s.addressOf(instance, "web") + "/28")
	if err != nil {
		s.t.Fatal(err)
	}
	return prefix.Masked().Addr().Next().String()
}

func (s *stack) network(instance, service, format string) string {
	s.t.Helper()
	container := instance + "-" + service
	if holder := s.joins(instance, service); holder != "" {
		container = holder
	}
	return s.inspect(container, format)
}

// joins is the holder whose network a service's container has, or nothing.
func (s *stack) joins(instance, service string) string {
	s.t.Helper()
	holder, joins := strings.CutPrefix(s.inspect(instance+"-"+service, "{{.HostConfig.NetworkMode}}"), "container:")
	if !joins {
		return ""
	}
	return holder
}

func (s *stack) inspect(container, format string) string {
	s.t.Helper()
	out, err := exec.Command("docker", "inspect", "-f", format, container).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// attempt is one thing that an instance tries from inside.
type attempt struct {
	what  string
	probe string
	args  func(challenge string) []string
	wants []string // answers that are right, or how they begin
	open  []string // the same for the challenge with egress, if other
}

func TestAnInstanceReachesNothingButItselfAndWhatItMay(t *testing.T) {
	for name, pool := range map[string]string{"networks made for it": "SANDBOX_POOL=0", "sandboxes": "SANDBOX_POOL=9"} {
		t.Run(name, func(t *testing.T) { isolation(t, pool) })
	}
}

func isolation(t *testing.T, settings ...string) {
	startOutside(t)
	s := startOn(t, "0.0.0.0", "embedded", writeFixtures(t, prisons...), settings...)
	ids, pool := map[string]string{}, ""
	pooled := slices.Contains(settings, "SANDBOX_POOL=9")
	if pooled {
		s.eventually("a sandbox of each kind is ready", 30*time.Second, func() error { return s.holders(18) })
	}
	for _, challenge := range prisons {
		ids[challenge] = s.running(alice, challenge).ID
		if got := s.joins(ids[challenge], "web") != ""; got != pooled {
			t.Fatalf("%s is in a sandbox: %t", challenge, got)
		}
	}
	other := s.running(bob, "ported")
	stranger := s.addressOf(other.ID, "web")
	pool = strings.Join(strings.Split(stranger, ".")[:2], ".")
	host := hostAddress(t)
	bait := service(t)
	at := func(address, port string) func(string) []string {
		return func(string) []string { return []string{"to", net.JoinHostPort(address, port)} }
	}
	gateway := func(port string) func(string) []string {
		return func(challenge string) []string {
			return []string{"to", net.JoinHostPort(s.gatewayOf(ids[challenge]), port)}
		}
	}
	raw := func(arguments ...string) func(string) []string { return func(string) []string { return arguments } }
	denied := []string{
		"operation not permitted", "permission denied", "read-only file system", "function not implemented", "no such file",
	}
	attempts := []attempt{
		{"service of the host, gateway", "dial", gateway(bait), unreached, nil},
		{"service of the host, its own address", "dial", at(host, bait), unreached, nil},
		{"service of the host, address of another bridge", "dial", at("172.17.0.1", bait), unreached, nil},
		{"port of the host that nobody listens on", "dial", gateway("1"), unreached, nil},
		{
			"ping to the gateway", "ping", func(c string) []string { return []string{"to", s.gatewayOf(ids[c])} }, unreached,
			nil,
		},
		{"sidecar's public API", "dial", gateway(portOnly(t, s.public)), unreached, nil},
		{"the edge", "dial", gateway(portOnly(t, s.web)), unreached, nil},
		{"sidecar's internal API, on loopback", "dial", at("127.0.0.1", portOnly(t, s.internal)), []string{"refused"}, nil},
		{"engine's socket", "dial", raw("net", "unix", "to", "/var/run/docker.sock"), []string{"not there"}, nil},
		{"cloud metadata", "dial", at("169.254.169.254", "80"), unreached, nil},
		{"private network", "dial", at("192.168.1.1", "80"), unreached, nil},
		{"another instance, TCP", "dial", at(stranger, "8080"), unreached, nil},
		{"another instance, UDP", "udp", at(stranger, "9000"), unreached, nil},
		{"another instance, ping", "ping", raw("to", stranger), unreached, nil},
		{"another instance, by its port of the host", "dial", at(host, fmt.Sprint(other.Routes[1].Port)), unreached, nil},
		{"part of the pool that nobody has", "dial", at(pool+".255.2", "80"), unreached, nil},
		{"the outside, TCP", "dial", at(outside, "8080"), unreached, []string{"open"}},
		{"the outside, UDP", "udp", at(outside, "9000"), unreached, []string{"open"}},
		{"the outside, ping", "ping", raw("to", outside), unreached, []string{"open"}},
		{"the outside's cable, on the host", "dial", at("203.0.113.1", bait), unreached, nil},
		{"multicast", "udp", at("224.0.0.251", "5353"), unreached, nil},
		{
			"IPv6, the host's link-local", "dial", raw("to", "[fe80::1%eth0]:"+bait),
			[]string{"no route", "cannot assign", "connect: cannot assign", "dial"}, nil,
		},
		{"its own service db by name, TCP", "dial", at("db", "9000"), []string{"open"}, nil},
		{"its own service db by name, UDP", "udp", at("db", "9000"), []string{"open"}, nil},
		{"its own name", "dial", at("web", "8080"), []string{"open"}, nil},
		{"names of the outside", "name", raw("host", "example.org"), []string{"not found"}, []string{"not found", "found"}},
		{"raw socket", "socket", raw("kind", "raw"), denied, nil},
		{"raw IPv6 socket", "socket", raw("kind", "raw6"), denied, nil},
		{"packet socket", "socket", raw("kind", "packet"), denied, nil},
		{"mount", "call", raw("name", "mount"), denied, nil},
		{"new user namespace", "call", raw("name", "user namespace"), append(denied, "no space left"), nil},
		{"new network namespace", "call", raw("name", "net namespace"), denied, nil},
		{"device", "call", raw("name", "device"), denied, nil},
		{"kernel setting", "call", raw("name", "sysctl"), denied, nil},
		{"sysrq", "call", raw("name", "sysrq"), denied, nil},
		{"change of an interface", "call", raw("name", "address"), denied, nil},
		{"chroot", "call", raw("name", "chroot"), denied, nil},
		{"reboot", "call", raw("name", "reboot"), denied, nil},
		{"kernel module", "call", raw("name", "module"), denied, nil},
		{"fork bomb", "fork", raw(), []string{"resource temporarily unavailable"}, nil},
		{"memory of the host", "eat", raw(), []string{"signal: killed"}, nil},
		{
			"memory by a file system in it", "fill", raw("path", "/scratch/x", "mb", "64"),
			[]string{"no space left on device after 4 MB"}, nil,
		},
		{"shared memory", "fill", raw("path", "/dev/shm/x", "mb", "512"), []string{"no space left", "cannot allocate"}, nil},
	}
	for what, port := range servers(t) {
		attempts = append(
			[]attempt{{what + " on all addresses of the host", "dial", gateway(port), unreached, nil}}, attempts...,
		)
	}
	t.Logf("%-66s %-36s %-36s %s", "", prisons[0], prisons[1], prisons[2])
	answers := make([][]string, len(attempts))
	var all sync.WaitGroup
	for n, a := range attempts {
		answers[n] = make([]string, len(prisons))
		for p, challenge := range prisons {
			try := func() { answers[n][p] = s.inside(challenge, a.probe, a.args(challenge)...) }
			if slices.Contains([]string{"fork", "eat", "fill"}, a.probe) {
				all.Wait() // what others have begun is not to be disturbed
				try()
			} else {
				all.Go(try)
			}
		}
	}
	all.Wait()
	for n, a := range attempts {
		for p, challenge := range prisons {
			wants := a.wants
			if challenge == "open" && a.open != nil {
				wants = a.open
			}
			if !slices.ContainsFunc(wants, func(want string) bool { return strings.HasPrefix(answers[n][p], want) }) {
				t.Errorf("%s: %s gets %q, want %q", a.what, challenge, answers[n][p], wants)
			}
		}
		t.Logf("%-66s %-36.36s %-36.36s %.36s", a.what, answers[n][0], answers[n][1], answers[n][2])
	}
	// What should be reached from outside still is.
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(host, fmt.Sprint(other.Routes[1].Port)), 2*time.Second)
	if err != nil {
		t.Errorf("a port of the host: %v", err)
	} else {
		conn.Close()
	}
}

// hostAddress is what this machine is known by.
func hostAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	t.Fatal("this machine has no address")
	return ""
}

// The other tests of isolation would prove nothing if what they try were unreachable anyway.
func TestWithoutAFirewallAnInstanceReachesTheHost(t *testing.T) {
	s := start(t, "embedded", writeFixtures(t, "ported"), "FIREWALL=off")
	in := s.running(alice, "ported")
	for what, port := range servers(t) {
		if got := s.inside("ported", "dial", "to", net.JoinHostPort(s.gatewayOf(in.ID), port)); got != "open" {
			t.Errorf("of the %s it gets %q", what, got)
		}
	}
	if got := s.health("firewall"); got != "failed" {
		t.Errorf("health says %q", got)
	}
}

func TestAFirewallThatIsFlushedComesBack(t *testing.T) {
	startOutside(t)
	s := start(t, "embedded", writeFixtures(t, "open", "closed"))
	in := s.running(alice, "open")
	port := service(t)
	flush(t, in.ID)
	s.eventually("the host is out of reach again", 30*time.Second, func() error {
		if got := s.inside("open", "dial", "to", net.JoinHostPort(s.gatewayOf(in.ID), port)); got != "nothing" {
			return errors.New(got)
		}
		return nil
	})
	if got := s.inside("open", "dial", "to", outside+":8080"); got != "open" {
		t.Errorf("the outside: %q", got)
	}
	// Rules stay while the sidecar is away, as instances do.
	s.kill()
	conn, err := net.DialTimeout("tcp", s.addressOf(in.ID, "web")+":9000", 5*time.Second)
	if err != nil {
		t.Errorf("the instance, while the sidecar is away: %v", err)
	} else {
		conn.Close()
	}
	if tables(t, in.ID) != 1 {
		t.Error("without the sidecar there are no rules")
	}
	s.serve()
	if got := s.inside("open", "dial", "to", outside+":8080"); got != "open" {
		t.Errorf("the outside, after a restart: %q", got)
	}
}

// bridge is the host's interface of an instance's network.
func bridge(t *testing.T, instance string) string {
	t.Helper()
	out, err := exec.Command(
		"docker", "network", "inspect", "-f", `{{index .Options "com.docker.network.bridge.name"}}`, "whaley-"+instance,
	).CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// ours are the tables of the deployment that an instance belongs to.
func ours(t *testing.T, instance string) []*nftables.Table {
	t.Helper()
	c, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		t.Fatal(err)
	}
	name := "whaley-" + bridge(t, instance)[:7]
	return slices.DeleteFunc(all, func(table *nftables.Table) bool { return table.Name != name })
}

func tables(t *testing.T, instance string) int { return len(ours(t, instance)) }

// flush does what `nft flush ruleset` does to one deployment.
func flush(t *testing.T, instance string) {
	t.Helper()
	found := ours(t, instance)
	if len(found) != 1 {
		t.Fatalf("%d tables", len(found))
	}
	c, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	c.DelTable(found[0])
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
}

// health is what the sidecar says of one of its dependencies.
func (s *stack) health(name string) string {
	s.t.Helper()
	var ready struct {
		Dependencies []struct{ Name, Status string }
	}
	s.call(alice, "GET", "/health/ready", "", &ready)
	for _, d := range ready.Dependencies {
		if d.Name == name {
			return d.Status
		}
	}
	return ""
}

// A sidecar that sets its rules where they do not matter, such as in a container's own network, is told so.
func TestCheckProvesTheFirewallFromInsideAContainer(t *testing.T) {
	binary := static(t)
	const elsewhere = "whaley-elsewhere"
	exec.Command("ip", "netns", "del", elsewhere).Run()
	if out, err := exec.Command("ip", "netns", "add", elsewhere).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	t.Cleanup(func() { exec.Command("ip", "netns", "del", elsewhere).Run() })
	challenges := writeFixtures(t, "echo")
	for _, c := range []struct {
		where []string
		want  string
	}{
		{nil, "firewall    ok"},
		{[]string{"ip", "netns", "exec", elsewhere}, "firewall    a container like an instance's reaches 10."},
	} {
		env := append(os.Environ(), "DATA_DIR="+t.TempDir(), "CHALLENGES_DIR="+challenges, "SUBNET_POOL="+nextPool())
		var two sync.WaitGroup
		for range 2 { // at once, neither of which may disturb the other
			two.Go(func() {
				check := exec.Command("sh", append([]string{"-c", `"$@"`, "sh"}, append(c.where, binary, "check")...)...)
				check.Env = env
				if out, err := check.CombinedOutput(); !strings.Contains(string(out), c.want) {
					t.Errorf("%v: %v\n%s", c.where, err, out)
				}
			})
		}
		two.Wait()
	}
}

func TestAnInstanceThatFillsTheDiskIsStopped(t *testing.T) {
	fixtures["writes"] = fixture{
		compose: "services:\n  web:\n    build: .\n    volumes: [\"data:/data\"]\nvolumes:\n  data: {}\n",
	}
	s := start(t, "embedded", writeFixtures(t, "writes", "echo"), "CONTAINER_MAX_DISK=32m")
	s.running(alice, "echo")
	in := s.running(alice, "writes")
	for _, path := range []string{"/x", "/data/x"} { // neither is too much alone
		if got := s.inside("writes", "fill", "path", path, "mb", "20"); got != "done" {
			t.Fatalf("%s: %s", path, got)
		}
	}
	s.eventually("what wrote 40 MB is stopped", 2*time.Minute, func() error {
		if now := s.live(alice, "writes"); now != nil {
			return fmt.Errorf("%s is %s", in.ID, now.State)
		}
		return nil
	})
	if s.live(alice, "echo") == nil {
		t.Error("an instance that wrote nothing is gone")
	}
}
