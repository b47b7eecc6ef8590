package subnet_test

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
)

// host is what a host needs, as a test says.
type host struct{ needs []subnet.Need }

func (h *host) has(network, what string) { h.needs = append(h.needs, needs(network, what, false)) }

func needs(network, what string, soft bool) subnet.Need {
	return subnet.Need{Prefix: netip.MustParsePrefix(network), What: what, Soft: soft}
}

func (h *host) chooser(db *store.Store, set string) *subnet.Chooser {
	var prefix netip.Prefix
	if set != "" {
		prefix = netip.MustParsePrefix(set)
	}
	return subnet.NewChooser(
		db, prefix, 0, func(context.Context) ([]subnet.Need, error) { return h.needs, nil }, slog.New(slog.DiscardHandler),
	)
}

func database(t *testing.T) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func choose(t *testing.T, c *subnet.Chooser) netip.Prefix {
	t.Helper()
	if err := c.Choose(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c.Pool()
}

func TestThePoolIsTheFirstThatHoldsNothingTheHostNeeds(t *testing.T) {
	for n, candidate := range subnet.Candidates {
		h := &host{}
		for _, earlier := range subnet.Candidates[:n] {
			h.has(netip.PrefixFrom(earlier.Addr().Next(), 32).String(), "a thing in "+earlier.String())
		}
		if got := choose(t, h.chooser(database(t), "")); got != candidate {
			t.Errorf("with something in the %d before it, %s is chosen instead of %s", n, got, candidate)
		}
	}
	h := &host{}
	for _, candidate := range subnet.Candidates {
		h.has(candidate.String(), "all of it")
	}
	if err := h.chooser(database(t), "").Choose(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "set SUBNET_POOL") {
		t.Errorf("where no range is free: %v", err)
	}
}

func TestAPoolThatIsSetAndHoldsSomethingIsRefusedWithWhatItIs(t *testing.T) {
	h := &host{}
	h.has("10.240.0.2/32", "this host's name server 10.240.0.2 (/etc/resolv.conf)")
	err := h.chooser(database(t), "10.240.0.0/12").Choose(t.Context())
	if err == nil ||
		!strings.Contains(
			err.Error(), "SUBNET_POOL=10.240.0.0/12 holds this host's name server 10.240.0.2 (/etc/resolv.conf)",
		) ||
		!strings.Contains(err.Error(), "10.224.0.0/12") {
		t.Errorf("%v", err)
	}
	if got := choose(t, h.chooser(database(t), "10.250.0.0/16")); got.String() != "10.250.0.0/16" {
		t.Errorf("one that holds nothing: %s", got)
	}
}

func TestAKeptPoolStaysForAllSidecars(t *testing.T) {
	db, first, second := database(t), &host{}, &host{}
	first.has("10.240.0.2/32", "a name server")
	if got := choose(t, first.chooser(db, "")); got != subnet.Candidates[1] {
		t.Fatal(got)
	}
	if got := choose(t, second.chooser(db, "")); got != subnet.Candidates[1] { // although the first would do for it
		t.Errorf("the second sidecar has %s", got)
	}
	second.needs = []subnet.Need{needs(subnet.Candidates[1].String(), "another Whaley", true)}
	if got := choose(t, second.chooser(db, "")); got != subnet.Candidates[1] {
		t.Errorf("for a soft reason it is given up for %s", got)
	}
}

func TestAPoolThatTheHostComesToNeedIsGivenUpAndDrained(t *testing.T) {
	db, h := database(t), &host{}
	c := h.chooser(db, "")
	var told []string
	var pools []netip.Prefix
	c.OnTrouble(func(message string) { told = append(told, message) })
	c.OnChange(func(all []netip.Prefix) { pools = all })
	before := choose(t, c)
	old, err := subnet.New(db, before)
	if err != nil {
		t.Fatal(err)
	}
	running, err := old.Reserve(t.Context(), "running")
	if err != nil {
		t.Fatal(err)
	}
	h.has("10.240.0.2/32", "this host's name server 10.240.0.2")
	after := choose(t, c)
	if after == before || !slices.Equal(pools, []netip.Prefix{after, before}) || !c.Contains(running.Addr()) {
		t.Errorf("from %s to %s, pools %v", before, after, pools)
	}
	if len(told) != 1 || !strings.Contains(told[0], "name server") {
		t.Errorf("told: %q", told)
	}
	if err := old.Move(after); err != nil {
		t.Fatal(err)
	}
	if again, err := old.Reserve(t.Context(), "running"); err != nil || again != running {
		t.Errorf("what runs has %s %v instead of %s", again, err, running)
	}
	if next, err := old.Reserve(t.Context(), "next"); err != nil || !after.Overlaps(next) || !old.Holds(next) ||
		old.Holds(running) {
		t.Errorf("what starts has %s %v", next, err)
	}
	if err := old.Release(t.Context(), "running"); err != nil {
		t.Fatal(err)
	}
	if got := choose(t, c); got != after || !slices.Equal(pools, []netip.Prefix{after}) {
		t.Errorf("when the earlier one is empty: %s, pools %v", got, pools)
	}
	// Another sidecar that would have been content does not go back, nor does this one when the name server is gone.
	h.needs = nil
	if got := choose(t, h.chooser(db, "")); got != after {
		t.Errorf("it wandered to %s", got)
	}
}

func TestAPoolThatIsSetAndComesToHoldSomethingIsSaid(t *testing.T) {
	h := &host{}
	c := h.chooser(database(t), "10.250.0.0/16")
	choose(t, c)
	hints := make(chan struct{}, 1)
	told := make(chan string, 1)
	c.OnTrouble(func(message string) { told <- message })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	h.has("10.250.3.0/24", "the network 10.250.3.0/24, which this host has a route to")
	go func() { ended <- c.Run(ctx, hints) }()
	hints <- struct{}{}
	if message := <-told; !strings.Contains(message, "10.250.3.0/24") {
		t.Errorf("told: %q", message)
	}
	if err := c.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "10.250.3.0/24") ||
		c.Pool().String() != "10.250.0.0/16" {
		t.Errorf("health: %v, pool %s", err, c.Pool())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
