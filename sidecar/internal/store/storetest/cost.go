package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// costs keeps what was seen of a challenge twice.
func costs(t *testing.T, s, other *store.Store) {
	ctx, challenge := context.Background(), owner()
	seen := []whaley.Seen{{Instance: "a", Revision: "1", Looks: 2, Memory: 3 << 40, CPUs: 0.25, Start: time.Second}}
	for range 2 {
		if err := s.KeepCosts(ctx, challenge, seen); err != nil {
			t.Fatal(err)
		}
		got, err := other.Costs(ctx)
		if diff := cmp.Diff(seen, got[challenge]); err != nil || diff != "" {
			t.Errorf("(-kept +read) %s %v", diff, err)
		}
		seen = append(seen, whaley.Seen{Instance: "b"})
	}
}

// expected has the host full by what instances are expected to use, and by their limits where that is not known.
func expected(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	live, err := s.Live(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	var used int64
	for _, in := range live {
		if in.State != whaley.Sleeping {
			used += in.Needs()
		}
	}
	const mb = 1 << 20
	q := whaley.Quota{Memory: used + 100*mb}
	want := []struct {
		limit, expected int64
		fits            bool
	}{{512 * mb, 40 * mb, true}, {512 * mb, 50 * mb, true}, {512 * mb, 11 * mb, false}, {11 * mb, 0, false}, {10 * mb, 0, true}}
	for n, w := range want {
		in := fresh(owner(), "web")
		in.Memory, in.Expected = w.limit, w.expected
		err := []*store.Store{s, other}[n%2].Insert(ctx, in, q, event(in, "instance_spawn"))
		if w.fits && err != nil || !w.fits && whaley.CodeOf(err) != whaley.CodeHostFull {
			t.Errorf("%d: fits %v: %v", n, w.fits, err)
		}
	}
}
