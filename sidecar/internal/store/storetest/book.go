package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// book checks the lists that organisers read, whole and page after page.
func book(t *testing.T, s *store.Store) {
	ctx := context.Background()
	challenge := owner() // which no other test has
	begin := time.Now().UTC().Truncate(time.Microsecond)
	var want []string
	for n := range 7 {
		in := fresh(owner(), challenge)
		in.CreatedAt = begin.Add(time.Duration(n/2) * 100 * time.Millisecond) // some at the same moment
		if n%3 == 0 {
			in.State, in.ExpiresAt = whaley.Running, begin.Add(-time.Duration(n)*time.Minute)
		}
		if n == 5 {
			in.Owner.Name = "100%_Sure"
		}
		if err := s.Insert(ctx, in, whaley.Quota{}, whaley.Event{}); err != nil {
			t.Fatal(err)
		}
		want = append(want, in.ID)
	}
	pages := func(q whaley.InstanceQuery) []string {
		t.Helper()
		q.Challenge = challenge
		var got []string
		for more := true; more; more = q.After != "" {
			page, next, err := s.Instances(ctx, q)
			if err != nil || len(page) > q.Limit {
				t.Fatal(len(page), err)
			}
			for _, in := range page {
				got = append(got, in.ID)
			}
			q.After = next
		}
		return got
	}
	for _, order := range whaley.InstanceOrders {
		for _, descending := range []bool{false, true} {
			whole := pages(whaley.InstanceQuery{Sort: order, Descending: descending, Limit: 100})
			if sorted := slices.Sorted(slices.Values(whole)); !slices.Equal(sorted, slices.Sorted(slices.Values(want))) {
				t.Errorf("by %s: %v", order, whole)
			}
			if parts := pages(whaley.InstanceQuery{Sort: order, Descending: descending, Limit: 2}); !slices.Equal(parts, whole) {
				t.Errorf("by %s in pages %v, at once %v", order, parts, whole)
			}
		}
	}
	if got := pages(whaley.InstanceQuery{Sort: whaley.ByCreated, Limit: 3}); got[0] != want[0] || got[6] != want[6] {
		t.Errorf("oldest first: %v of %v", got, want)
	}
	if got := pages(whaley.InstanceQuery{Sort: whaley.ByExpiry, Limit: 3}); !slices.Equal(
		got[:3], []string{want[6], want[3], want[0]},
	) {
		t.Errorf("soonest first: %v of %v", got, want)
	}
	if got := pages(whaley.InstanceQuery{Text: "100%_sure", Limit: 3}); !slices.Equal(got, want[5:6]) {
		t.Errorf("found %v", got)
	}
	if got := pages(whaley.InstanceQuery{
		States: []whaley.State{whaley.Running}, Before: begin.Add(50 * time.Millisecond), Limit: 3,
	}); !slices.Equal(got, want[:1]) {
		t.Errorf("found %v", got)
	}
	counts, err := s.CountInstances(ctx, whaley.InstanceQuery{Challenge: challenge})
	if err != nil || counts[whaley.Running] != 3 || counts[whaley.Queued] != 4 {
		t.Errorf("%v %v", counts, err)
	}
	for _, after := range []string{"x", "e30", "bnVsbA", "eyJLZXkiOiJ4In0"} {
		if _, _, err := s.Instances(ctx, whaley.InstanceQuery{After: after, Limit: 1}); whaley.CodeOf(err) != "cursor_invalid" {
			t.Errorf("the cursor %s: %v", after, err)
		}
		if _, _, err := s.PortMappings(ctx, "", "", after, 1); whaley.CodeOf(err) != "cursor_invalid" {
			t.Errorf("the cursor %s of ports: %v", after, err)
		}
	}
}

// portMappings checks that remembered ports are listed in pages and forgotten, and that what is held stays so.
func portMappings(t *testing.T, s *store.Store) {
	ctx, one, two := context.Background(), owner(), owner()
	for n := range 5 {
		who := []string{one, two}[n%2]
		if err := s.TakePort(ctx, 50000+n, who, who, fmt.Sprint("web", n/4), n); err != nil {
			t.Fatal(err)
		}
	}
	defer s.DropPorts(ctx, one)
	defer s.DropPorts(ctx, two)
	var all []whaley.PortMapping
	for after := ""; ; {
		page, next, err := s.PortMappings(ctx, one, "", after, 2)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if after = next; after == "" {
			break
		}
	}
	if len(all) != 3 ||
		all[0] != (whaley.PortMapping{Owner: one, Challenge: "web0", Internal: 0, Port: 50000, Instance: one}) {
		t.Errorf("%+v", all)
	}
	use, err := s.PortUse(ctx)
	if err != nil || use.Held < 5 || use.Mappings < 5 || use.Owners < 2 {
		t.Errorf("%+v %v", use, err)
	}
	if n, err := s.ForgetPorts(ctx, one, "web1"); n != 1 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if n, err := s.ForgetPorts(ctx, one, ""); n != 2 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if held, err := s.InstancePorts(ctx, one); len(held) != 3 || err != nil {
		t.Errorf("%v %v", held, err)
	}
	if left, _, err := s.PortMappings(ctx, two, "", "", 9); len(left) != 2 || err != nil {
		t.Errorf("%v %v", left, err)
	}
}
