package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// owners checks what is known of those who have had instances, the renamed ones too.
func owners(t *testing.T, s *store.Store) {
	ctx, who := context.Background(), owner()
	begin := time.Now().UTC().Truncate(time.Microsecond)
	for n, name := range []string{"Old name", "N%w " + who} {
		in := fresh(who, "web")
		in.Owner.Name, in.CreatedAt = name, begin.Add(time.Duration(n)*time.Second)
		if n == 0 {
			in.State = whaley.Stopped
		}
		if err := s.Insert(ctx, in, whaley.Quota{}, whaley.Event{}); err != nil {
			t.Fatal(err)
		}
	}
	want := []whaley.OwnerSummary{{
		Owner: whaley.Owner{ID: who, Name: "N%w " + who}, Live: 1, Total: 2, LastAt: begin.Add(time.Second),
	}}
	for _, text := range []string{who, "n%W " + who} {
		got, err := s.Owners(ctx, text, 10)
		if err != nil {
			t.Fatal(err)
		}
		if text != who {
			want[0].Total = 1 // instances under that name
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", text, diff)
		}
	}
	if got, err := s.Owners(ctx, "", 1); err != nil || len(got) != 1 {
		t.Errorf("%v %v", got, err)
	}
	if err := s.RenameOwner(ctx, who, "Newest "+who); err != nil {
		t.Fatal(err)
	}
	all, err := s.Owners(ctx, "newest "+who, 10)
	if err != nil || len(all) != 1 || all[0].Owner.Name != "Newest "+who || all[0].Live != 1 || all[0].Total != 1 {
		t.Errorf("what lives shows the new name, what has ended the one that it had: %+v %v", all, err)
	}
}

// solves checks who has solved what.
func solves(t *testing.T, s, other *store.Store) {
	ctx, who := context.Background(), owner()
	at := time.Now().UTC().Truncate(time.Microsecond)
	one, two := whaley.Solve{Owner: who, CTFdChallenge: 1, At: at}, whaley.Solve{Owner: who, CTFdChallenge: 2, At: at}
	late := one
	late.At = at.Add(time.Hour)
	for _, more := range [][]whaley.Solve{{one}, {late, two}} {
		if err := s.SaveSolves(ctx, more, nil); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, want ...whaley.Solve) {
		t.Helper()
		got, err := other.Solves(ctx, who)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", what, diff)
		}
	}
	want("added twice", one, two)
	if err := s.SaveSolves(ctx, nil, []whaley.Solve{one}); err != nil {
		t.Fatal(err)
	}
	want("taken back", two)
}
