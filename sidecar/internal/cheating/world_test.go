package cheating_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/cheating"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag/eventtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	thief = 901 // accounts that CTFd need not know
	other = 902
)

// world is an event whose submissions are read.
type world struct {
	*eventtest.Event
	detector *cheating.Detector
	opts     cheating.Options
	missing  func(ctfdChallenge int)
}

func newWorld(t testing.TB, challenges ...*whaley.Challenge) *world {
	t.Helper()
	return newWorldOn(t, "", challenges...)
}

func newWorldOn(t testing.TB, url string, challenges ...*whaley.Challenge) *world {
	t.Helper()
	w := &world{
		Event: eventtest.NewOn(t, url, challenges...), opts: cheating.Options{SeesAll: true, ScanEvery: time.Hour},
	}
	w.missing = func(id int) { w.Flags.Recheck(id) }
	w.restart()
	return w
}

// restart is another sidecar on the same database.
func (w *world) restart() {
	w.Flags = w.Sidecar(w.Opts)
	w.read(w.Client())
}

// read has submissions read by a client.
func (w *world) read(by cheating.CTFd) {
	w.detector = cheating.New(cheating.Needs{
		Store: w.DB, CTFd: by, Challenges: w.Local, Missing: func(id int) { w.missing(id) },
		Log: slog.New(slog.DiscardHandler),
	}, w.opts)
}

func (w *world) submit(user int, challenge, provided string) int {
	return w.CTFd.AddSubmission(ctfdtest.Submission{Challenge: w.IDs[challenge], User: user, Provided: provided})
}

func (w *world) check(full bool) cheating.Check {
	w.T.Helper()
	check, err := w.detector.CheckSubmissions(w.Ctx, full)
	w.Must(err)
	return check
}

func (w *world) list(f whaley.SuspicionFilter) []*whaley.Suspicion {
	w.T.Helper()
	all, err := w.detector.Suspicions(w.Ctx, f, "", 1000)
	w.Must(err)
	return all
}
