package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func freshFlag(who, challenge string) *whaley.IssuedFlag {
	token := fmt.Sprintf("%016x", numbers.Add(1)<<20|time.Now().UnixNano()&0xfffff)
	return &whaley.IssuedFlag{
		Challenge: challenge, Owner: whaley.Owner{ID: who, Name: who + "'s name"},
		Value: `FLAG{"ünï` + "'" + `_` + token + "}", Token: token,
		CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
}

func flags(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	challenge := owner()

	t.Run("AnOwnerWhoAsksManyTimesAtOnceHasOneFlag", func(t *testing.T) {
		who := owner()
		values := make([]string, 12)
		var all sync.WaitGroup
		for n := range values {
			all.Go(func() {
				f, err := []*store.Store{s, other}[n%2].IssueFlag(ctx, freshFlag(who, challenge), whaley.Event{})
				if err != nil {
					t.Error(err)
					return
				}
				values[n] = f.Value
			})
		}
		all.Wait()
		for _, v := range values {
			if v != values[0] || v == "" {
				t.Errorf("one owner has several: %q", values)
				break
			}
		}
	})

	t.Run("ARetiredFlagIsKeptAndItsOwnerGetsAnother", func(t *testing.T) {
		who := owner()
		old, err := s.IssueFlag(ctx, freshFlag(who, challenge), whaley.Event{})
		if err != nil {
			t.Fatal(err)
		}
		next := freshFlag(who, challenge)
		retired, err := other.RetireFlags(
			ctx, old.ID, "", "an admin", "rotated", time.Now(), func(*whaley.IssuedFlag) *whaley.IssuedFlag { return next },
		)
		if err != nil || len(retired) != 1 {
			t.Fatal(retired, err)
		}
		now, err := s.CurrentFlag(ctx, who, challenge, "")
		if err != nil || now.Value != next.Value {
			t.Errorf("%+v %v", now, err)
		}
		found, err := s.FlagsByToken(ctx, []string{old.Token, "no such", next.Token})
		if err != nil || len(found) != 2 {
			t.Errorf("%+v %v", found, err)
		}
		if again, err := s.RetireFlags(ctx, old.ID, "", "", "", time.Now(), nil); err != nil || len(again) != 0 {
			t.Errorf("retired twice: %v %v", again, err)
		}
		list, err := s.ListFlags(ctx, whaley.FlagFilter{Owner: who, Retired: true}, "", 10)
		if err != nil || len(list) != 2 || list[1].RetiredWhy != "rotated" || list[1].RetiredBy != "an admin" {
			t.Errorf("%+v %v", list, err)
		}
		if list, err = s.ListFlags(ctx, whaley.FlagFilter{Owner: who, Retired: true}, list[0].ID, 10); err != nil ||
			len(list) != 1 || list[0].ID != old.ID {
			t.Errorf("second page: %+v %v", list, err)
		}
	})

	t.Run("EachPartOfAChallengeHasAFlagAndAMappingOfItsOwn", func(t *testing.T) {
		challenge, who := owner(), owner()
		id := int(numbers.Add(1)) + 20_000
		for _, part := range []string{"", "safe", "3"} {
			f := freshFlag(who, challenge)
			f.Part = part
			for range 2 {
				if got, err := s.IssueFlag(ctx, f, whaley.Event{}); err != nil || got.Value != f.Value || got.Part != part {
					t.Fatalf("%q: %+v %v", part, got, err)
				}
			}
		}
		in := func() map[string][]int { // of each part where it is wanted
			all, err := other.CurrentFlags(ctx, who, challenge)
			if err != nil || len(all) != 3 {
				t.Fatal(all, err)
			}
			places := map[string][]int{}
			for _, f := range all {
				for _, r := range f.Registrations {
					if r.State == whaley.RegistrationPending {
						places[f.Part] = append(places[f.Part], r.CTFdChallenge)
					}
				}
			}
			return places
		}
		step := func(what string, do func() error, want map[string][]int) {
			t.Helper()
			if err := do(); err != nil {
				t.Fatal(what, err)
			}
			if diff := cmp.Diff(want, in()); diff != "" {
				t.Error(what, diff)
			}
		}
		mapTo := func(part string, to int) func() error {
			return func() error {
				return other.Map(ctx, &whaley.Mapping{Challenge: challenge, Part: part, CTFdChallenge: to, CreatedAt: time.Now()})
			}
		}
		step("a part alone", mapTo("safe", id+1), map[string][]int{"safe": {id + 1}})
		step("the challenge", mapTo("", id), map[string][]int{"": {id}, "safe": {id + 1}, "3": {id}})
		step("another part", mapTo("3", id+1), map[string][]int{"": {id}, "safe": {id + 1}, "3": {id + 1}})
		if err := s.Map(ctx, &whaley.Mapping{Challenge: owner(), CTFdChallenge: id + 1, CreatedAt: time.Now()}); whaley.CodeOf(
			err,
		) != "mapping_taken" {
			t.Error("a part's place is another challenge's too", err)
		}
		unmap := func() error { _, err := s.Unmap(ctx, challenge, "safe"); return err }
		step("no mapping of its own any more", unmap, map[string][]int{"": {id}, "safe": {id}, "3": {id + 1}})
	})

	t.Run("FlagsGoWhereTheirChallengeIsMapped", func(t *testing.T) {
		challenge, who := owner(), owner()
		id := int(numbers.Add(1)) + 1000
		before, err := s.IssueFlag(ctx, freshFlag(who, challenge), whaley.Event{})
		if err != nil || len(before.Registrations) != 0 {
			t.Fatal(before, err)
		}
		mapTo := func(to int) error {
			return other.Map(
				ctx, &whaley.Mapping{Challenge: challenge, CTFdChallenge: to, CTFdName: "name", CreatedAt: time.Now()},
			)
		}
		if err := mapTo(id); err != nil {
			t.Fatal(err)
		}
		due := dueOf(t, s, before.ID)
		if len(due) != 1 || due[0].CTFdChallenge != id || due[0].Value != before.Value ||
			due[0].State != whaley.RegistrationPending {
			t.Fatalf("%+v", due)
		}
		done := due[0]
		done.State, done.CTFdFlag, done.ChangedAt = whaley.RegistrationLive, 77, time.Now()
		if err := s.Registered(ctx, due[0], done, 0, whaley.Event{}); err != nil {
			t.Fatal(err)
		}
		if due := dueOf(t, s, before.ID); len(due) != 0 {
			t.Errorf("done, and still due: %+v", due)
		}
		if err := mapTo(id + 500); err != nil {
			t.Fatal(err)
		}
		states := map[int]whaley.RegistrationState{}
		for _, r := range dueOf(t, s, before.ID) {
			states[r.CTFdChallenge] = r.State
		}
		if diff := cmp.Diff(
			map[int]whaley.RegistrationState{id: whaley.RegistrationRemoving, id + 500: whaley.RegistrationPending}, states,
		); diff != "" {
			t.Error(diff)
		}
		err = s.Map(ctx, &whaley.Mapping{Challenge: owner(), CTFdChallenge: id + 500, CreatedAt: time.Now()})
		if whaley.CodeOf(err) != "mapping_taken" {
			t.Errorf("two challenges are one of CTFd: %v", err)
		}
		if had, err := s.Unmap(ctx, challenge, ""); err != nil || !had {
			t.Error(had, err)
		}
		if m, err := s.Mapping(ctx, challenge); m != nil || err != nil {
			t.Error(m, err)
		}
	})

	t.Run("WhatFailedIsNotDueBeforeItsTime", func(t *testing.T) {
		challenge, who := owner(), owner()
		if err := s.Map(
			ctx, &whaley.Mapping{Challenge: challenge, CTFdChallenge: int(numbers.Add(1)) + 5000, CreatedAt: time.Now()},
		); err != nil {
			t.Fatal(err)
		}
		f, err := s.IssueFlag(ctx, freshFlag(who, challenge), whaley.Event{})
		if err != nil {
			t.Fatal(err)
		}
		was := dueOf(t, s, f.ID)[0]
		now := was
		now.State, now.Tries, now.Reason, now.ChangedAt = whaley.RegistrationFailed, 1, "why", time.Now()
		if err := s.Registered(ctx, was, now, time.Hour, whaley.Event{}); err != nil {
			t.Fatal(err)
		}
		if due := dueOf(t, other, f.ID); len(due) != 0 {
			t.Errorf("%+v", due)
		}
		if err := other.TryRegistrationsNow(ctx); err != nil {
			t.Fatal(err)
		}
		if due := dueOf(t, s, f.ID); len(due) != 1 || due[0].Tries != 1 || due[0].Reason != "why" {
			t.Errorf("%+v", due)
		}
		// It was taken out of use meanwhile: what a try before that found out must not bring it back.
		if _, err := s.RetireFlags(ctx, "", who, "", "deleted", time.Now(), nil); err != nil {
			t.Fatal(err)
		}
		live := now
		live.State = whaley.RegistrationLive
		if err := s.Registered(ctx, now, live, 0, whaley.Event{}); err != nil {
			t.Fatal(err)
		}
		if due := dueOf(t, s, f.ID); len(due) != 1 || due[0].State != whaley.RegistrationRemoving {
			t.Errorf("%+v", due)
		}
	})

	t.Run("AFindingIsOneEntryHoweverOften", func(t *testing.T) {
		found := func(id, score int) *whaley.Suspicion {
			return &whaley.Suspicion{
				Kind: whaley.SuspicionSharing, Key: challenge, Score: score, Reasons: []whaley.Reason{{Code: "x", Text: "y"}},
				Challenge: challenge,
				Submitter: whaley.Party{OwnerID: "a"}, Owner: &whaley.Party{OwnerID: "b"}, FoundAt: time.Now(),
				Submissions: []whaley.SubmissionCopy{{ID: id, Provided: "p\u00e9", At: time.Unix(int64(score), 0).UTC()}},
			}
		}
		news := 0
		for _, one := range []*whaley.Suspicion{found(1, 70), found(1, 70), found(2, 60), found(1, 85)} {
			isNew, err := s.Suspect(ctx, one, whaley.Event{})
			if err != nil {
				t.Fatal(err)
			}
			if isNew {
				news++
			}
		}
		f := whaley.SuspicionFilter{Challenge: challenge, Owner: "b", Review: whaley.ReviewOpen}
		list, err := other.ListSuspicions(ctx, f, "", 10)
		if err != nil || news != 1 || len(list) != 1 || list[0].Score != 85 || len(list[0].Submissions) != 3 {
			t.Fatalf("%d new, %+v %v", news, list, err)
		}
		got, err := s.ReviewSuspicion(ctx, list[0].ID, whaley.ReviewConfirmed, "talked to them", "an admin", time.Now())
		if err != nil || got.Review != whaley.ReviewConfirmed || got.Note != "talked to them" || got.ReviewedAt.IsZero() {
			t.Errorf("%+v %v", got, err)
		}
		if n, err := s.CountSuspicions(ctx, f); n != 0 || err != nil {
			t.Errorf("%d open %v", n, err)
		}
		if _, err := s.ReviewSuspicion(ctx, "none", whaley.ReviewOpen, "", "", time.Now()); whaley.CodeOf(err) != "suspicion_not_found" {
			t.Error(err)
		}
		if _, err := s.ClearSuspicions(ctx, time.Now()); err != nil {
			t.Fatal(err)
		}
		if isNew, err := s.Suspect(ctx, found(3, 99), whaley.Event{}); isNew || err != nil {
			t.Errorf("what was cleared comes back: %v %v", isNew, err)
		}
	})

	t.Run("TheFirstContactStays", func(t *testing.T) {
		in := fresh(owner(), challenge)
		if err := s.Insert(ctx, in, whaley.Quota{}, whaley.Event{}); err != nil {
			t.Fatal(err)
		}
		first := time.Now().UTC().Truncate(time.Microsecond)
		for n := range 2 {
			if err := other.Contacted(ctx, map[string]time.Time{in.ID: first.Add(time.Duration(n) * time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		history, err := s.History(ctx, challenge, []string{in.Owner.ID})
		if err != nil || len(history) != 1 || history[0].ContactAt == nil || !history[0].ContactAt.Equal(first) ||
			history[0].StartedAt != nil {
			t.Errorf("%+v %v", history, err)
		}
	})

	t.Run("HowFarSubmissionsWereReadIsKept", func(t *testing.T) {
		want := whaley.Scan{
			Total: 60_000, LastID: 61_234, LastAt: time.Now().UTC().Truncate(time.Microsecond), Requests: 3, Problem: "p",
		}
		for range 2 {
			if err := s.SaveScan(ctx, want); err != nil {
				t.Fatal(err)
			}
		}
		got, err := other.Scan(ctx)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
}

func dueOf(t *testing.T, s *store.Store, flag string) []whaley.Registration {
	t.Helper()
	all, err := s.DueRegistrations(context.Background(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	var own []whaley.Registration
	for _, r := range all {
		if r.Flag == flag {
			own = append(own, r)
		}
	}
	return own
}
