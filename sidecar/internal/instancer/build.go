package instancer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	maxLog     = 128 << 10 // bytes of a build's log that are kept
	maxOwners  = 500       // builds for owners that are remembered per challenge
	maxPatched = 64 << 20  // bytes of files that are written for each instance; more is built per owner
)

// build is one making of all images of a revision.
type build struct {
	ch       *whaley.Challenge
	again    bool
	turn     *turn
	asked    time.Time // when it was first wanted
	failures int       // in a row; like retry kept under the lock of images
	retry    time.Time // not tried again before
	done     chan struct{}
	err      *whaley.Error                // set before done is closed, like all that follows
	health   map[string]*whaley.Health    // service → the image's own check
	flags    map[string]*whaley.ImageFlag // service → where the sentinel is
	placing  string
	perOwner bool

	mu             sync.Mutex
	log            tail
	stages         []whaley.BuildStage
	started, ended time.Time
	changed        chan struct{} // closed at the next change
}

func newBuild(ch *whaley.Challenge, again bool) *build {
	return &build{
		ch: ch, again: again, asked: time.Now(), done: make(chan struct{}), health: map[string]*whaley.Health{},
		flags: map[string]*whaley.ImageFlag{}, changed: make(chan struct{}),
	}
}

func (b *build) over() bool {
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}

// took is how long it was built from its first to its last moment, or zero.
func (b *build) took() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(0, b.ended.Sub(b.started))
}

func (b *build) failed() bool { return b.over() && b.err != nil }

// Write adds to the log.
func (b *build) Write(text []byte) (int, error) {
	b.change(func() { _, _ = b.log.Write(text) }) // never fails
	return len(text), nil
}

func (b *build) tail(size int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.log[max(0, len(b.log)-size):])
}

func (b *build) change(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
	close(b.changed)
	b.changed = make(chan struct{})
}

// begin is the beginning of a turn; what an earlier one did is done again, mostly out of the builder's cache.
func (b *build) begin() {
	b.change(func() {
		if b.stages = nil; b.started.IsZero() {
			b.started = time.Now().UTC()
		}
	})
}

// stage does one step and keeps when it was.
func (b *build) stage(name string, do func() error) error {
	b.change(func() { b.stages = append(b.stages, whaley.BuildStage{Name: name, StartedAt: time.Now().UTC()}) })
	err := do()
	b.change(func() {
		last := &b.stages[len(b.stages)-1]
		last.EndedAt, last.Failed = time.Now().UTC(), err != nil
	})
	return err
}

func (b *build) finish(reason *whaley.Error) {
	if reason != nil { // who reads this is an organiser, to whom it is the cause that says something
		var cause error = reason
		if reason.Err != nil {
			cause = reason.Err
		}
		fmt.Fprintf(b, "failed: %v\n", cause)
	}
	b.change(func() {
		b.err, b.ended = reason, time.Now().UTC()
		close(b.done)
	})
}

// decide says how the flag gets into instances of this revision, and refuses one in which a placeholder would stay.
func (b *build) decide() error {
	flag := b.ch.Flag
	if !flag.Dynamic {
		b.placing = "owners have no flags of their own"
		return nil
	}
	var left, odd []string
	var files int
	var bytes int64
	var settings bool
	for _, s := range b.ch.Services {
		f := b.flags[s.Name]
		if f == nil {
			continue
		}
		files, bytes = files+f.Files, bytes+f.Bytes
		settings = settings || f.Settings()
		for _, o := range f.Odd {
			odd = append(odd, s.Name+": "+o)
		}
		for _, l := range f.Left {
			left = append(left, s.Name+": "+l)
		}
	}
	if len(left) > 0 {
		return whaley.Errorf(
			whaley.Unavailable, "placeholder_left",
			"The challenge's image still holds a placeholder flag after it was built (%s). Tell an organiser: "+
				"such a file must be made by the Dockerfile out of text, or the challenge must set disable_dynamic_flags.",
			strings.Join(left, "; "),
		)
	}
	nowhere := ""
	for _, n := range b.unseen() {
		nowhere = "the flag"
		if n > 0 || len(flag.More) > 0 {
			nowhere = "flag " + strconv.Itoa(n+1)
		}
	}
	switch {
	case flag.Place == whaley.PlaceBuild:
		b.placing = "built per owner, as the challenge asks"
	case len(odd) > 0:
		b.placing = "built per owner, since the flag stands where it cannot be replaced (" + strings.Join(odd, "; ") + ")"
	case bytes > maxPatched:
		b.placing = fmt.Sprintf("built per owner, since files of %d MB hold the flag", bytes>>20)
	case nowhere != "":
		b.placing = "built per owner, since " + nowhere + " is in no file of the images: hashed, encrypted or compressed"
	default:
		b.placing = "replaced in " + filesOf(files) + " of the built images"
		if settings {
			b.placing += ", and their settings"
		}
		if slices.ContainsFunc(flag.Forms(), func(f whaley.FlagForm) bool { return f.Elsewhere }) {
			b.placing += ", and what the compose file gives"
		}
		return nil
	}
	b.perOwner = true
	return nil
}

func filesOf(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

// BuildStatus is the state of a challenge's latest build and a channel that is closed when it changes.
func (i *Instancer) BuildStatus(challenge string) (whaley.BuildStatus, <-chan struct{}, error) {
	ch, ok := i.Challenges.Get(challenge)
	if !ok {
		return whaley.BuildStatus{}, nil, whaley.Errorf(
			whaley.NotFound, "challenge_not_found", "There is no challenge %q.", challenge,
		)
	}
	im := i.images
	im.mu.Lock()
	b, fresh := im.latest[ch.ID], false
	if b == nil {
		b, fresh = im.prepared(ch)
	}
	changed := b.watch() // before the look and before another build takes its place, so that nothing is missed
	status := b.status(slices.Clone(im.owners[ch.ID]))
	im.mu.Unlock()
	if fresh {
		im.turns.add(b.turn)
	}
	return status, changed, nil
}

// BuildState is where the latest build of a challenge's images is; queued where none has begun.
func (i *Instancer) BuildState(challenge string) whaley.BuildState {
	i.images.mu.Lock()
	b := i.images.latest[challenge]
	i.images.mu.Unlock()
	if b == nil {
		return whaley.BuildQueued
	}
	return b.status(nil).State
}

func (b *build) watch() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

func (b *build) status(owners []whaley.OwnerBuild) whaley.BuildStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	st := whaley.BuildStatus{
		Challenge: b.ch.ID, Revision: b.ch.Revision, State: whaley.BuildQueued, Stages: slices.Clone(b.stages),
		Log: string(b.log), Owners: owners, StartedAt: b.started, EndedAt: b.ended,
	}
	switch {
	case b.over() && b.err != nil:
		st.State, st.Reason = whaley.BuildFailed, b.err
	case b.over():
		st.State, st.Placing, st.PerOwner = whaley.BuildReady, b.placing, b.perOwner
	case !b.started.IsZero():
		st.State = whaley.BuildRunning
	}
	return st
}

// BuildAgain builds a challenge's images from scratch; instances that run keep theirs.
func (i *Instancer) BuildAgain(challenge string) error {
	ch, ok := i.Challenges.Get(challenge)
	if !ok {
		return whaley.Errorf(whaley.NotFound, "challenge_not_found", "There is no challenge %q.", challenge)
	}
	return i.images.again(ch)
}
