package firewall_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

const prefix = "whtest-"

var pool = netip.MustParsePrefix("10.189.0.0/16")

func newTable(t *testing.T) *firewall.Table {
	t.Helper()
	table := firewall.New(prefix, []netip.Prefix{pool}, 8, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := table.Remove(); err != nil {
			t.Error(err)
		}
	})
	return table
}

// allowed is the set of subnets that may leave, as the kernel has it.
func allowed(t *testing.T) []string {
	t.Helper()
	c, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	table := &nftables.Table{Name: "whaley-" + prefix, Family: nftables.TableFamilyINet}
	elements, err := c.GetSetElements(&nftables.Set{Table: table, Name: "egress"})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range elements {
		a, _ := netip.AddrFromSlice(e.Key)
		all = append(all, a.String())
	}
	return all
}

func subnet(n int) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("10.189.0.%d/28", 16*n)) }

func TestTheTableIsSetOnceHoweverOften(t *testing.T) {
	testkit.Need(t, testkit.Root)
	table := newTable(t)
	if table.Holds() || table.State() == nil {
		t.Error("it holds before it is set")
	}
	for range 2 {
		if err := table.Put(); err != nil {
			t.Fatal(err)
		}
	}
	if !table.Holds() || table.State() != nil {
		t.Errorf("it does not hold: %v", table.State())
	}
	for range 2 {
		if err := table.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	if table.Holds() || table.State() == nil {
		t.Error("it holds when it is gone")
	}
}

func TestEgressIsWhatTheRowsSay(t *testing.T) {
	testkit.Need(t, testkit.Root)
	ctx := context.Background()
	table := newTable(t)
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, subnets ...string) {
		t.Helper()
		if d := cmp.Diff(subnets, allowed(t)); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	try(table.Put())
	for range 2 {
		try(table.Allow(ctx, subnet(1)))
	}
	want("one is allowed", "10.189.0.16")
	try(table.Sync(ctx, func(context.Context) ([]netip.Prefix, error) { return []netip.Prefix{subnet(2)}, nil }))
	want("only what the rows say", "10.189.0.32")
	for range 2 {
		try(table.Forbid(ctx, subnet(2)))
	}
	want("none")

	// Another sidecar of the same deployment starts: what may leave still may.
	try(table.Allow(ctx, subnet(3)))
	second := firewall.New(prefix, []netip.Prefix{pool}, 8, slog.New(slog.DiscardHandler))
	try(second.Put())
	want("after the other has started", "10.189.0.48")

	// Flushed by somebody: what comes next finds that out.
	try(table.Remove())
	try(second.Allow(ctx, subnet(4)))
	if !second.Holds() {
		t.Error("it is not set again")
	}
}

// withoutFiles runs something while this process may open nothing.
func withoutFiles(t *testing.T, run func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	run()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
}

func TestATroubleThatPassesLeavesNothingWrong(t *testing.T) {
	testkit.Need(t, testkit.Root)
	table := newTable(t)
	if err := table.Put(); err != nil {
		t.Fatal(err)
	}
	withoutFiles(t, func() {
		if err := table.Put(); err == nil || table.State() == nil {
			t.Error("the table is set without files")
		}
		if err := table.Allow(t.Context(), subnet(1)); err != nil {
			t.Errorf("no start waits for the firewall: %v", err)
		}
	})
	if err := table.Allow(t.Context(), subnet(2)); err != nil {
		t.Fatal(err)
	}
	if err := table.Forbid(t.Context(), subnet(2)); err != nil {
		t.Fatal(err)
	}
	if err := table.Allow(t.Context(), subnet(3)); err != nil {
		t.Fatal(err)
	}
	if got := allowed(t); !slices.Contains(got, "10.189.0.48") || slices.Contains(got, "10.189.0.32") {
		t.Errorf("what is allowed and forbidden after a trouble is not in the kernel: %v", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- table.Run(ctx) }()
	testkit.Eventually(t, 30*time.Second, "the trouble is over", table.State)
	if got := allowed(t); !slices.Contains(got, "10.189.0.16") {
		t.Errorf("what was allowed during the trouble is not: %v", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
