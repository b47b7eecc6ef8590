package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func challengeSettings(t *testing.T, s, other *store.Store) {
	ctx := context.Background()
	want := whaley.ChallengeSetting{
		Challenge: owner(), Active: true, UpdatedAt: time.Now().UTC().Truncate(time.Microsecond), UpdatedBy: "an admin",
		Limits:  whaley.Limits{MemoryBytes: 5 << 30, NanoCPUs: 15e8, Pids: 7},
		OpensAt: time.Now().UTC().Add(time.Hour).Truncate(time.Microsecond),
	}
	for _, active := range []bool{true, false} {
		want.Active = active
		if err := s.SetChallenge(
			ctx, want, whaley.Event{Type: "admin_challenge_toggle", Challenge: want.Challenge, At: want.UpdatedAt},
		); err != nil {
			t.Fatal(err)
		}
		all, err := other.ChallengeSettings(ctx)
		if diff := cmp.Diff(want, all[want.Challenge]); err != nil || diff != "" {
			t.Errorf("%v (-want +got)\n%s", err, diff)
		}
	}
	for range 2 {
		if err := other.ForgetChallenge(ctx, want.Challenge); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := s.ChallengeSettings(ctx); err != nil || all[want.Challenge].Challenge != "" {
		t.Errorf("forgotten, and still %+v %v", all, err)
	}
}
