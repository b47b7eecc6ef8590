package app

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/canary"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestCanariesTryWhatIsWhaleysAndOtherInstances(t *testing.T) {
	o := &own{
		fixed: []string{hostPort("https://10.96.0.1", "443"), hostPort("postgres://u:p@postgres/db", "5432"), hostPort("postgres:///db?host=/run", "5432"), hostPort("redis://:p@gone:1/0", "6379")},
		lookup: func(_ context.Context, host string) ([]string, error) {
			if host == "gone" {
				return nil, errors.New("no such host")
			}
			return map[string][]string{"10.96.0.1": {"10.96.0.1"}, "postgres": {"10.96.0.7", "fd00::7"}}[host], nil
		},
		live: func(_ context.Context, q whaley.InstanceQuery) ([]*whaley.Instance, string, error) {
			if q.Limit != mostOthers || !slices.Equal(q.States, []whaley.State{whaley.Running}) {
				t.Errorf("asked for %+v", q)
			}
			return []*whaley.Instance{{Addresses: map[string]netip.Addr{"web": netip.MustParseAddr("10.244.1.9")}}}, "", nil
		},
	}
	want := []canary.Target{
		{Kind: canary.Own, Address: "10.96.0.1:443"}, {Kind: canary.Own, Address: "10.96.0.7:5432"}, {Kind: canary.Own, Address: "[fd00::7]:5432"},
		{Kind: canary.Pod, Address: "10.244.1.9:7117"},
	}
	if got := o.targets(t.Context()); !slices.Equal(got, want) {
		t.Errorf("tried are %v", got)
	}
}
