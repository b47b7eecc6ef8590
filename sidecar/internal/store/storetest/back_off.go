package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

// backOff lets starts of one owner fail, stop and succeed on one sidecar, and asks for the next one on another.
func backOff(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	who, n := owner(), 0
	now := time.Now().UTC().Truncate(time.Microsecond)
	insert := func(s *store.Store, challenge string, q instancer.Quota) (*instancer.Instance, error) {
		in := fresh(who, challenge)
		in.CreatedAt = now
		err := s.Insert(ctx, in, q, event(in, "instance_spawn"))
		return in, err
	}
	must := func(in *instancer.Instance, err error) *instancer.Instance {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	become := func(in *instancer.Instance, state instancer.State) {
		t.Helper()
		_, err := s.Update(ctx, in.ID, "", instancer.LiveStates, func(in *instancer.Instance) {
			in.State = state
			switch state {
			case instancer.Failed:
				n++
				in.Failures++
				in.EndedAt, in.Reason = now, instancer.Errorf(instancer.Unavailable, "service_exited", "It ended, try %d.", n).After(10*time.Second)
			case instancer.Running:
				in.Failures = 0
			}
		}, instancer.Event{})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []instancer.Quota{{BackOff: true}, {BackOff: true, PerOwner: 2}} {
		challenge := fmt.Sprint("challenge-", q.PerOwner)
		first := must(insert(s, challenge, q))
		become(first, instancer.Failed)
		now = now.Add(4 * time.Second)
		_, err := insert(other, challenge, q)
		if reason, ok := err.(*instancer.Error); !ok || reason.Code != "service_exited" || reason.Detail != fmt.Sprintf("It ended, try %d.", n) || reason.RetryAfter != 6*time.Second {
			t.Errorf("the other sidecar says %v to a second try", err)
		}
		if another, err := insert(other, challenge+"-other", q); err != nil {
			t.Errorf("another challenge: %v", err)
		} else {
			become(another, instancer.Stopped)
		}
		listed, err := other.LiveOrFailed(ctx, who, now.Add(-time.Minute))
		if err != nil || len(listed) == 0 || listed[len(listed)-1].ID != first.ID || listed[len(listed)-1].BackOff(now) == nil {
			t.Errorf("listed are %+v %v", listed, err)
		}
		if listed, err = other.LiveOrFailed(ctx, who, now); err != nil || len(listed) > 0 {
			t.Errorf("listed since now: %+v %v", listed, err)
		}
		// An organiser need not wait, and how often it failed is carried on, also by one that is stopped before it runs.
		forced := must(insert(other, challenge, instancer.Quota{}))
		become(forced, instancer.Stopped)
		now = now.Add(6 * time.Second)
		third := must(insert(other, challenge, q))
		become(third, instancer.Failed)
		now = now.Add(10 * time.Second)
		fourth := must(insert(s, challenge, q))
		if forced.Failures != 1 || third.Failures != 1 || fourth.Failures != 2 {
			t.Errorf("failed before: %d, %d, %d times", forced.Failures, third.Failures, fourth.Failures)
		}
		if listed, err = other.LiveOrFailed(ctx, who, now.Add(-time.Minute)); err != nil || len(listed) < 2 || listed[0].ID != fourth.ID {
			t.Errorf("the live one is not listed first: %+v %v", listed, err)
		}
		become(fourth, instancer.Running)
		become(fourth, instancer.Stopped)
		if fifth := must(insert(other, challenge, q)); fifth.Failures != 0 {
			t.Errorf("after one that ran, %d failures are counted", fifth.Failures)
		} else {
			become(fifth, instancer.Stopped)
		}
		now = now.Add(2 * time.Minute)
	}
}

// losses lets instances of one owner end by themselves on one sidecar, and asks for the next one on another.
func losses(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	who, now := owner(), time.Now().UTC().Truncate(time.Microsecond)
	insert := func(s *store.Store, challenge string, q instancer.Quota) (*instancer.Instance, error) {
		in := fresh(who, challenge)
		in.CreatedAt, in.Player = now, who
		err := s.Insert(ctx, in, q, event(in, "instance_spawn"))
		return in, err
	}
	lose := func(challenge string, reason *instancer.Error) *instancer.Instance {
		t.Helper()
		in, err := insert(s, challenge, instancer.Quota{BackOff: true})
		if err == nil {
			_, err = s.Update(ctx, in.ID, "", instancer.LiveStates, func(in *instancer.Instance) {
				in.State, in.StopCause, in.EndedAt, in.Reason = instancer.Stopped, instancer.CauseLost, now, reason
				in.Losses++
			}, instancer.Event{})
		}
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	first := lose("lost", nil)
	if in, err := other.LiveByHost(ctx, "lost", first.Slug); err != nil || in != nil {
		t.Errorf("after the first loss its host is %+v %v", in, err)
	}
	second := lose("lost", instancer.Errorf(instancer.Exhausted, "lost_again", "It ended.").After(10*time.Second))
	if second.Losses != 1 {
		t.Errorf("%d losses before the second", second.Losses)
	}
	now = now.Add(4 * time.Second)
	_, err := insert(other, "lost", instancer.Quota{BackOff: true})
	if reason, ok := err.(*instancer.Error); !ok || reason.Code != "lost_again" || reason.RetryAfter != 6*time.Second {
		t.Errorf("the other sidecar says %v to a third try", err)
	}
	if in, err := other.LiveByHost(ctx, "lost", second.Slug); err != nil || in == nil || in.ID != second.ID || in.BackOff(now) == nil || in.Losses != 2 {
		t.Errorf("after the second loss its host is %+v %v", in, err)
	}
	if _, err := insert(other, "another", instancer.Quota{BackOff: true, PerMinute: 2}); instancer.CodeOf(err) != "too_fast" {
		t.Errorf("a third start within a minute of which two are allowed: %v", err)
	} else if reason, ok := err.(*instancer.Error); !ok || reason.RetryAfter != 56*time.Second {
		t.Errorf("there is room again: %+v", err)
	}
	now = now.Add(56 * time.Second)
	if in, err := insert(other, "lost", instancer.Quota{BackOff: true, PerMinute: 2}); err != nil || in.Losses != 2 {
		t.Errorf("a minute later: %+v %v", in, err)
	}
}
