package cheating_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag/eventtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// script is an event of 20 teams, 5 challenges and 60 submissions, of which 7 are of another team's flag.
type script struct {
	*world
	users [21][2]int // by team; ids in CTFd
	own   map[string]string
	want  []string // who → whose, challenge
	steps []func()
	sent  int
}

func newScript(t *testing.T, url string) *script {
	var challenges []*whaley.Challenge
	for n := 1; n <= 5; n++ {
		challenges = append(
			challenges,
			eventtest.Dynamic(
				fmt.Sprintf("c%d", n), fmt.Sprintf("Challenge %d", n),
				[]string{"", "base", "it's \"quoted\"", "ünïcödé-✓", strings.Repeat("long", 120)}[n-1],
			),
		)
	}
	s := &script{world: newWorldOn(t, url, challenges...), own: map[string]string{}}
	s.CTFd.SetMode("teams")
	for n := 1; n <= 20; n++ {
		team := s.CTFd.AddTeam(ctfdtest.Team{Name: fmt.Sprintf("team %d", n)})
		for m := range 2 {
			s.users[n][m] = s.CTFd.AddUser(ctfdtest.User{Name: fmt.Sprintf("p%d.%d", n, m), Team: team})
		}
	}
	s.MapAll()
	for n := 1; n <= 18; n++ { // 19 and 20 never start anything
		for _, ch := range challenges {
			s.own[key(n, ch.ID)] = s.Start(s.Team(n), whaley.UserID(s.users[n][0]), ch.ID, time.Hour)
		}
	}
	s.write()
	return s
}

func key(team int, challenge string) string { return fmt.Sprintf("%d/%s", team, challenge) }

func (s *script) of(team int, challenge string) string { return s.own[key(team, challenge)] }

// send submits for a team's first (0) or second (1) member; want is CTFd's word.
func (s *script) send(team, member int, challenge, provided, want string) {
	s.steps = append(s.steps, func() {
		s.T.Helper()
		if got := s.CTFd.Attempt(s.users[team][member], s.IDs[challenge], provided); got != want {
			s.T.Errorf("team %d submits %.60q to %s: %s instead of %s", team, provided, challenge, got, want)
		}
	})
	s.sent++
}

func (s *script) shared(who, whose int, challenge string) {
	s.want = append(s.want, fmt.Sprintf("team_%d has team_%d's flag of %s", who, whose, challenge))
}

func (s *script) retire(team int, challenge string, rotate bool) {
	s.steps = append(s.steps, func() {
		s.T.Helper()
		f, err := s.DB.CurrentFlag(s.Ctx, s.Team(team).ID, challenge, "")
		s.Must(err)
		if rotate {
			_, err = s.Flags.Rotate(s.Ctx, f.ID, "an admin")
		} else {
			_, err = s.Flags.Delete(s.Ctx, f.ID, "an admin")
		}
		s.Must(err)
		s.Settled()
	})
}

func (s *script) write() {
	// 20 honest solves, half of them by the member who did not start the instance: that is no sharing.
	for n := 1; n <= 18; n++ {
		s.send(n, n%2, "c1", s.of(n, "c1"), "correct")
	}
	s.send(1, 1, "c2", s.of(1, "c2"), "correct")
	s.send(2, 1, "c3", "  "+s.of(2, "c3")+"\n", "correct")
	// A team's own flag in a wrong case or in the wrong challenge, and one that looks like a flag: wrong, not sharing.
	s.send(14, 0, "c2", strings.ToUpper(s.of(14, "c2")), "incorrect")
	s.send(15, 0, "c2", s.of(15, "c3"), "incorrect")
	s.send(16, 0, "c2", "FLAG{base_0123456789abcdef}", "incorrect")

	s.send(3, 0, "c2", s.of(1, "c2"), "correct") // exactly
	s.shared(3, 1, "c2")
	s.send(4, 1, "c2", strings.ToUpper(s.of(2, "c2")), "incorrect") // in another case
	s.send(4, 0, "c2", strings.ToUpper(s.of(2, "c2")), "incorrect") // and once more by the other member: the same finding
	s.shared(4, 2, "c2")
	s.retire(6, "c2", false)
	s.send(5, 0, "c2", s.of(6, "c2"), "incorrect") // after it was deleted
	s.shared(5, 6, "c2")
	s.retire(8, "c4", true)
	s.send(7, 0, "c4", s.of(8, "c4"), "incorrect") // after it was rotated
	s.shared(7, 8, "c4")
	s.send(19, 0, "c3", s.of(9, "c3"), "correct") // by a team that never started
	s.shared(19, 9, "c3")
	s.send(10, 0, "c4", s.of(11, "c2"), "incorrect") // to another challenge
	s.shared(10, 11, "c2")
	s.send(12, 0, "c5", "the flag is "+s.of(13, "c5")+" !", "incorrect") // with other text around it
	s.shared(12, 13, "c5")

	for n := 0; s.sent < 60; n++ {
		s.send(1+n%20, n%2, "c5", fmt.Sprintf("guess %d", n), "incorrect")
	}
}

func (s *script) sharing() []string {
	var got []string
	for _, found := range s.list(whaley.SuspicionFilter{Kind: whaley.SuspicionSharing}) {
		got = append(
			got, fmt.Sprintf("%s has %s's flag of %s", found.Submitter.OwnerID, found.Owner.OwnerID, found.Challenge),
		)
	}
	slices.Sort(got)
	slices.Sort(s.want)
	return got
}

func (s *script) tell() {
	for _, found := range s.list(whaley.SuspicionFilter{Kind: whaley.SuspicionSharing}) {
		var codes []string
		for _, r := range found.Reasons {
			codes = append(codes, r.Code)
		}
		s.T.Logf(
			"%3d  %-8s ← %-8s %s  %s, %d submissions, %d and %d instances", found.Score, found.Submitter.OwnerName,
			found.Owner.OwnerName, found.Challenge, strings.Join(codes, " "), len(found.Submissions),
			len(found.Submitter.Instances), len(found.Owner.Instances),
		)
	}
}

func TestSevenOfSixtySubmissionsAreSharedAndExactlyTheseAreFound(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) { sevenOfSixty(t, newScript(t, "")) })
	t.Run("PostgreSQL", func(t *testing.T) { sevenOfSixty(t, newScript(t, testkit.StartPostgres(t))) })
}

func sevenOfSixty(t *testing.T, s *script) {
	s.Run(s.Flags, s.detector)
	s.Settled()
	for n, step := range s.steps {
		step()
		if n%10 == 9 {
			s.check(false)
			// What was found is ours: CTFd loses the row.
			if all := s.CTFd.Submissions(); n == 29 {
				s.CTFd.RemoveSubmission(all[len(all)-1].ID)
				s.CTFd.Attempt(s.users[20][0], s.IDs["c5"], "another with the id of a removed one")
			}
		}
	}
	s.check(false)
	if diff := cmp.Diff(s.want, s.sharing()); diff != "" {
		t.Errorf("(-shared +found)\n%s", diff)
	}
	// Looking again, at everything, finds nothing new.
	if again := s.check(true); len(again.Found) != 0 || !again.Full || again.Examined != 60 {
		t.Errorf("%+v", again)
	}
	t.Logf("%d submissions in CTFd, %d of them found to be shared", len(s.CTFd.Submissions()), len(s.sharing()))
	s.tell()
	events, err := s.DB.FindEvents(s.Ctx, whaley.EventQuery{Types: []string{"suspicious_submission"}, Limit: 100})
	if err != nil || len(events) != 7 {
		t.Errorf("%d events %v", len(events), err)
	}
	for _, found := range s.list(whaley.SuspicionFilter{}) {
		if found.Kind == whaley.SuspicionSharing && found.Submitter.OwnerID == "team_4" && len(found.Submissions) != 2 {
			t.Errorf("copies: %+v", found.Submissions)
		}
		if found.Kind == whaley.SuspicionSolve {
			t.Errorf("an honest solve is suspicious: %+v", found)
		}
	}
}

func TestNothingIsLostWhileCTFdIsDown(t *testing.T) {
	t.Parallel()
	s := newScript(t, "")
	stop := s.Run(s.Flags, s.detector)
	s.CTFd.Down() // before anything could be registered
	s.Until("it was tried", func() bool { return s.CTFd.Calls("GET /api/v1/flags") > 0 })
	stop() // and the sidecar ends too
	t.Logf("%d of 18 flags of a challenge were in CTFd when it went down", len(s.CTFd.Flags(s.IDs["c1"])))
	s.restart()
	s.Run(s.Flags, s.detector)
	s.CTFd.Recover()
	s.Settled()
	failed := 0
	for n, step := range s.steps {
		if n == 41 {
			s.CTFd.Down()
		}
		if n == 45 {
			s.CTFd.Recover()
			s.Until("CTFd is asked again", func() bool { _, err := s.detector.CheckSubmissions(s.Ctx, false); return err == nil })
		}
		if n == 42 { // a team starts meanwhile
			s.own[key(20, "c1")] = s.Flag(s.Team(20), "c1")
		}
		step()
		if n%3 == 2 {
			if _, err := s.detector.CheckSubmissions(s.Ctx, false); err != nil {
				failed++
			}
		}
	}
	s.Settled()
	s.Until("the last check", func() bool { _, err := s.detector.CheckSubmissions(s.Ctx, false); return err == nil })
	if diff := cmp.Diff(s.want, s.sharing()); diff != "" {
		t.Errorf("(-shared +found)\n%s", diff)
	}
	totals, err := s.Flags.Totals(s.Ctx)
	if err != nil || totals.Registrations[whaley.RegistrationLive] != totals.Current {
		t.Errorf("%+v %v", totals, err)
	}
	t.Logf(
		"%d checks failed while CTFd was down; found %d of 7; %d flags current, %d live in CTFd, %d removed", failed,
		len(s.sharing()), totals.Current, totals.Registrations[whaley.RegistrationLive],
		totals.Registrations[whaley.RegistrationRemoved],
	)
	for challenge, id := range s.IDs {
		seen := map[string]int{}
		for _, f := range s.CTFd.Flags(id) {
			if seen[f.Content]++; seen[f.Content] > 1 {
				t.Errorf("CTFd has %q twice in %s", f.Content, challenge)
			}
		}
	}
}
