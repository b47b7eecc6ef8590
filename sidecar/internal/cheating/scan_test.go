package cheating_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/cheating"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag/eventtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestAPollOfSixtyThousandSubmissionsIsAFewRequests(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	value := w.Flag(eventtest.User(1), "web")
	for n := range 60_000 {
		w.submit(10+n%2000, "web", fmt.Sprintf("guess %d", n))
	}
	cost := func(what string, check cheating.Check, atMost int) {
		t.Helper()
		t.Logf(
			"%-28s %d requests, %5d submissions looked at, %v", what, check.Requests, check.Examined,
			check.Took.Round(time.Millisecond),
		)
		if check.Requests > atMost {
			t.Errorf("%s: %d requests", what, check.Requests)
		}
	}
	cost("the first, by export", w.check(false), 1)
	cost("nothing new", w.check(false), 1)
	for n := range 30 {
		w.submit(10+n, "web", "wrong")
	}
	w.submit(thief, "web", value)
	got := w.check(false)
	cost("31 new ones", got, 4)
	if len(got.Found) != 1 || got.Full {
		t.Errorf("%+v", got)
	}
	for n := range 400 {
		w.submit(10+n, "web", "wrong")
	}
	cost("400 new ones", w.check(false), 8)
}

func TestRowsThatDisappearAndIdsThatComeTwiceHideNothing(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	value := w.Flag(eventtest.User(1), "web")
	var ids []int
	for n := range 450 {
		ids = append(ids, w.submit(10, "web", fmt.Sprint("guess ", n)))
	}
	w.check(false)
	// The last row goes, and a foreign flag gets its id.
	w.CTFd.RemoveSubmission(ids[449])
	if id := w.submit(thief, "web", value); id != ids[449] {
		t.Fatalf("id %d", id)
	}
	if got := w.check(false); len(got.Found) != 1 {
		t.Errorf("an id that came twice: %+v", got)
	}
	// So many go that what is new stands before where the last reading began.
	for _, id := range ids[:300] {
		w.CTFd.RemoveSubmission(id)
	}
	w.submit(other, "web", value)
	if got := w.check(false); len(got.Found) != 1 || !got.Full {
		t.Errorf("rows disappeared: %+v", got)
	}
	// More come than go, and the first of them stands before where reading would go on.
	for n := range 300 {
		ids = append(ids, w.submit(10, "web", fmt.Sprint("later ", n)))
	}
	w.check(false)
	for _, id := range ids[300:700] {
		w.CTFd.RemoveSubmission(id)
	}
	w.submit(903, "web", value)
	for n := range 400 {
		w.submit(10, "web", fmt.Sprint("late ", n))
	}
	if got := w.check(false); len(got.Found) != 1 || !got.Full {
		t.Errorf("more came than went: %+v", got)
	}
	if all := w.list(whaley.SuspicionFilter{}); len(all) != 3 {
		t.Errorf("%d entries", len(all))
	}
}

// TestRowsThatDisappearFromAnOlderCTFdStopNoReading: before 3.7.2 it answers 404 where the last page was.
func TestRowsThatDisappearFromAnOlderCTFdStopNoReading(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", ""))
	w.CTFd.As(5)
	w.MapAll()
	value := w.Flag(eventtest.User(1), "web")
	for n := range 230 {
		w.submit(10, "web", fmt.Sprint("guess ", n))
	}
	w.check(false)
	for _, row := range w.CTFd.Submissions()[20:] {
		w.CTFd.RemoveSubmission(row.ID)
	}
	w.submit(thief, "web", value)
	if got := w.check(false); len(got.Found) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestSubmissionsAreReadPageByPageWhereTheyCannotBeExported(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", ""))
	w.CTFd.As(7)
	w.MapAll()
	value := w.Flag(eventtest.User(1), "web")
	w.submit(thief, "web", value)
	for n := range 350 {
		w.submit(10, "web", fmt.Sprint("guess ", n))
	}
	if got := w.check(true); len(got.Found) != 1 || got.Examined != 351 || got.Requests != 5 {
		t.Errorf("%+v", got)
	}
}

func TestWhateverCTFdAnswersAFailedCheckLosesNothing(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	value := w.Flag(eventtest.User(1), "web")
	w.submit(10, "web", "guess")
	w.check(false)
	w.submit(thief, "web", value)
	jsonText := func(status int, text string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(status)
			io.WriteString(rw, text)
		}
	}
	for what, answer := range map[string]http.HandlerFunc{
		"a page":    func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "<!doctype html>") },
		"302":       func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, "/login", http.StatusFound) },
		"429":       jsonText(429, `{"code": 429, "message": "Too many requests."}`),
		"500":       jsonText(500, `{"message": "Internal Server Error"}`),
		"half":      jsonText(200, `{"success": true, "data": [{"id": 1, "prov`),
		"nothing":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"no list":   jsonText(200, `{"success": true, "data": {}}`),
		"empty":     jsonText(200, ``),
		"forbidden": jsonText(403, `{"message": "no"}`),
	} {
		w.CTFd.Answer(answer)
		for _, full := range []bool{false, true} {
			if got, err := w.detector.CheckSubmissions(w.Ctx, full); err == nil || len(got.Found) > 0 {
				t.Errorf("%s: %+v", what, got)
			}
		}
		if last, err := w.detector.LastCheck(w.Ctx); err != nil || last.Problem == "" || last.Total != 1 {
			t.Errorf("%s: %+v %v", what, last, err)
		}
	}
	w.CTFd.Recover()
	w.restart()
	if got := w.check(false); len(got.Found) != 1 {
		t.Errorf("%+v", got)
	}
	if last, _ := w.detector.LastCheck(w.Ctx); last.Problem != "" {
		t.Errorf("%+v", last)
	}
}

func TestChecksAtOnceFindEachThingOnce(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	value := w.Flag(eventtest.User(1), "web")
	for n := range 40 {
		w.submit(100+n, "web", value)
	}
	var mu sync.Mutex
	found := 0
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			got, err := w.detector.CheckSubmissions(w.Ctx, false)
			mu.Lock()
			defer mu.Unlock()
			found += len(got.Found)
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if exports := w.CTFd.Calls("POST /api/v1/exports/raw"); found != 40 || exports != 1 {
		t.Errorf("found %d, read everything %d times", found, exports)
	}
}

func TestASolveIsComparedWithWhatItsInstancesSaw(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	m, err := w.Flags.Mappings(w.Ctx)
	w.Must(err)
	at := m[0].CreatedAt.Add(time.Second)
	solve := func(n int, provided string) {
		w.CTFd.AddSubmission(ctfdtest.Submission{
			Challenge: w.IDs["web"], User: n, Provided: provided, Type: "correct", At: at,
		})
	}
	want := map[string][]string{}
	solve(1, w.Start(eventtest.User(1), "user_1", "web", time.Hour)) // honest
	solve(2, "FLAG{the common one}")                                 // never started anything
	want["user_2"] = []string{"never_started", "common_flag"}
	w.Start(eventtest.User(3), "user_3", "web", time.Hour)
	solve(3, "FLAG{the common one}")
	want["user_3"] = []string{"common_flag"}
	solve(4, w.Start(eventtest.User(4), "user_4", "web", 4*time.Second)) // two seconds after it was first opened
	want["user_4"] = []string{"too_fast"}
	silent := &whaley.Instance{
		ID: "silent", Challenge: "web", Owner: eventtest.User(5), State: whaley.Queued, CreatedAt: at.Add(-time.Hour),
	}
	w.Must(w.DB.Insert(w.Ctx, silent, whaley.Quota{}, whaley.Event{}))
	solve(5, w.Flag(eventtest.User(5), "web")) // its instance was never ready
	want["user_5"] = []string{"never_ready"}
	unseen := &whaley.Instance{
		ID: "unseen", Challenge: "web", Owner: eventtest.User(6), State: whaley.Queued, CreatedAt: at.Add(-time.Hour),
	}
	w.Must(w.DB.Insert(w.Ctx, unseen, whaley.Quota{}, whaley.Event{}))
	_, err = w.DB.Update(
		w.Ctx, "unseen", whaley.LiveStates,
		func(in *whaley.Instance) { in.State, in.StartedAt = whaley.Running, at.Add(-time.Hour) }, whaley.Event{},
	)
	w.Must(err)
	solve(6, w.Flag(eventtest.User(6), "web")) // nobody ever opened it
	want["user_6"] = []string{"no_traffic"}
	got := map[string][]string{}
	for _, found := range w.check(false).Found {
		for _, r := range found.Reasons {
			got[found.Submitter.OwnerID] = append(got[found.Submitter.OwnerID], r.Code)
		}
		t.Logf("%3d  %s: %v", found.Score, found.Submitter.OwnerID, found.Reasons)
	}
	for who, codes := range want {
		if !slices.Equal(codes, got[who]) {
			t.Errorf("%s: %v instead of %v", who, got[who], codes)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
	// Where routers of their own lead to instances, an unseen request is no evidence.
	w2 := newWorld(t, w.Local...)
	w2.MapAll()
	w2.opts.SeesAll = false
	w2.restart()
	w2.Must(w2.DB.Insert(w2.Ctx, unseen, whaley.Quota{}, whaley.Event{}))
	_, err = w2.DB.Update(
		w2.Ctx, "unseen", whaley.LiveStates,
		func(in *whaley.Instance) { in.State, in.StartedAt = whaley.Running, at.Add(-time.Hour) }, whaley.Event{},
	)
	w2.Must(err)
	w2.CTFd.AddSubmission(ctfdtest.Submission{
		Challenge: w2.IDs["web"], User: 6, Provided: w2.Flag(eventtest.User(6), "web"), Type: "correct",
		At: time.Now().Add(time.Second),
	})
	if got := w2.check(false); len(got.Found) != 0 {
		t.Errorf("%+v", got.Found[0].Reasons)
	}
}

// between does something before a page is read.
type between struct {
	cheating.CTFd
	before func(page int)
}

func (b between) Submissions(ctx context.Context, page, perPage int) (whaley.Submissions, error) {
	b.before(page)
	return b.CTFd.Submissions(ctx, page, perPage)
}

func TestRowsThatDisappearBetweenTwoPagesHideNothing(t *testing.T) {
	w := newWorld(t, eventtest.Dynamic("web", "Web", "base"))
	w.MapAll()
	value := w.Flag(eventtest.User(1), "web")
	var ids []int
	guess := func(n int) {
		for range n {
			ids = append(ids, w.submit(10, "web", "guess"))
		}
	}
	guess(350)
	w.check(false)
	guess(51)
	w.submit(thief, "web", value) // the second row of the fifth page
	guess(98)
	w.read(between{w.Client(), func(page int) {
		for page == 5 && len(ids) > 0 && ids[0] < 4 { // which moves it to the fourth
			w.CTFd.RemoveSubmission(ids[0])
			ids = ids[1:]
		}
	}})
	if got := w.check(false); len(got.Found) != 1 || !got.Full {
		t.Errorf("%+v", got)
	}
}

func TestATeamThatIsLeftOverWhereNobodyPlaysInTeamsIsNoReason(t *testing.T) {
	for name, world := range map[string]struct {
		mode  string
		teams *bool
	}{"users mode": {"users", nil}, "TEAM_MODE=disabled": {"teams", new(bool)}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, eventtest.Dynamic("web", "Web", "base"))
			w.CTFd.SetMode(world.mode)
			w.opts.Teams = world.teams
			w.restart()
			w.MapAll()
			mine := w.Start(eventtest.User(1), "user_1", "web", time.Minute)
			foreign := w.Flag(eventtest.User(other), "web")
			w.Start(eventtest.User(thief), "user_901", "web", time.Minute)
			w.CTFd.AddSubmission(ctfdtest.Submission{Challenge: w.IDs["web"], User: 1, Team: 7, Provided: mine, Type: "correct"})
			w.CTFd.AddSubmission(ctfdtest.Submission{
				Challenge: w.IDs["web"], User: thief, Team: 7, Provided: foreign, Type: "correct",
			})
			w.check(false)
			for _, s := range w.list(whaley.SuspicionFilter{}) {
				if s.Submitter.OwnerID != whaley.UserID(thief) {
					t.Errorf("%s is suspected: %+v", s.Submitter.OwnerID, s.Reasons)
				}
				for _, why := range s.Reasons {
					if why.Code == "never_started" {
						t.Errorf("%s has started one: %+v", s.Submitter.OwnerID, s.Reasons)
					}
				}
			}
		})
	}
}
