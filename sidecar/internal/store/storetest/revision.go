package storetest

import (
	"context"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

func revisions(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	challenge := owner() + "-challenge"
	for _, loaded := range []string{"a", "a", "b", "b", "a"} {
		for _, sidecar := range []*store.Store{s, other} { // both load what organisers put there
			if err := sidecar.NoteRevisions(ctx, map[string]string{challenge: loaded, challenge + "-2": "c"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n, state := range []instancer.State{instancer.Queued, instancer.Queued, instancer.Failed} {
		in := fresh(owner(), challenge)
		in.Revision = "a"
		if err := s.Insert(ctx, in, instancer.Quota{}, event(in, "instance_spawn")); err != nil {
			t.Fatal(n, err)
		}
		if state == instancer.Failed {
			_, err := s.Update(ctx, in.ID, "", instancer.LiveStates, func(in *instancer.Instance) { in.State = state }, event(in, "instance_spawn_failed"))
			if err != nil {
				t.Fatal(err)
			}
		}
	}

	var all []instancer.Revision
	for after := ""; ; {
		page, next, err := other.Revisions(ctx, challenge, after, 1)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if after = next; next == "" {
			break
		}
	}
	if len(all) != 3 || all[0].Revision != "a" || all[1].Revision != "b" || all[2].Revision != "a" {
		t.Fatalf("the history is %+v", all)
	}
	if all[0].Live != 2 || all[0].Instances != 3 || all[1].Live != 0 || all[1].Instances != 0 || !all[0].LoadedAt.After(all[1].LoadedAt) {
		t.Errorf("%+v", all)
	}
	if _, _, err := s.Revisions(ctx, challenge, "no cursor", 1); instancer.CodeOf(err) != "cursor_invalid" {
		t.Errorf("a cursor that is none: %v", err)
	}
}
