package opening

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// listEvery is between two looks at the challenges: an export, of which CTFd allows ten a minute.
const listEvery = 45 * time.Second

const (
	every   = 30 * time.Second // between two looks at CTFd
	patient = 30 * time.Second // for its answers
	soon    = 3 * time.Second  // after a look that somebody was refused by: they may have solved it since
	memory  = "ctfd_event"     // name of what is written into the database
)

// Scoreboard is CTFd.
type Scoreboard interface {
	Event(ctx context.Context) (whaley.ScoreboardEvent, error)
	Challenges(ctx context.Context) ([]whaley.ScoreboardChallenge, error)
	Details(ctx context.Context) ([]whaley.ScoreboardDetails, error)
	// Requirements is what has to be solved before a challenge.
	Requirements(ctx context.Context, challenge int) ([]int, error)
	// Solvers are the owners that have solved a challenge.
	Solvers(ctx context.Context, challenge int) ([]string, error)
}

// Store keeps what CTFd said, and knows which challenge is which of CTFd's.
type Store interface {
	Mappings(ctx context.Context) ([]*whaley.Mapping, error)
	ChangeMeta(ctx context.Context, name string, change func(now string) string) error
}

// Opening knows what is open now. The zero value of what CTFd said leaves everything open: nobody has signed in yet.
type Opening struct {
	ctfd    Scoreboard
	store   Store
	on      func() bool // whether CTFd is followed
	log     *slog.Logger
	now     atomic.Pointer[said]
	again   loop.Signal // somebody was refused what they may have solved since, or something has changed
	changed atomic.Bool // in CTFd
	read    time.Time   // the challenges
	list    []whaley.ScoreboardDetails
	kept    locks
	asked   requirements // of a CTFd that exports nothing
}

// said is what CTFd said last.
type said struct {
	Event  whaley.ScoreboardEvent
	Hidden map[string]bool // our challenges
	locks
}

// New makes an Opening that is followed while on says so.
func New(ctfd Scoreboard, store Store, on func() bool, log *slog.Logger) *Opening {
	o := &Opening{ctfd: ctfd, store: store, on: on, log: log, again: loop.NewSignal()}
	o.now.Store(&said{})
	return o
}

// Run looks at CTFd again and again until ctx ends.
func (o *Opening) Run(ctx context.Context) error {
	o.recall(ctx)
	failed, asked := false, true
	for {
		if o.on() {
			err := o.look(ctx, time.Since(o.read) > listEvery || asked)
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil && !failed:
				o.log.Warn("times and visibility not read from ctfd, the last ones hold", "err", err)
			case err == nil && failed:
				o.log.Info("times and visibility are read from ctfd again")
			}
			failed = err != nil
		}
		var more bool
		if asked, more = o.wait(ctx); !more {
			return nil
		}
	}
}

// LookSoon has CTFd looked at within seconds: something there has changed.
func (o *Opening) LookSoon() {
	o.changed.Store(true)
	o.again.Send()
}

// wait returns when it is time for another look, and whether somebody wants one; more is false if ctx ended.
func (o *Opening) wait(ctx context.Context) (asked, more bool) {
	next, early := time.After(every), time.After(soon)
	var again loop.Signal
	for {
		select {
		case <-next:
			return false, true
		case <-early:
			again = o.again
		case <-again:
			return true, true
		case <-ctx.Done():
			return false, false
		}
	}
}

// Look asks CTFd once, for everything.
func (o *Opening) Look(ctx context.Context) error {
	o.read = time.Time{}
	return o.look(ctx, true)
}

// look asks for the event's times, and if wanted for who has solved what has to be solved first, and for the challenges
// if these were not read a moment ago.
func (o *Opening) look(ctx context.Context, solves bool) error {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	event, err := o.ctfd.Event(ctx)
	if err != nil {
		return err
	}
	mappings, err := o.store.Mappings(ctx)
	if err != nil {
		return err
	}
	if o.changed.Swap(false) {
		o.read = time.Time{}
	}
	if time.Since(o.read) > listEvery {
		if o.list, err = o.challenges(ctx, mappings); err != nil {
			return err
		}
		o.read = time.Now()
	}
	hidden := map[int]bool{}
	for _, ch := range o.list {
		hidden[ch.ID] = ch.Hidden
	}
	if solves {
		switch l, err := o.readLocks(ctx, o.list, mappings); {
		case err == nil:
			o.kept = l
		case isAnswer(err): // one that does not say: what it requires is not known
			o.kept = locks{}
		default:
			return err
		}
	}
	next := &said{Event: event, Hidden: map[string]bool{}, locks: o.kept}
	for _, m := range mappings {
		if hidden[m.CTFdChallenge] && m.Part == "" { // a later part may be hidden until the first is solved
			next.Hidden[m.Challenge] = true
		}
	}
	if was := o.now.Swap(next); was.Event != event {
		o.log.Info(
			"the event, as ctfd says", "begins", event.Begins, "ends", event.Ends, "paused", event.Paused, "viewable_after",
			event.Viewable,
		)
	}
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	return o.store.ChangeMeta(ctx, memory, func(string) string { return string(text) })
}

// recall takes what was written before the restart, until CTFd says something.
func (o *Opening) recall(ctx context.Context) {
	err := o.store.ChangeMeta(ctx, memory, func(text string) string {
		var before said
		if text != "" && json.Unmarshal([]byte(text), &before) == nil {
			o.now.Store(&before)
		}
		return text
	})
	if err != nil {
		o.log.Warn("what ctfd said of its event is not read from the database", "err", err)
	}
}

// Event is CTFd's event; zero while CTFd is not followed.
func (o *Opening) Event() whaley.ScoreboardEvent {
	if !o.on() {
		return whaley.ScoreboardEvent{}
	}
	return o.now.Load().Event
}

// Closed says why a player may not start a challenge at a time, nil if they may. Organisers may always.
func (o *Opening) Closed(p whaley.Player, ch *whaley.Challenge, at time.Time) *whaley.Error {
	if !o.on() || p.Organiser || ch.AnyTime {
		return nil
	}
	now := o.now.Load()
	if why := now.Event.Closed(at); why != nil {
		return why
	}
	locked := now.locked(ch.ID, p.Owner.ID)
	if locked { // they may have solved it since
		o.again.Send()
	}
	if locked || now.Hidden[ch.ID] {
		return whaley.Errorf(whaley.NotFound, "challenge_not_found", "There is no challenge %q.", ch.ID)
	}
	return nil
}
