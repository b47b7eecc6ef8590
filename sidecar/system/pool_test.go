package system

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// pooled is a sidecar on a machine of its own.
type pooled struct {
	*machine
	env     []string
	log     *testkit.Log
	process *exec.Cmd
}

func (p *pooled) whaley(verb string, more ...string) *exec.Cmd {
	command := p.command(binary, verb)
	command.Env = slices.Concat(p.env, more)
	return command
}

func (p *pooled) serve() {
	p.t.Helper()
	p.process = p.whaley("serve")
	p.process.Stdout, p.process.Stderr = p.log, p.log
	if err := p.process.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.eventually("the sidecar is ready", func() error {
		_, err := p.curl("http://127.0.0.1:8000/health/ready")
		return err
	})
}

func (p *pooled) end(how syscall.Signal) {
	p.process.Process.Signal(how)
	p.process.Wait()
}

// running starts a challenge: the id of its instance and the address of its page.
func (p *pooled) running(challenge string) (id, page string) {
	p.t.Helper()
	out, err := p.curl("-XPOST", "-HContent-Type: application/json", "-d", fmt.Sprintf(`{"challenge_id":%q}`, challenge),
		"http://127.0.0.1:8000/instances/spawn?wait=60")
	var in instance
	if err == nil {
		err = json.Unmarshal([]byte(out), &in)
	}
	if err != nil || in.State != "running" || len(in.Routes) == 0 {
		p.t.Fatalf("%v %s", err, out)
	}
	p.answers(in.Routes[0].URL)
	return in.ID, in.Routes[0].URL
}

func (p *pooled) answers(page string) {
	p.t.Helper()
	if _, err := p.curl(page); err != nil {
		p.t.Error(err)
	}
}

// networks are how many of the engine's lie in a pool.
func (p *pooled) networks(pool netip.Prefix) int {
	p.t.Helper()
	count := 0
	list := p.docker(
		`network ls -q --filter label=whaley.deployment | xargs -r docker network inspect -f '{{range .IPAM.Config}}{{.Subnet}} {{end}}' 2>/dev/null; true`,
	) // some go while they are looked at
	for _, text := range strings.Fields(list) {
		if network, err := netip.ParsePrefix(text); err == nil && pool.Overlaps(network) {
			count++
		}
	}
	return count
}

// coversOnlyInstances fails the test if a route of this machine makes anything else than networks in the pools unreachable.
func (p *pooled) coversOnlyInstances(when string, pools ...netip.Prefix) {
	p.t.Helper()
	all := p.unreachable()
	for _, network := range all {
		in := false
		for _, pool := range pools {
			in = in || pool.Overlaps(network)
		}
		if !in || network.Bits() < subnet.Bits {
			p.t.Errorf("%s: %s is unreachable", when, network)
		}
	}
	p.t.Logf("%s %s: %d networks are covered", time.Now().Format(time.TimeOnly), when, len(all))
	p.resolves(when)
}

// The name server is in the first of the ranges that a pool is chosen from, the gateway in the second, the database in the third and
// CTFd in the fourth. Then the name server moves into the range that was chosen.
func TestAHostKeepsItsNamesDatabaseAndGatewayWhereverTheyAre(t *testing.T) {
	in := func(n int, last byte) netip.Addr {
		bytes := subnet.Candidates[n].Addr().As4()
		bytes[3] = last
		return netip.AddrFrom4(bytes)
	}
	p := &pooled{machine: startMachine(t, in(1, 1)), log: &testkit.Log{}}
	p.nameServer(in(0, 2))
	p.names(in(0, 2))
	p.env = []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + t.TempDir(), "DOCKER_HOST=" + p.engine.host(),
		"DATABASE_URL=" + p.database(in(2, 3)), "CTFD_URL=http://" + in(3, 4).String(),
		"DATA_DIR=" + t.TempDir(), "CHALLENGES_DIR=" + writeFixtures(t, "echo", "manual"), "EDGE=embedded",
		"LISTEN=127.0.0.1:8000", "EDGE_LISTEN=127.0.0.1:8080",
		"INTERNAL_LISTEN=127.0.0.1:8001", "EDGE_TLS_LISTEN=127.0.0.1:8443", "BASE_DOMAIN=" + base,
		"DASHBOARD_URL=http://whaley.localhost:8080",
		"PLUGIN_KEY=" + strings.Repeat("k", 40), "SANDBOX_POOL=1", "PORT_RANGE_START=20000", "PORT_RANGE_END=20100",
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("sidecar's log:\n%s", p.log.Tail(100))
		}
	})
	p.resolves("before")
	first := subnet.Candidates[4]
	second := subnet.Candidates[0] // which holds nothing any more, once the name server has moved

	for n, holds := range map[int]string{
		0: "this host's name server " + in(0, 2).String(), 1: "the gateway " + in(1, 1).String(),
		2: in(2, 3).String() + ", which DATABASE_URL leads to", 3: in(3, 4).String() + ", which CTFD_URL leads to",
	} {
		want := fmt.Sprintf("SUBNET_POOL=%s holds %s", subnet.Candidates[n], holds) // and what else there may be
		for _, verb := range []string{"serve", "check"}[min(n, 1):] {               // serve says it of one
			out, err := p.whaley(verb, "SUBNET_POOL="+subnet.Candidates[n].String()).CombinedOutput()
			if err == nil || !strings.Contains(string(out), want) {
				t.Fatalf("%s does not say %q: %v\n%s", verb, want, err, out)
			}
		}
	}
	out, _ := p.whaley("check").CombinedOutput()
	want := fmt.Sprintf("networks of instances are taken from %s, because %s holds", first, subnet.Candidates[0])
	if !strings.Contains(string(out), want) {
		t.Errorf("check does not say %q:\n%s", want, out)
	}

	p.serve()
	echo, page := p.running("echo")
	p.eventually("a network is made ahead", func() error {
		if n := p.networks(first); n < 2 {
			return fmt.Errorf("%d of %s", n, first)
		}
		return nil
	})
	p.coversOnlyInstances("while it runs", first)
	p.end(syscall.SIGKILL)
	p.coversOnlyInstances("after kill -9", first)

	p.serve()
	p.answers(page)
	p.nameServer(in(4, 2))
	p.names(in(4, 2))
	p.eventually("networks of the earlier pool go, but for the one that is in use", func() error {
		if old, now := p.networks(first), p.networks(second); old != 1 || now < 1 {
			return fmt.Errorf("%d of %s, %d of %s", old, first, now, second)
		}
		return nil
	})
	p.answers(page)
	p.coversOnlyInstances("after the name server has moved", first, second)
	p.running("manual")
	if _, err := p.curl("-XDELETE", "http://127.0.0.1:8000/instances/"+echo); err != nil {
		t.Error(err)
	}
	p.eventually("the earlier pool is empty", func() error {
		if old := p.networks(first); old != 0 {
			return fmt.Errorf("%d of %s", old, first)
		}
		return nil
	})
	p.end(syscall.SIGTERM)
	if left := p.unreachable(); len(left) > 0 {
		t.Errorf("after the end %v are unreachable", left)
	}
	p.resolves("after the end")
}
