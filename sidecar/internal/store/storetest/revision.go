package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func revisions(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	challenge := owner() + "-challenge"
	for n, loaded := range []string{"a", "a", "b", "b", "a"} {
		for k, sidecar := range []*store.Store{s, other} { // both load what organisers put there
			by := fmt.Sprint(n, k)
			_, err := sidecar.NoteRevisions(ctx, []whaley.Revision{
				{Challenge: challenge, Revision: loaded, Origin: whaley.OriginEdit, By: by},
				{Challenge: challenge + "-2", Revision: "c"},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for n, state := range []whaley.State{whaley.Queued, whaley.Queued, whaley.Failed} {
		in := fresh(owner(), challenge)
		in.Revision = "a"
		if err := s.Insert(ctx, in, whaley.Quota{}, event(in, "instance_spawn")); err != nil {
			t.Fatal(n, err)
		}
		if state == whaley.Failed {
			_, err := s.Update(
				ctx, in.ID, whaley.LiveStates, func(in *whaley.Instance) { in.State = state }, event(in, "instance_spawn_failed"),
			)
			if err != nil {
				t.Fatal(err)
			}
		}
	}

	var all []whaley.Revision
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
	if all[0].Live != 2 || all[0].Instances != 3 || all[1].Live != 0 || all[1].Instances != 0 ||
		!all[0].LoadedAt.After(all[1].LoadedAt) {
		t.Errorf("%+v", all)
	}
	for n, by := range []string{"4 0", "2 0", "0 0"} { // who was first
		if all[n].By != by || all[n].Origin != whaley.OriginEdit {
			t.Errorf("entry %d is of %q %q", n, all[n].Origin, all[n].By)
		}
	}
	if _, _, err := s.Revisions(ctx, challenge, "no cursor", 1); whaley.CodeOf(err) != "cursor_invalid" {
		t.Errorf("a cursor that is none: %v", err)
	}
}

// revisionFiles: what is in a revision is asked for once, and kept of the latest 50.
func revisionFiles(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	challenge := owner() + "-challenge"
	note := func(sidecar *store.Store, revision string) []string {
		t.Helper()
		bare, err := sidecar.NoteRevisions(ctx, []whaley.Revision{{Challenge: challenge, Revision: revision}})
		if err != nil {
			t.Fatal(err)
		}
		return bare
	}
	for n := range 55 {
		revision := fmt.Sprint("r", n)
		for range 2 { // whoever died between the two is asked again
			if bare := note(s, revision); !slices.Equal(bare, []string{challenge}) {
				t.Fatalf("%s: asked for that of %v", revision, bare)
			}
		}
		for _, files := range []string{"files of " + revision, "told again"} {
			if err := s.KeepRevisionFiles(ctx, challenge, revision, files); err != nil {
				t.Fatal(err)
			}
		}
		if bare := note(other, revision); len(bare) > 0 {
			t.Fatalf("%s: asked for that of %v, which is kept", revision, bare)
		}
	}
	for n, want := range map[int]string{0: "", 4: "", 5: "files of r5", 54: "files of r54"} {
		if got, err := other.RevisionFiles(ctx, challenge, fmt.Sprint("r", n)); err != nil || got != want {
			t.Errorf("r%d: %q %v, want %q", n, got, err, want)
		}
	}
}
