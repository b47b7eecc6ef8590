package api_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/trial"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type draft struct {
	ID, Name             string
	Begun, Exists, Stale bool
	Problems             []struct {
		File, Text string
		Line       int
	}
}

type tried struct {
	State, Reason, Instance string
	Flags                   []string
	Routes                  []struct{ URL string }
	Solving                 bool
	Solved                  *struct{ State, Output string }
}

// newDrafting is a surface whose trials are of an engine in memory, and whose solvers say what prove does.
func newDrafting(t *testing.T, prove func(*whaley.Challenge, *whaley.Instance) whaley.SolverRun) *surface {
	t.Helper()
	return newSurfaceOn(t, simulated.NewWorld().Engine("test"), func(n *api.Needs, _ *api.Options) {
		n.Trials = trial.New(trial.Needs{
			Drafts: n.Library, Instances: n.Instancer, Store: n.AdminQueries.(*store.Store), Log: slog.New(slog.DiscardHandler),
			Prove: func(_ context.Context, ch *whaley.Challenge, in *whaley.Instance) whaley.SolverRun {
				return prove(ch, in)
			},
			Flags: func(context.Context, whaley.Owner, *whaley.Challenge) ([]string, error) {
				return []string{"FLAG{of this one}"}, nil
			},
		})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- n.Trials.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
}

func (s *surface) draft(method, path, body string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.call(alice, method, "/admin/api/drafts"+path, body, "X-Admin-Key", adminKey)
}

// trial is the last one of a draft.
func (s *surface) trial(id string) (now tried) {
	s.t.Helper()
	var last struct{ Trial *tried }
	if s.into(s.draft("GET", "/"+id+"/trial", ""), &last); last.Trial != nil {
		now = *last.Trial
	}
	return now
}

// until waits for what happens beside.
func (s *surface) until(there func() bool) {
	s.t.Helper()
	testkit.Eventually(s.t, time.Minute, "what happens beside", func() error {
		if !there() {
			return errors.New("it does not happen")
		}
		return nil
	})
}

// TestADraftIsUploadedMendedTriedPublishedAndRolledBack is an organiser's way with a challenge that is wrong at first.
func TestADraftIsUploadedMendedTriedPublishedAndRolledBack(t *testing.T) {
	s := newDrafting(t, func(*whaley.Challenge, *whaley.Instance) whaley.SolverRun {
		return whaley.SolverRun{State: whaley.SolverGreen, Output: "FLAG{of this one}\n", At: time.Now(), Cause: whaley.SolveAsked}
	})
	var d draft
	w := s.sendArchive("/admin/api/drafts", zipped(
		t, "instance.toml", "id = \"new\"\nnonsense = 1\n"+minimalTOML, "compose.yaml", minimalCompose, "solve.sh", "#!/bin/sh\n",
	))
	if s.into(w, &d); w.Code != http.StatusCreated || d.ID != "new" || d.Exists || len(d.Problems) != 1 || d.Problems[0].Line != 2 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	s.refused(s.draft("POST", "/new/trial", ""), 422, "challenge_invalid")
	s.refused(s.draft("POST", "/new/publish", `{}`), 422, "challenge_invalid")
	s.refused(s.manage("GET", "/new/files", ""), 404, "challenge_not_found")

	var edited struct{ Draft draft }
	w = s.draft("PUT", "/new/files/instance.toml", `{"content":"id = \"new\"\n[[routes]]\nservice = \"web\"\nport = 80\n"}`)
	if s.into(w, &edited); len(edited.Draft.Problems) > 0 {
		t.Fatalf("%s", w.Body)
	}
	var now tried
	if w = s.draft("POST", "/new/trial", ""); w.Code != http.StatusAccepted {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	s.refused(s.draft("POST", "/new/trial", ""), 409, "trial_running")
	s.until(func() bool {
		now = s.trial("new")
		return now.Solved != nil
	})
	if now.State != "running" || now.Solved.State != "green" || now.Flags[0] != "FLAG{of this one}" ||
		!strings.Contains(now.Routes[0].URL, "://draft-") {
		t.Errorf("%+v", now)
	}
	var list adminList
	if s.into(s.call(alice, "GET", "/admin/api/instances", "", "X-Admin-Key", adminKey), &list); len(list.Instances) > 0 {
		t.Errorf("what is tried is among what players have: %+v", list)
	}
	var players struct{ Challenges []struct{ ID string } }
	if s.into(s.call(bob, "GET", "/challenges", ""), &players); len(players.Challenges) != 1 {
		t.Errorf("players see %+v", players)
	}

	var ch adminChallenge
	if s.into(s.draft("POST", "/new/publish", `{"over":""}`), &ch); ch.ID != "new" || ch.Active || !ch.Loaded {
		t.Errorf("%+v", ch)
	}
	s.until(func() bool { // publishing has ended the trial
		return s.trial("new").State == "ended"
	})
	first := ch.Revision
	s.into(s.draft("DELETE", "/new/files/solve.sh", ""), &edited)
	var changes struct {
		Over  string
		Files []struct{ Path, Change string }
	}
	s.into(s.draft("GET", "/new/changes", ""), &changes)
	if len(changes.Files) != 1 || changes.Files[0].Path != "solve.sh" || changes.Files[0].Change != "removed" {
		t.Errorf("%+v", changes)
	}
	s.refused(s.draft("POST", "/new/publish", `{"over":"another"}`), 409, "draft_outdated")
	if s.into(s.draft("POST", "/new/publish", `{"over":"`+changes.Over+`"}`), &ch); ch.Revision == first {
		t.Errorf("%+v", ch)
	}
	if s.into(s.manage("POST", "/new/revisions/"+first+"/rollback", ""), &ch); ch.Revision != first {
		t.Errorf("%+v", ch)
	}
	var drafts struct{ Drafts []draft }
	if s.into(s.draft("GET", "", ""), &drafts); len(drafts.Drafts) > 0 {
		t.Errorf("%+v", drafts)
	}
}

func TestATrialThatIsEndedLeavesNothingAndADiscardedDraftNoTrial(t *testing.T) {
	s := newDrafting(t, nil)
	s.draft("POST", "/quick/files/note.txt", `{"content":"x"}`)
	for _, end := range []string{"/quick/trial", "/quick"} {
		if w := s.draft("POST", "/quick/trial", ""); w.Code != http.StatusAccepted {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		s.until(func() bool {
			return s.trial("quick").State == "running"
		})
		if w := s.draft("DELETE", end, ""); w.Code != http.StatusNoContent {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		s.until(func() bool {
			in, err := s.store.SyntheticLive(t.Context(), "")
			return err == nil && len(in) == 0
		})
		s.until(func() bool {
			return s.trial("quick").State == "ended"
		})
	}
	var d draft
	if s.into(s.draft("GET", "/quick", ""), &d); d.Begun || !d.Exists {
		t.Errorf("%+v", d)
	}
	s.refused(s.draft("DELETE", "/quick", ""), 404, "draft_not_found")
	s.refused(s.draft("GET", "/none/files", ""), 404, "challenge_not_found")
}
