package storetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func organisers(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	now := time.Now().UTC().Truncate(time.Microsecond)
	want := whaley.OrganiserKey{
		ID: owner(), Name: "Ada " + owner(), Role: whaley.RoleOperator, Hash: owner(), CreatedAt: now, CreatedBy: "admin key at ::1",
	}
	line := func(message string) context.Context {
		return whaley.WithAudit(ctx, &whaley.Audit{Event: whaley.Event{
			Type: "admin_organiser_key", Player: want.ID, Message: message, At: now,
		}})
	}
	if err := s.AddOrganiserKey(line("made"), want); err != nil {
		t.Fatal(err)
	}
	for what, find := range map[string]func() (whaley.OrganiserKey, error){
		"hash": func() (whaley.OrganiserKey, error) { return other.OrganiserKeyByHash(ctx, want.Hash) },
		"id":   func() (whaley.OrganiserKey, error) { return other.OrganiserKeyByID(ctx, want.ID) },
	} {
		got, err := find()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("by %s: %v (-want +got)\n%s", what, err, diff)
		}
	}
	for what, of := range map[string]func(context.Context, string) (whaley.OrganiserKey, error){
		"an id for a hash": s.OrganiserKeyByHash, "nothing": s.OrganiserKeyByID,
	} {
		if _, err := of(ctx, map[string]string{"an id for a hash": want.ID}[what]); whaley.CodeOf(err) != "key_refused" {
			t.Errorf("%s: %v", what, err)
		}
	}
	same := want
	same.ID, same.Hash = owner(), owner()
	if err := other.AddOrganiserKey(ctx, same); whaley.CodeOf(err) != "organiser_exists" {
		t.Errorf("a second key for a name: %v", err)
	}
	if err := other.RevokeOrganiserKey(line(""), want.ID, "Bo at ::1", now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeOrganiserKey(ctx, want.ID, "Bo", now); whaley.CodeOf(err) != "organiser_not_found" {
		t.Errorf("revoked twice: %v", err)
	}
	if _, err := s.OrganiserKeyByHash(ctx, want.Hash); whaley.CodeOf(err) != "key_refused" {
		t.Errorf("a revoked key: %v", err)
	}
	want.RevokedAt, want.RevokedBy = now.Add(time.Hour), "Bo at ::1"
	if all, err := s.OrganiserKeys(ctx); err != nil || len(all) == 0 || !cmp.Equal(all[0], want) {
		t.Errorf("the list: %v %+v", err, all)
	}
	told, err := s.FindEvents(ctx, whaley.EventQuery{Player: want.ID, Limit: 10})
	if err != nil || len(told) != 2 || told[0].Message != "key of "+want.Name+" (operator) revoked" {
		t.Errorf("the log of events: %v %+v", err, told)
	}
	onlyOneOfManyGetsAName(t, s, other)
}

func onlyOneOfManyGetsAName(t *testing.T, s, other *store.Store) {
	var all sync.WaitGroup
	name, made := "Only "+owner(), make(chan error, 8)
	for n := range cap(made) {
		all.Go(func() {
			made <- []*store.Store{s, other}[n%2].AddOrganiserKey(context.Background(), whaley.OrganiserKey{
				ID: owner(), Name: name, Role: whaley.RoleViewer, Hash: owner(), CreatedAt: time.Now(),
			})
		})
	}
	all.Wait()
	close(made)
	count := 0
	for err := range made {
		if err == nil {
			count++
		} else if whaley.CodeOf(err) != "organiser_exists" {
			t.Error(err)
		}
	}
	if count != 1 {
		t.Errorf("%d keys for one name", count)
	}
}
