package trial

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// Lasts is how long an instance of a draft runs.
	Lasts    = 30 * time.Minute
	cleaning = 2 * time.Minute
	logged   = 16 << 10 // bytes of a build's log
)

// State is where a trial is.
type State string

// States of a trial.
const (
	Building State = "building" // its images, before anything starts
	Starting State = "starting"
	Running  State = "running" // it may be opened, whatever its solver does
	Failed   State = "failed"
	Ended    State = "ended"
)

// Trial is what is known of one.
type Trial struct {
	Draft     string
	Challenge *whaley.Challenge
	Instance  *whaley.Instance // as it was last seen
	State     State
	By        string
	At        time.Time
	Reason    string            // why it failed
	Log       string            // the end of the build's, if that is why
	Printed   []whaley.Printed  // of what did not start
	Flags     []string          // that its instance has
	Solving   bool              // its solver runs
	Solved    *whaley.SolverRun // what that has shown; nil: it was not run, or there is none
}

// Trials are those of all drafts.
type Trials struct {
	Needs

	mu   sync.Mutex
	base context.Context // nil: not running
	all  map[string]*Trial
	work sync.WaitGroup
}

// New makes Trials, which begin none before Run.
func New(needs Needs) *Trials { return &Trials{Needs: needs, all: map[string]*Trial{}} }

// Run lets trials begin until ctx ends. What a process before has left ends with its throw-away instances.
func (t *Trials) Run(ctx context.Context) error {
	t.mu.Lock()
	t.base = ctx
	t.mu.Unlock()
	<-ctx.Done()
	t.mu.Lock()
	t.base = nil
	t.mu.Unlock()
	t.work.Wait()
	return nil
}

// Begin tries a draft as it is now. One that is tried already is refused with trial_running.
func (t *Trials) Begin(ctx context.Context, draft, by string) (Trial, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.base == nil {
		return Trial{}, whaley.Errorf(whaley.Unavailable, whaley.CodeStandby, "This sidecar does not start anything at the moment.")
	}
	if now := t.all[draft]; now != nil && now.live() {
		return Trial{}, whaley.Errorf(
			whaley.Conflict, "trial_running", "The draft of %q is being tried already. End that trial first.", draft,
		)
	}
	ch, err := t.Drafts.TryDraft(ctx, draft)
	if err != nil {
		return Trial{}, err
	}
	var name [8]byte
	_, _ = rand.Read(name[:]) // never fails
	in, err := t.Instances.SpawnThrowAway(ctx, whaley.TrialOwner(hex.EncodeToString(name[:])), ch.ID, Lasts)
	if err != nil {
		t.Drafts.ForgetTry(ch.ID)
		return Trial{}, err
	}
	one := &Trial{
		Draft: draft, Challenge: ch, Instance: in, State: Building, By: by, At: time.Now().UTC(),
	}
	t.all[draft] = one
	base := t.base
	t.work.Go(func() { t.follow(base, one) })
	return *one, nil
}

func (t *Trial) live() bool { return t.State != Failed && t.State != Ended }

// Of is the last trial of a draft, if there is one.
func (t *Trials) Of(ctx context.Context, draft string) (_ Trial, tried bool) {
	t.mu.Lock()
	one := t.all[draft]
	if one == nil {
		t.mu.Unlock()
		return Trial{}, false
	}
	now := *one
	t.mu.Unlock()
	if !now.live() {
		return now, true
	}
	in, err := t.Store.Get(ctx, now.Instance.ID)
	if err != nil {
		return now, true // it is ending: what is known is told
	}
	now.Instance = in
	if now.State == Building && in.State == whaley.Starting {
		now.State = Starting
	}
	if build, _, err := t.Instances.BuildStatus(now.Challenge.ID); err == nil && now.State == Building {
		now.Log = last(build.Log)
	}
	return now, true
}

// End ends the trial of a draft, if there is one.
func (t *Trials) End(ctx context.Context, draft string) error {
	t.mu.Lock()
	one := t.all[draft]
	live := one != nil && one.live()
	if one != nil && !live {
		delete(t.all, draft)
	}
	t.mu.Unlock()
	if !live {
		return nil
	}
	err := t.Instances.End(ctx, one.Instance.ID, whaley.CauseAdmin)
	if whaley.CodeOf(err) == "instance_not_found" {
		return nil
	}
	return err
}

func (t *Trials) change(do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	do()
}
