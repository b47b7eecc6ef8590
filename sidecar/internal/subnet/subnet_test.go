package subnet_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func pools(t *testing.T, prefix string, count int) []*subnet.Pool {
	t.Helper()
	dir := storetest.Ready(t)
	var all []*subnet.Pool
	for range count {
		s, err := store.Open(context.Background(), "", dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		p, err := subnet.New(s, netip.MustParsePrefix(prefix))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func TestEverySubnetHasOneHolder(t *testing.T) {
	two := pools(t, "10.250.0.0/23", 2) // 32 subnets, two sidecars
	var mu sync.Mutex
	holders := map[netip.Prefix]string{}
	var all sync.WaitGroup
	for n := range 32 {
		all.Go(func() {
			id := fmt.Sprint("instance-", n)
			got, err := two[n%2].Reserve(context.Background(), id)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if before, taken := holders[got]; taken {
				t.Errorf("%s went to %s and %s", got, before, id)
			}
			holders[got] = id
		})
	}
	all.Wait()
	if _, err := two[0].Reserve(context.Background(), "one too many"); whaley.CodeOf(err) != "subnets_exhausted" {
		t.Errorf("the 33rd: %v", err)
	}
}

func TestAskingAgainGivesTheSame(t *testing.T) {
	two := pools(t, "10.250.0.0/24", 2)
	ctx := context.Background()
	first, err := two[0].Reserve(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range two {
		if again, err := p.Reserve(ctx, "a"); err != nil || again != first {
			t.Errorf("%s %v, want %s", again, err, first)
		}
	}
	if err := two[0].Release(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if holders, err := two[0].Holders(ctx); err != nil || len(holders) != 0 {
		t.Errorf("holders after release: %v %v", holders, err)
	}
}

func TestWhatAnotherSidecarReleasedIsFound(t *testing.T) {
	two := pools(t, "10.250.0.0/27", 2)
	ctx := context.Background()
	for _, id := range []string{"a", "b"} {
		if _, err := two[0].Reserve(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := two[1].Reserve(ctx, "c"); whaley.CodeOf(err) != "subnets_exhausted" {
		t.Errorf("a third of two: %v", err)
	}
	if err := two[0].Release(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := two[1].Reserve(ctx, "c"); err != nil {
		t.Error(err)
	}
}

func TestWhatTheEngineRefusedIsNotOfferedAgain(t *testing.T) {
	p := pools(t, "10.250.0.0/27", 1)[0] // two subnets
	ctx := context.Background()
	first, err := p.Reserve(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Avoid(ctx, "a", first); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		second, err := p.Reserve(ctx, "a")
		if err != nil || second == first {
			t.Errorf("%s %v", second, err)
		}
		if err := p.Release(ctx, "a"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheHostsOwnNetworksAreLeftOut(t *testing.T) {
	p := pools(t, "127.0.0.0/28", 1)[0]
	if got, err := p.Reserve(context.Background(), "a"); whaley.CodeOf(err) != "subnets_exhausted" {
		t.Errorf("a part of the loopback network: %s %v", got, err)
	}
}

func TestAPoolThatCannotBeIsRefused(t *testing.T) {
	for _, prefix := range []string{"10.0.0.0/29", "fd00::/64", "0.0.0.0/0"} {
		if _, err := subnet.New(nil, netip.MustParsePrefix(prefix)); err == nil {
			t.Errorf("%s is taken", prefix)
		}
	}
}

// A kill in the middle of a removal leaves the engine at it, and its bridge and routes there for some moments more.
func TestWhatTheHostHasGivenUpIsOfferedAgain(t *testing.T) {
	p := pools(t, "10.250.0.0/27", 1)[0] // two subnets
	used := netip.MustParsePrefix("10.250.0.0/28")
	subnet.HostHas(p, func() ([]netip.Prefix, error) { return []netip.Prefix{used}, nil })
	ctx := context.Background()
	if got, err := p.Reserve(ctx, "a"); err != nil || got == used {
		t.Fatalf("%s %v", got, err)
	}
	if got, err := p.Reserve(ctx, "b"); whaley.CodeOf(err) != "subnets_exhausted" {
		t.Fatalf("what the host has: %s %v", got, err)
	}
	subnet.HostHas(p, func() ([]netip.Prefix, error) { return nil, nil })
	if got, err := p.Reserve(ctx, "b"); err != nil || got != used {
		t.Errorf("%s %v", got, err)
	}
}

func TestAPartWithinAnyNetworkOfTheHostIsLeftOut(t *testing.T) {
	for _, network := range []string{"10.250.0.16/32", "10.250.0.16/30", "10.250.0.16/28", "10.250.0.31/32"} {
		p := pools(t, "10.250.0.0/26", 1)[0] // four subnets
		subnet.HostHas(p, func() ([]netip.Prefix, error) {
			return []netip.Prefix{
					netip.MustParsePrefix(network), netip.MustParsePrefix("10.249.255.0/24"), netip.MustParsePrefix("10.250.0.64/26"),
				},
				nil
		})
		got := map[string]bool{}
		for n := range 4 {
			if s, err := p.Reserve(context.Background(), fmt.Sprint(n)); err == nil {
				got[s.String()] = true
			}
		}
		if len(got) != 3 || got["10.250.0.16/28"] {
			t.Errorf("the host has %s, and %v are given", network, got)
		}
	}
}

// What was released last before a restart must not be the first to be used after it: an edge may still remember who
// had that address.
func TestARestartDoesNotBeginWithTheSamePartAgain(t *testing.T) {
	all := pools(t, "10.240.0.0/12", 8)
	ctx := context.Background()
	given := map[netip.Prefix]bool{}
	for _, p := range all {
		got, err := p.Reserve(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		given[got] = true
		if err := p.Release(ctx, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if len(given) < 2 {
		t.Errorf("%d lives all begin with %v", len(all), given)
	}
}

// An event has a thousand networks, each sidecar knows all of them after one question.
func TestThousandsOfSubnetsAreReserved(t *testing.T) {
	p := pools(t, "10.240.0.0/16", 1)[0] // 4,096
	seen := map[netip.Prefix]bool{}
	for n := range 1200 {
		got, err := p.Reserve(context.Background(), fmt.Sprint("instance-", n))
		if err != nil || seen[got] {
			t.Fatalf("the %dth: %s %v", n+1, got, err)
		}
		seen[got] = true
	}
}
