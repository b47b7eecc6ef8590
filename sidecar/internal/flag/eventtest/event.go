// Package eventtest has an event for tests: owners with instances and flags on a real database, beside a CTFd.
package eventtest

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Library is a set of challenges.
type Library []*whaley.Challenge

// Get finds one by its id.
func (l Library) Get(id string) (*whaley.Challenge, bool) {
	for _, ch := range l {
		if ch.ID == id {
			return ch, true
		}
	}
	return nil, false
}

// All lists them.
func (l Library) All() []*whaley.Challenge { return l }

// Dynamic is a challenge on the web whose owners have flags of their own, made from a base.
func Dynamic(id, name, base string) *whaley.Challenge {
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

// Event is an event on a real database, beside a CTFd.
type Event struct {
	T     testing.TB
	Ctx   context.Context
	CTFd  *ctfdtest.Server
	DB    *store.Store
	Local Library
	Flags *flag.Flags
	Opts  flag.Options
	IDs   map[string]int // challenge → CTFd's
	made  int
}

// New makes one.
func New(t testing.TB, challenges ...*whaley.Challenge) *Event {
	t.Helper()
	return NewOn(t, "", challenges...)
}

// NewOn has its database at a URL, or with none in a file.
func NewOn(t testing.TB, url string, challenges ...*whaley.Challenge) *Event {
	t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, url, storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := &Event{
		T: t, Ctx: ctx, CTFd: ctfdtest.New(t), DB: db, Local: challenges, IDs: map[string]int{},
		Opts: flag.Options{MapEvery: time.Hour, VerifyEvery: time.Hour},
	}
	for n, ch := range challenges {
		w.IDs[ch.ID] = w.CTFd.AddChallenge(ctfdtest.Challenge{Name: ch.Name, Hidden: n%2 == 1})
	}
	w.Flags = w.Sidecar(w.Opts)
	return w
}

// Sidecar is one more process on the same database.
func (w *Event) Sidecar(opts flag.Options) *flag.Flags {
	w.T.Helper()
	return flag.New(w.DB, w.Client(), w.Local, opts, slog.New(slog.DiscardHandler))
}

// Client is one of CTFd's.
func (w *Event) Client() *ctfd.Client {
	w.T.Helper()
	client, err := ctfd.New(w.CTFd.URL, ctfd.Fixed(w.CTFd.Admin), slog.New(slog.DiscardHandler))
	w.Must(err)
	return client
}

// Run starts what goes on in the background; ending it is a sidecar's end.
func (w *Event) Run(of ...interface {
	Run(ctx context.Context) error
}) (stop func()) {
	ctx, cancel := context.WithCancel(w.Ctx)
	var all errgroup.Group
	for _, one := range of {
		all.Go(func() error { return one.Run(ctx) })
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := all.Wait(); err != nil {
			w.T.Error(err)
		}
	}
	w.T.Cleanup(stop)
	return stop
}

// Must ends the test after an error.
func (w *Event) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// MapAll says which challenges of CTFd they are.
func (w *Event) MapAll() {
	w.T.Helper()
	for _, ch := range w.Local {
		_, err := w.Flags.Map(w.Ctx, ch.ID, "", w.IDs[ch.ID])
		w.Must(err)
	}
}

// Team is one as an owner.
func (w *Event) Team(n int) whaley.Owner {
	return whaley.Owner{ID: whaley.TeamID(n), Name: fmt.Sprintf("team %d", n)}
}

// Start gives an owner an instance that ran and was opened some time ago, and its flag.
func (w *Event) Start(owner whaley.Owner, player, challenge string, ago time.Duration) string {
	w.T.Helper()
	w.made++
	at := time.Now().UTC().Add(-ago)
	in := &whaley.Instance{
		ID: fmt.Sprintf("%s-%s-%d", challenge, owner.ID, w.made), Challenge: challenge, Owner: owner, Player: player,
		Slug:  owner.ID,
		State: whaley.Queued, CreatedAt: at,
	}
	w.Must(w.DB.Insert(w.Ctx, in, whaley.Quota{}, whaley.Event{}))
	_, err := w.DB.Update(w.Ctx, in.ID, whaley.LiveStates, func(in *whaley.Instance) {
		in.State, in.StartedAt, in.EndedAt = whaley.Stopped, at.Add(time.Second), at.Add(time.Hour)
	}, whaley.Event{})
	w.Must(err)
	w.Must(w.DB.Contacted(w.Ctx, map[string]time.Time{in.ID: at.Add(2 * time.Second)}))
	return w.Flag(owner, challenge)
}

// Flag is an owner's.
func (w *Event) Flag(owner whaley.Owner, challenge string) string {
	w.T.Helper()
	ch, _ := w.Local.Get(challenge)
	values, err := w.Flags.Flags(w.Ctx, owner, ch)
	w.Must(err)
	return values[0]
}

// Settled waits until the outbox is empty.
func (w *Event) Settled() {
	w.T.Helper()
	w.Until("the outbox is empty", func() bool {
		totals, err := w.Flags.Totals(w.Ctx)
		w.Must(err)
		r := totals.Registrations
		return r[whaley.RegistrationPending]+r[whaley.RegistrationFailed]+r[whaley.RegistrationRemoving] == 0
	})
}

// Until waits for something.
func (w *Event) Until(what string, done func() bool) {
	w.T.Helper()
	deadline := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			w.T.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// User is a player as an owner.
func User(n int) whaley.Owner {
	return whaley.Owner{ID: whaley.UserID(n), Name: fmt.Sprint("player ", n)}
}
