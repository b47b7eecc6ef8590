package flag_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// library is a set of challenges.
type library []*whaley.Challenge

func (l library) Get(id string) (*whaley.Challenge, bool) {
	for _, ch := range l {
		if ch.ID == id {
			return ch, true
		}
	}
	return nil, false
}

func (l library) All() []*whaley.Challenge { return l }

func dynamic(id, name, base string) *whaley.Challenge {
	text := ""
	if base != "" {
		text = "FLAG{" + base + "}"
	}
	return &whaley.Challenge{
		ID: id, Name: name,
		Flag: whaley.FlagPlan{
			Dynamic: true, Place: whaley.PlaceAuto, FlagForm: whaley.FlagForm{Open: "FLAG{", Close: "}", Text: text},
		},
		Routes: []whaley.Route{{Service: "web", Port: 80, Type: whaley.RouteHTTP}},
	}
}

// world is an event on a real database, beside a CTFd.
type world struct {
	t     testing.TB
	ctx   context.Context
	ctfd  *ctfdtest.Server
	db    *store.Store
	local library
	flags *flag.Flags
	opts  flag.Options
	ids   map[string]int // challenge → CTFd's
	made  int
}

func newWorld(t testing.TB, challenges ...*whaley.Challenge) *world {
	t.Helper()
	return newWorldOn(t, "", challenges...)
}

// newWorldOn has its database at a URL, or with none in a file.
func newWorldOn(t testing.TB, url string, challenges ...*whaley.Challenge) *world {
	t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, url, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := &world{
		t: t, ctx: ctx, ctfd: ctfdtest.New(t), db: db, local: challenges, ids: map[string]int{}, opts: flag.Options{
			SeesAll: true, ScanEvery: time.Hour, VerifyEvery: time.Hour,
		},
	}
	for n, ch := range challenges {
		w.ids[ch.ID] = w.ctfd.AddChallenge(ctfdtest.Challenge{Name: ch.Name, Hidden: n%2 == 1})
	}
	w.flags = w.sidecar(w.opts)
	return w
}

// sidecar is one more process on the same database.
func (w *world) sidecar(opts flag.Options) *flag.Flags {
	w.t.Helper()
	client, err := ctfd.New(w.ctfd.URL, ctfd.Fixed(w.ctfd.Admin), slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	return flag.New(w.db, client, w.local, opts, slog.New(slog.DiscardHandler))
}

// run starts what goes on in the background; ending it is a sidecar's end.
func (w *world) run(f *flag.Flags) (stop func()) {
	ctx, cancel := context.WithCancel(w.ctx)
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	}
	w.t.Cleanup(stop)
	return stop
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) mapAll() {
	w.t.Helper()
	for _, ch := range w.local {
		_, err := w.flags.Map(w.ctx, ch.ID, "", w.ids[ch.ID])
		w.must(err)
	}
}

func (w *world) team(n int) whaley.Owner {
	return whaley.Owner{ID: whaley.TeamID(n), Name: fmt.Sprintf("team %d", n)}
}

// start gives an owner an instance that ran and was opened some time ago, and its flag.
func (w *world) start(owner whaley.Owner, player, challenge string, ago time.Duration) string {
	w.t.Helper()
	w.made++
	at := time.Now().UTC().Add(-ago)
	in := &whaley.Instance{
		ID: fmt.Sprintf("%s-%s-%d", challenge, owner.ID, w.made), Challenge: challenge, Owner: owner, Player: player,
		Slug:  owner.ID,
		State: whaley.Queued, CreatedAt: at,
	}
	w.must(w.db.Insert(w.ctx, in, whaley.Quota{}, whaley.Event{}))
	_, err := w.db.Update(w.ctx, in.ID, whaley.LiveStates, func(in *whaley.Instance) {
		in.State, in.StartedAt, in.EndedAt = whaley.Stopped, at.Add(time.Second), at.Add(time.Hour)
	}, whaley.Event{})
	w.must(err)
	w.must(w.db.Contacted(w.ctx, map[string]time.Time{in.ID: at.Add(2 * time.Second)}))
	return w.flag(owner, challenge)
}

func (w *world) flag(owner whaley.Owner, challenge string) string {
	w.t.Helper()
	ch, _ := w.local.Get(challenge)
	values, err := w.flags.Flags(w.ctx, owner, ch)
	w.must(err)
	return values[0]
}

// settled waits until the outbox is empty.
func (w *world) settled() {
	w.t.Helper()
	w.until("the outbox is empty", func() bool {
		totals, err := w.flags.Totals(w.ctx)
		w.must(err)
		r := totals.Registrations
		return r[whaley.RegistrationPending]+r[whaley.RegistrationFailed]+r[whaley.RegistrationRemoving] == 0
	})
}

func (w *world) until(what string, done func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			w.t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (w *world) check(full bool) flag.Check {
	w.t.Helper()
	check, err := w.flags.CheckSubmissions(w.ctx, full)
	w.must(err)
	return check
}

func (w *world) list(f whaley.SuspicionFilter) []*whaley.Suspicion {
	w.t.Helper()
	all, err := w.flags.Suspicions(w.ctx, f, "", 1000)
	w.must(err)
	return all
}
