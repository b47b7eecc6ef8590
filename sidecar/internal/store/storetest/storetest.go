// Package storetest is what a database must do to be the store: one suite, run on each.
package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

var numbers atomic.Int64

// fresh is an instance that no other test has.
func fresh(owner, challenge string) *whaley.Instance {
	n := numbers.Add(1)
	return &whaley.Instance{
		ID: fmt.Sprintf("%s-%s-%d", challenge, owner, n), Challenge: challenge, Revision: "r1",
		Owner: whaley.Owner{ID: owner, Name: owner + "'s name"}, Player: owner, Slug: "slug" + owner,
		Routes: []whaley.Route{{Service: "web", Port: 80, Type: whaley.RouteHTTP}},
		Terms: whaley.Terms{
			Name: "Web", Dir: "/revisions/1/web", Timeout: time.Hour, ExtendTime: time.Minute, Access: whaley.AccessLink,
			Grace: map[string]time.Duration{"web": 3 * time.Second}, Needed: []string{"db"},
			Restarts: map[string]*whaley.Restart{"web": {Failure: true, Tries: 3}},
		},
		Networks: []whaley.Part{{Name: "back", Subnet: netip.MustParsePrefix("10.240.0.16/28"), Internal: true}},
		State:    whaley.Queued, CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
}

func event(in *whaley.Instance, kind string) whaley.Event {
	return whaley.Event{Type: kind, Instance: in.ID, Challenge: in.Challenge, Owner: in.Owner.ID, Player: in.Player,
		Message: kind, At: in.CreatedAt}
}

func owner() string { return fmt.Sprintf("owner_%d", numbers.Add(1)) }

// Run checks a store; open gives one more connection to the same database each time.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	s, other := open(t), open(t)
	ctx := context.Background()
	insert := func(t *testing.T, in *whaley.Instance) *whaley.Instance {
		t.Helper()
		if err := s.Insert(ctx, in, whaley.Quota{}, event(in, "instance_spawn")); err != nil {
			t.Fatal(err)
		}
		return in
	}

	t.Run("EverybodysInstancesAreListedInPages", func(t *testing.T) { book(t, s) })

	t.Run("OwnersAreFoundByAnyOfTheirNames", func(t *testing.T) { owners(t, s) })
	t.Run("SolvesAreAddedOnceAndTakenBack", func(t *testing.T) { solves(t, s, other) })

	t.Run("LivesAreThoseThatReachIntoTheTime", func(t *testing.T) { lives(t, s) })

	t.Run("WhoIsNoPlayerIsInNothingThatIsCountedOrTold", func(t *testing.T) { noPlayers(t, s, other) })
	t.Run("RunsOfSolversAreKeptTheLatestFirst", func(t *testing.T) { solverRuns(t, s, other) })

	t.Run("WhatWasSeenOfAChallengeIsKept", func(t *testing.T) { costs(t, s, other) })
	t.Run("TheHostIsFullByWhatIsExpected", func(t *testing.T) { expected(t, s, other) })

	t.Run("RememberedPortsAreListedAndForgotten", func(t *testing.T) { portMappings(t, s) })

	t.Run("OrganisersHaveKeysUntilTheseAreRevoked", func(t *testing.T) { organisers(t, s, other) })
	t.Run("SettingsAreKeptWithTheirHistory", func(t *testing.T) { settings(t, s, other) })
	t.Run("ASandboxIsOneInstances", func(t *testing.T) { sandboxes(t, s, other) })
	t.Run("WhatWaitsIsOneOwners", func(t *testing.T) { waiting(t, s, other) })
	t.Run("WhatIsWarmIsOneOwnersWithItsFlags", func(t *testing.T) { warm(t, s, other) })
	t.Run("TheRevisionsOfAChallengeAreItsHistory", func(t *testing.T) { revisions(t, s, other) })
	t.Run("WhatIsInTheLatestRevisionsIsKept", func(t *testing.T) { revisionFiles(t, s, other) })
	t.Run("WhatInstancesPrintedLastIsKept", func(t *testing.T) { printed(t, s, other) })
	t.Run("Flags", func(t *testing.T) { flags(t, s, other) })

	t.Run("AnInstanceIsReadAsItWasWritten", func(t *testing.T) {
		in := insert(t, fresh(owner(), "web"))
		now := time.Now().UTC().Truncate(time.Microsecond)
		want, err := other.Update(ctx, in.ID, []whaley.State{whaley.Queued}, func(in *whaley.Instance) {
			in.State, in.StartedAt, in.ExpiresAt, in.EndedAt = whaley.Failed, now, now.Add(time.Hour), now.Add(time.Minute)
			in.Reason = whaley.Errorf(whaley.Unavailable, "service_exited", "It ended.").After(5 * time.Second)
			in.Subnet, in.Ports = netip.MustParsePrefix("10.240.0.16/28"), map[int]int{9000: 40001}
			in.Addresses, in.Extended = map[string]netip.Addr{"web": netip.MustParseAddr("10.240.0.18")}, 90*time.Second
			in.StopCause, in.Revision = "player", "r2"
		}, event(in, "instance_spawn_failed"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(ctx, in.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
			t.Errorf("(-written +read)\n%s", diff)
		}
		if got.Version != 1 || got.Reason.Code != "service_exited" || !got.ExpiresAt.Equal(now.Add(time.Hour)) {
			t.Errorf("read %+v", got)
		}
		events, err := s.Events(ctx, in.ID)
		if err != nil || len(events) != 2 || events[0].Type != "instance_spawn" || events[1].Type != "instance_spawn_failed" {
			t.Errorf("events %+v %v", events, err)
		}
	})

	t.Run("SpawnTwiceAtOnceMakesOneInstance", func(t *testing.T) {
		who := owner()
		var won, lost atomic.Int64
		var all sync.WaitGroup
		for n := range 16 {
			all.Go(func() {
				in := fresh(who, "web")
				switch err := []*store.Store{s, other}[n%2].Insert(ctx, in, whaley.Quota{PerOwner: 3}, event(in, "instance_spawn")); {
				case err == nil:
					won.Add(1)
				case whaley.CodeOf(err) == whaley.CodeLiveInstance:
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || lost.Load() != 15 {
			t.Errorf("%d won, %d were told that there is one", won.Load(), lost.Load())
		}
	})

	t.Run("AQuotaHoldsAgainstSpawnsAtOnce", func(t *testing.T) {
		who := owner()
		var won, refused atomic.Int64
		var all sync.WaitGroup
		for n := range 12 {
			all.Go(func() {
				in := fresh(who, fmt.Sprintf("challenge-%d", n))
				switch err := []*store.Store{s, other}[n%2].Insert(ctx, in, whaley.Quota{PerOwner: 3}, event(in, "instance_spawn")); {
				case err == nil:
					won.Add(1)
				case whaley.CodeOf(err) == whaley.CodeQuota:
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 3 || refused.Load() != 9 {
			t.Errorf("%d of 12 got in with a quota of 3, %d were refused", won.Load(), refused.Load())
		}
	})

	t.Run("ATransitionNeedsItsState", func(t *testing.T) {
		in := insert(t, fresh(owner(), "web"))
		_, err := s.Update(
			ctx, in.ID, []whaley.State{whaley.Running}, func(in *whaley.Instance) { in.State = whaley.Stopping },
			event(in, "instance_stop"),
		)
		if whaley.CodeOf(err) != whaley.CodeStateChanged {
			t.Errorf("stopping what is queued: %v", err)
		}
		if events, _ := s.Events(ctx, in.ID); len(events) != 1 {
			t.Errorf("a refused transition left an event: %+v", events)
		}
		if _, err := s.Get(ctx, "nothing"); whaley.CodeOf(err) != whaley.CodeInstanceNotFound {
			t.Errorf("an unknown id: %v", err)
		}
		if _, err := s.Update(ctx, "nothing", whaley.LiveStates, func(*whaley.Instance) {}, whaley.Event{}); whaley.CodeOf(
			err,
		) != whaley.CodeInstanceNotFound {
			t.Errorf("an unknown id: %v", err)
		}
	})

	t.Run("TransitionsAtOnceHappenOnce", func(t *testing.T) {
		in := insert(t, fresh(owner(), "web"))
		var won atomic.Int64
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				_, err := []*store.Store{s, other}[n%2].Update(ctx, in.ID, []whaley.State{whaley.Queued},
					func(in *whaley.Instance) { in.State = whaley.Starting }, whaley.Event{})
				if err == nil {
					won.Add(1)
				} else if whaley.CodeOf(err) != whaley.CodeStateChanged {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d made the same transition", won.Load())
		}
	})

	t.Run("AStoppedInstanceMakesRoomForTheNext", func(t *testing.T) {
		who := owner()
		in := insert(t, fresh(who, "web"))
		if _, err := s.Update(
			ctx, in.ID, whaley.LiveStates, func(in *whaley.Instance) { in.State = whaley.Stopped }, whaley.Event{},
		); err != nil {
			t.Fatal(err)
		}
		if found, err := s.LiveByHost(ctx, "web", in.Slug); err != nil || found != nil {
			t.Errorf("its host leads to %+v %v", found, err)
		}
		failed := insert(t, fresh(who, "web"))
		if _, err := s.Update(
			ctx, failed.ID, whaley.LiveStates, func(in *whaley.Instance) { in.State = whaley.Failed }, whaley.Event{},
		); err != nil {
			t.Fatal(err)
		}
		if found, err := s.LiveByHost(ctx, "web", in.Slug); err != nil || found == nil || found.ID != failed.ID {
			t.Errorf("after a failed one its host leads to %+v %v", found, err)
		}
		next := insert(t, fresh(who, "web"))
		if found, err := s.LiveByHost(ctx, "web", in.Slug); err != nil || found == nil || found.ID != next.ID {
			t.Errorf("its host leads to %+v %v, want %s", found, err, next.ID)
		}
		live, err := s.Live(ctx, who)
		if err != nil || len(live) != 1 || live[0].ID != next.ID {
			t.Errorf("live: %+v %v", live, err)
		}
		all, err := s.Live(ctx, "")
		if err != nil || !slices.ContainsFunc(all, func(in *whaley.Instance) bool { return in.ID == next.ID }) {
			t.Errorf("not among all live ones: %v", err)
		}
	})

	t.Run("AfterAFailedStartEverySidecarKeepsToTheBackOff", func(t *testing.T) { backOff(t, s, other) })
	t.Run("AfterInstancesThatEndedByThemselvesTheOwnerWaits", func(t *testing.T) { losses(t, s, other) })

	t.Run("ManyExpireInOneStepAndNoneTwice", func(t *testing.T) {
		now := time.Now().UTC()
		var ids []string
		for n := range 5 {
			in := fresh(owner(), "web")
			in.State, in.ExpiresAt = whaley.Running, now.Add(-time.Second)
			switch n {
			case 3:
				in.ExpiresAt = now.Add(time.Hour) // extended
			case 4:
				in.State = whaley.Stopping
			}
			ids = append(ids, insert(t, in).ID)
		}
		var got atomic.Int64
		var all sync.WaitGroup
		for n := range 4 {
			all.Go(func() {
				expired, err := []*store.Store{s, other}[n%2].Expire(ctx, slices.Concat(ids, []string{"nothing"}), now)
				if err != nil {
					t.Error(err)
				}
				for _, in := range expired {
					if in.State != whaley.Stopping || in.StopCause != whaley.CauseExpired || in.Version != 1 {
						t.Errorf("%+v", in)
					}
					got.Add(1)
				}
			})
		}
		all.Wait()
		if got.Load() != 3 {
			t.Errorf("%d expired, want 3 once each", got.Load())
		}
		for n, id := range ids {
			in, err := s.Get(ctx, id)
			events, _ := s.Events(ctx, id)
			if want := []int{2, 2, 2, 1, 1}[n]; err != nil || len(events) != want || n < 3 && in.State != whaley.Stopping ||
				n == 3 && in.State != whaley.Running {
				t.Errorf("%d is %+v with %d events", n, in, len(events))
			}
		}
	})

	t.Run("AHostThatIsFullSaysSo", func(t *testing.T) {
		live, err := s.Live(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		var used int64
		for _, in := range live {
			used += in.Needs()
		}
		in := fresh(owner(), "web")
		in.Memory = 64 << 20
		for what, q := range map[string]whaley.Quota{"count": {Total: len(live)}, "memory": {Memory: used + in.Memory - 1}} {
			if err := s.Insert(ctx, in, q, event(in, "instance_spawn")); whaley.CodeOf(err) != whaley.CodeHostFull {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := s.Insert(ctx, in, whaley.Quota{Total: len(live) + 1, Memory: used + in.Memory}, event(in, "instance_spawn")); err != nil {
			t.Errorf("the last one: %v", err)
		}
	})

	t.Run("WhatSleepsHoldsItsPlaceAndNoMemory", func(t *testing.T) { sleeps(t, s, other) })
	t.Run("InstancesAreFoundByATermThatFewHave", func(t *testing.T) { foundByTerm(t, s, other) })

	t.Run("ReservationsAreUnique", func(t *testing.T) {
		prefix := netip.MustParsePrefix("10.99.0.16/28")
		if err := s.TakeSubnet(ctx, prefix, "a"); err != nil {
			t.Fatal(err)
		}
		if err := other.TakeSubnet(ctx, prefix, "b"); whaley.CodeOf(err) != whaley.CodeSubnetTaken {
			t.Errorf("the same subnet for another: %v", err)
		}
		if held, err := other.HeldSubnets(ctx); err != nil || held[prefix] != "a" {
			t.Errorf("held %v %v", held, err)
		}
		if err := s.DropSubnets(ctx, "a"); err != nil {
			t.Fatal(err)
		}
		if err := other.TakeSubnet(ctx, prefix, "b"); err != nil {
			t.Errorf("a released subnet: %v", err)
		}
		if err := s.TakePort(ctx, 40001, "a", "alice", "pwn", 9000); err != nil {
			t.Fatal(err)
		}
		if err := other.TakePort(ctx, 40001, "b", "bob", "pwn", 9000); whaley.CodeOf(err) != whaley.CodePortTaken {
			t.Errorf("the same port for another: %v", err)
		}
		if own, err := s.InstancePorts(ctx, "a"); err != nil || own[9000] != 40001 {
			t.Errorf("own ports %v %v", own, err)
		}
		if err := s.DropPorts(ctx, "a"); err != nil {
			t.Fatal(err)
		}
		if last, err := other.LastPorts(ctx, "alice", "pwn"); err != nil || last[9000] != 40001 {
			t.Errorf("alice's last ports %v %v", last, err)
		}
		if err := s.TakePort(ctx, 40002, "c", "alice", "pwn", 9000); err != nil {
			t.Fatal(err)
		}
		if last, err := s.LastPorts(ctx, "alice", "pwn"); err != nil || last[9000] != 40002 {
			t.Errorf("alice's last ports %v %v", last, err)
		}
	})

	t.Run("ASessionLastsUntilItIsEnded", func(t *testing.T) { sessions(t, s, other) })
	t.Run("APlayerHasSoManySignInsAndNobodyElsesEnd", func(t *testing.T) { manySessions(t, s, other) })
	t.Run("ChallengeSettingsAreReadAsTheyWereWritten", func(t *testing.T) { challengeSettings(t, s, other) })

	t.Run("WhatIsMadeOnceStays", func(t *testing.T) {
		for n, from := range []*store.Store{s, other, s} {
			got, err := from.Meta(ctx, "deployment", func() string { return fmt.Sprint("made by ", n) })
			if err != nil || got != "made by 0" {
				t.Errorf("%q %v", got, err)
			}
		}
	})

	t.Run("ACodeIsRedeemedOnce", func(t *testing.T) {
		var firsts atomic.Int64
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				first, err := []*store.Store{s, other}[n%2].UseCode(ctx, "code", time.Now().Add(time.Minute))
				if err != nil {
					t.Error(err)
				}
				if first {
					firsts.Add(1)
				}
			})
		}
		all.Wait()
		if firsts.Load() != 1 {
			t.Errorf("%d redeemed one code", firsts.Load())
		}
	})

	events(t, s, other)
	t.Run("WhatLivesIsCounted", func(t *testing.T) { counted(t, s, other) })
	t.Run("WhoIsToBeToldOfAnEventIsKept", func(t *testing.T) { outgoing(t, s, other) })
	t.Run("CapturesAreFoundAndRemoved", func(t *testing.T) { captures(t, s, other) })

	t.Run("ADatabaseOutOfReachIsNamedSo", func(t *testing.T) {
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := s.Get(gone, "x"); whaley.CodeOf(err) != "database_unavailable" {
			t.Errorf("%v", err)
		}
	})
}
