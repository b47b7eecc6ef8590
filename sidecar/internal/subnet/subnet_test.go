package subnet_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
)

func pools(t *testing.T, prefix string, count int) []*subnet.Pool {
	t.Helper()
	dir := t.TempDir()
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
	if _, err := two[0].Reserve(context.Background(), "one too many"); instancer.CodeOf(err) != "subnets_exhausted" {
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
	if _, err := two[1].Reserve(ctx, "c"); instancer.CodeOf(err) != "subnets_exhausted" {
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
	if got, err := p.Reserve(context.Background(), "a"); instancer.CodeOf(err) != "subnets_exhausted" {
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
