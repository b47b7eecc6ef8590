package system

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
	"github.com/whaley-ctf/whaley/sidecar/internal/portmap"
)

// leftovers has a file for each sidecar of a test that runs, or did when it was killed: <process of the test>_<bridges'
// prefix>_<pool>. What a sidecar puts into the kernel outlives a run of tests that is killed.
var leftovers = filepath.Join(os.TempDir(), "whaley-tests")

var deploymentOf = regexp.MustCompile(`\bdeployment"?[=:]"?([A-Z2-7]+)`) // in either format of the log

// remember writes down what this sidecar will have left if the test never comes to its end, and returns how to undo
// that.
func (s *stack) remember() func() {
	s.t.Helper()
	var found []string
	s.eventually("the log names the deployment", 30*time.Second, func() error {
		if found = deploymentOf.FindStringSubmatch(s.log.String()); found == nil {
			return errors.New("it does not")
		}
		return nil
	})
	name := fmt.Sprintf(
		"%d_%s_%s", os.Getpid(), docker.BridgePrefix(found[1]), strings.ReplaceAll(setting(s.env, "SUBNET_POOL"), "/", "+"),
	)
	if err := os.MkdirAll(leftovers, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(leftovers, name), nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return func() { forget(name) }
}

// forgetTheDead removes what killed runs of tests have left in the kernel.
func forgetTheDead() {
	files, _ := os.ReadDir(leftovers) // none: nothing was left
	for _, f := range files {
		text, _, _ := strings.Cut(f.Name(), "_")
		if pid, err := strconv.Atoi(text); err == nil && syscall.Kill(pid, 0) == syscall.ESRCH {
			forget(f.Name())
		}
	}
}

// forget removes firewall and guard of one sidecar, if they are there, and the note of it.
func forget(name string) {
	parts := strings.Split(name, "_")
	defer os.Remove(filepath.Join(leftovers, name))
	if len(parts) != 3 {
		return
	}
	pool, err := netip.ParsePrefix(strings.ReplaceAll(parts[2], "+", "/"))
	if err != nil {
		return
	}
	_ = firewall.New(parts[1], []netip.Prefix{pool}, 0, slog.New(slog.DiscardHandler)).Remove() // it ended well if there is none
	_ = firewall.NewArrivals(parts[1], firewall.ArrivalsOptions{}, slog.New(slog.DiscardHandler)).Remove()
	_ = portmap.New(parts[1], slog.New(slog.DiscardHandler)).Remove() // likewise
	for _, r := range guardsIn(pool) {
		_ = netlink.RouteDel(&r) // another may have been first
	}
}

// guardsIn are the routes by which addresses of instances in a pool are unreachable when they have gone.
func guardsIn(pool netip.Prefix) []netlink.Route {
	all, _ := netlink.RouteListFiltered(
		netlink.FAMILY_V4, &netlink.Route{Type: unix.RTN_UNREACHABLE}, netlink.RT_FILTER_TYPE,
	)
	return slices.DeleteFunc(all, func(r netlink.Route) bool {
		if r.Dst == nil {
			return true
		}
		p, err := netip.ParsePrefix(r.Dst.String())
		return err != nil || !pool.Overlaps(p)
	})
}

func TestWhatAKilledRunLeftInTheKernelGoes(t *testing.T) {
	s := start(t, "embedded", writeFixtures(t, "echo"))
	prefix := docker.BridgePrefix(deploymentOf.FindStringSubmatch(s.log.String())[1])
	pool := setting(s.env, "SUBNET_POOL")
	there := func() (firewalls, guards bool) {
		kernel, err := nftables.New()
		if err != nil {
			t.Fatal(err)
		}
		tables, err := kernel.ListTables()
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(tables, func(f *nftables.Table) bool { return strings.Contains(f.Name, prefix) }),
			len(guardsIn(netip.MustParsePrefix(pool))) > 0
	}
	if got := s.do(alice, "GET", s.address(alice, "echo")+"/", nil); got.Status != http.StatusOK {
		t.Fatalf("an instance: %d %s", got.Status, got.Body)
	}
	s.kill()
	if firewalls, guards := there(); !firewalls || !guards {
		t.Fatalf("a killed sidecar leaves its firewall: %t, its guard: %t", firewalls, guards)
	}
	forget(fmt.Sprintf("%d_%s_%s", os.Getpid(), prefix, strings.ReplaceAll(pool, "/", "+")))
	if firewalls, guards := there(); firewalls || guards {
		t.Errorf("its firewall is there: %t, its guard: %t", firewalls, guards)
	}
	s.serve()
}
