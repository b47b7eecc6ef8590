package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// solverRuns keeps more runs than are kept, with output as containers print it.
func solverRuns(t *testing.T, s, other *store.Store) {
	ctx, challenge, quiet := context.Background(), owner(), owner()
	begin := time.Now().UTC().Truncate(time.Microsecond)
	const made = 25
	var all []whaley.SolverRun
	for n := range made {
		run := whaley.SolverRun{
			ID: fmt.Sprintf("%s-%d", challenge, n), Challenge: challenge, Revision: fmt.Sprint("r", n), State: whaley.SolverGreen,
			Reason: "because", Cause: whaley.SolveInterval, At: begin.Add(time.Duration(n) * time.Minute),
			Started: 1500 * time.Millisecond, Took: 250 * time.Millisecond, Output: "flag",
		}
		var ev whaley.Event
		if n == made-1 {
			run.State, run.Output = whaley.SolverRed, "a\x00b\xffc"
			ev = whaley.Event{Type: "solver_red", Challenge: challenge, Message: "red", At: run.At}
		}
		if err := s.KeepSolverRun(ctx, run, ev); err != nil {
			t.Fatal(err)
		}
		all = append(all, run)
	}
	once := whaley.SolverRun{ID: quiet, Challenge: quiet, State: whaley.SolverUnknown, Cause: whaley.SolveBuilt, At: begin}
	if err := s.KeepSolverRun(ctx, once, whaley.Event{}); err != nil {
		t.Fatal(err)
	}

	slices.Reverse(all)
	all[0].Output = "a\uFFFDb\uFFFDc" // what databases do not take
	got, err := other.SolverRuns(ctx, challenge)
	if err != nil || len(got) != 20 {
		t.Fatalf("%d are kept: %v", len(got), err)
	}
	if diff := cmp.Diff(all[:20], got); diff != "" {
		t.Errorf("(-kept +read)\n%s", diff)
	}
	latest, err := other.LatestSolverRuns(ctx)
	if err != nil {
		t.Fatal(err)
	}
	last := map[string][]string{}
	for _, run := range latest {
		last[run.Challenge] = append(last[run.Challenge], run.ID)
	}
	want := map[string][]string{challenge: {all[0].ID}, quiet: {once.ID}}
	if diff := cmp.Diff(want, map[string][]string{challenge: last[challenge], quiet: last[quiet]}); diff != "" {
		t.Errorf("the last of each (-want +got)\n%s", diff)
	}
	events, err := other.FindEvents(ctx, whaley.EventQuery{Challenge: challenge, Limit: 10})
	if err != nil || len(events) != 1 || events[0].Type != "solver_red" {
		t.Errorf("told %+v %v", events, err)
	}
}
