package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// backOff lets starts of one owner fail, stop and succeed on one sidecar, and asks for the next one on another.
func backOff(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	who, n := owner(), 0
	now := time.Now().UTC().Truncate(time.Microsecond)
	insert := func(s *store.Store, challenge string, q whaley.Quota) (*whaley.Instance, error) {
		in := fresh(who, challenge)
		in.CreatedAt = now
		err := s.Insert(ctx, in, q, event(in, "instance_spawn"))
		return in, err
	}
	must := func(in *whaley.Instance, err error) *whaley.Instance {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	become := func(in *whaley.Instance, state whaley.State) {
		t.Helper()
		_, err := s.Update(ctx, in.ID, whaley.LiveStates, func(in *whaley.Instance) {
			in.State = state
			switch state {
			case whaley.Failed:
				n++
				in.Failures++
				in.EndedAt, in.Reason = now, whaley.Errorf(whaley.Unavailable, "service_exited", "It ended, try %d.", n).After(
					10*time.Second,
				)
			case whaley.Running:
				in.Failures = 0
			}
		}, whaley.Event{})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []whaley.Quota{{BackOff: true}, {BackOff: true, PerOwner: 2}} {
		challenge := fmt.Sprint("challenge-", q.PerOwner)
		first := must(insert(s, challenge, q))
		become(first, whaley.Failed)
		now = now.Add(4 * time.Second)
		_, err := insert(other, challenge, q)
		if reason, ok := err.(*whaley.Error); !ok || reason.Code != "service_exited" ||
			reason.Detail != fmt.Sprintf("It ended, try %d.", n) || reason.RetryAfter != 6*time.Second {
			t.Errorf("the other sidecar says %v to a second try", err)
		}
		if another, err := insert(other, challenge+"-other", q); err != nil {
			t.Errorf("another challenge: %v", err)
		} else {
			become(another, whaley.Stopped)
		}
		listed, err := other.LiveOrFailed(ctx, who, now.Add(-time.Minute))
		if err != nil || len(listed) == 0 || listed[len(listed)-1].ID != first.ID || listed[len(listed)-1].BackOff(now) == nil {
			t.Errorf("listed are %+v %v", listed, err)
		}
		if listed, err = other.LiveOrFailed(ctx, who, now); err != nil || len(listed) > 0 {
			t.Errorf("listed since now: %+v %v", listed, err)
		}
		// An organiser need not wait, and how often it failed is carried on, also by one that is stopped before it runs.
		forced := must(insert(other, challenge, whaley.Quota{}))
		become(forced, whaley.Stopped)
		now = now.Add(6 * time.Second)
		third := must(insert(other, challenge, q))
		become(third, whaley.Failed)
		now = now.Add(10 * time.Second)
		fourth := must(insert(s, challenge, q))
		if forced.Failures != 1 || third.Failures != 1 || fourth.Failures != 2 {
			t.Errorf("failed before: %d, %d, %d times", forced.Failures, third.Failures, fourth.Failures)
		}
		if listed, err = other.LiveOrFailed(ctx, who, now.Add(-time.Minute)); err != nil || len(listed) < 2 ||
			listed[0].ID != fourth.ID {
			t.Errorf("the live one is not listed first: %+v %v", listed, err)
		}
		become(fourth, whaley.Running)
		become(fourth, whaley.Stopped)
		if fifth := must(insert(other, challenge, q)); fifth.Failures != 0 {
			t.Errorf("after one that ran, %d failures are counted", fifth.Failures)
		} else {
			become(fifth, whaley.Stopped)
		}
		now = now.Add(2 * time.Minute)
	}
}

// losses lets instances of one owner end by themselves on one sidecar, and asks for the next one on another.
func losses(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	who, now := owner(), time.Now().UTC().Truncate(time.Microsecond)
	insert := func(s *store.Store, challenge string, q whaley.Quota) (*whaley.Instance, error) {
		in := fresh(who, challenge)
		in.CreatedAt, in.Player = now, who
		err := s.Insert(ctx, in, q, event(in, "instance_spawn"))
		return in, err
	}
	lose := func(challenge string, reason *whaley.Error) *whaley.Instance {
		t.Helper()
		in, err := insert(s, challenge, whaley.Quota{BackOff: true})
		if err == nil {
			_, err = s.Update(ctx, in.ID, whaley.LiveStates, func(in *whaley.Instance) {
				in.State, in.StopCause, in.EndedAt, in.Reason = whaley.Stopped, whaley.CauseLost, now, reason
				in.Losses++
			}, whaley.Event{})
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
	second := lose("lost", whaley.Errorf(whaley.Exhausted, "lost_again", "It ended.").After(10*time.Second))
	if second.Losses != 1 {
		t.Errorf("%d losses before the second", second.Losses)
	}
	now = now.Add(4 * time.Second)
	_, err := insert(other, "lost", whaley.Quota{BackOff: true})
	if reason, ok := err.(*whaley.Error); !ok || reason.Code != "lost_again" || reason.RetryAfter != 6*time.Second {
		t.Errorf("the other sidecar says %v to a third try", err)
	}
	if in, err := other.LiveByHost(ctx, "lost", second.Slug); err != nil || in == nil || in.ID != second.ID ||
		in.BackOff(now) == nil || in.Losses != 2 {
		t.Errorf("after the second loss its host is %+v %v", in, err)
	}
	if _, err := insert(other, "another", whaley.Quota{BackOff: true, PerMinute: 2}); whaley.CodeOf(err) != "too_fast" {
		t.Errorf("a third start within a minute of which two are allowed: %v", err)
	} else if reason, ok := err.(*whaley.Error); !ok || reason.RetryAfter != 56*time.Second {
		t.Errorf("there is room again: %+v", err)
	}
	now = now.Add(56 * time.Second)
	if in, err := insert(other, "lost", whaley.Quota{BackOff: true, PerMinute: 2}); err != nil || in.Losses != 2 {
		t.Errorf("a minute later: %+v %v", in, err)
	}
}
