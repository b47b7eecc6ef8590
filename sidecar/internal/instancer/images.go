package instancer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// errUnwanted is the end of a build of what is not loaded any more.
var errUnwanted = whaley.Errorf(
	whaley.Conflict, "build_unwanted", "The challenge was edited or taken away while its images were built.",
)

// errNotBuilt sends a start whose images are not there back to wait for them, without a slot.
var errNotBuilt = errors.New("the images for it are not there")

// images builds what challenges are made of, once per revision, before anybody asks.
type images struct {
	engine Images
	log    *slog.Logger
	turns  *turns
	// broken is told of what could not be built, and works what is built; both before whoever waits for the build goes on.
	broken func(ch *whaley.Challenge, why *whaley.Error)
	works  func(ch *whaley.Challenge)

	mu     sync.Mutex
	ready  map[string]*build              // challenge/revision → the one that spawns use
	latest map[string]*build              // challenge → what an organiser wants to see
	good   map[string]*whaley.Challenge   // challenge → the last that had images
	owners map[string][]whaley.OwnerBuild // challenge
	own    map[string]ownImages           // instance that needs images with its owner's flag
}

// ownImages are those of one owner.
type ownImages struct {
	key   string            // challenge/revision
	names map[string]string // service → image; nil: they are not built
}

func newImages(engine Images, limits func() (int, time.Duration), log *slog.Logger) *images {
	return &images{
		engine: engine, log: log, turns: newTurns(limits), ready: map[string]*build{}, latest: map[string]*build{},
		good: map[string]*whaley.Challenge{}, owners: map[string][]whaley.OwnerBuild{}, own: map[string]ownImages{},
	}
}

func keyOf(ch *whaley.Challenge) string { return ch.ID + "/" + ch.Revision }

// prepare queues the build of a revision unless it is built, or being built; a failed one is tried again when its
// back-off is over.
func (im *images) prepare(ch *whaley.Challenge) *build {
	im.mu.Lock()
	b, fresh := im.prepared(ch)
	im.mu.Unlock()
	if fresh {
		im.turns.add(b.turn)
	}
	return b
}

// prepared is the build of a revision, and whether that is a new one, which is to be added to the turns without im.mu.
func (im *images) prepared(ch *whaley.Challenge) (_ *build, fresh bool) {
	if b := im.ready[keyOf(ch)]; b != nil {
		return b, false
	}
	if b := im.latest[ch.ID]; b != nil && b.ch.Revision == ch.Revision && (!b.failed() || time.Now().Before(b.retry)) {
		return b, false
	}
	return im.newest(ch, false), true
}

// again queues a build from scratch. Until it is done, spawns use what there is.
func (im *images) again(ch *whaley.Challenge) error {
	im.mu.Lock()
	if b := im.latest[ch.ID]; b != nil && !b.over() {
		im.mu.Unlock()
		return whaley.Errorf(whaley.Conflict, "build_running", "The images of %q are being built already.", ch.ID)
	}
	b := im.newest(ch, true)
	im.mu.Unlock()
	im.turns.add(b.turn)
	return nil
}

func (im *images) newest(ch *whaley.Challenge, again bool) *build {
	b, before := newBuild(ch, again), im.latest[ch.ID]
	b.turn = &turn{
		challenge: ch.ID, revision: ch.Revision, work: func(ctx context.Context) error { return im.make(ctx, b) },
		ended: func(err error) { im.ended(b, err) },
	}
	im.latest[ch.ID] = b
	if before != nil {
		if before.ch.Revision == ch.Revision && before.failed() && !again {
			b.failures, b.turn.past = before.failures, before.turn.past+before.took()
		}
		before.change(func() {}) // who watches it sees this one next
	}
	return b
}

// want has what is loaded built, and ends the building of what is not.
func (im *images) want(loaded []*whaley.Challenge) {
	keys := map[string]bool{}
	for _, ch := range loaded {
		keys[keyOf(ch)] = true
		keys[keyOf(im.startable(ch))] = true // owners' own images of it
	}
	im.turns.drop(func(one *turn) bool { return !keys[one.challenge+"/"+one.revision] }, errUnwanted)
	for _, ch := range loaded {
		im.prepare(ch)
	}
}

// forget makes the next prepare build again: an image of this revision is gone.
func (im *images) forget(ch *whaley.Challenge) {
	im.mu.Lock()
	defer im.mu.Unlock()
	delete(im.ready, keyOf(ch))
	if b := im.latest[ch.ID]; b != nil && b.over() {
		delete(im.latest, ch.ID)
	}
}

// prune forgets what was built of revisions that nothing needs any more.
func (im *images) prune(keep func(challenge, revision string) bool) {
	im.mu.Lock()
	defer im.mu.Unlock()
	for key, b := range im.ready {
		if !keep(b.ch.ID, b.ch.Revision) {
			delete(im.ready, key)
		}
	}
	for id, b := range im.latest {
		if b.over() && !keep(id, b.ch.Revision) {
			delete(im.latest, id)
			delete(im.owners, id)
			delete(im.good, id)
		}
	}
}

// failure is the reason why a revision cannot be started at all, if its build failed; another try is queued when the
// back-off of that is over.
func (im *images) failure(ch *whaley.Challenge) error {
	im.mu.Lock()
	ready, b := im.ready[keyOf(ch)], im.latest[ch.ID]
	im.mu.Unlock()
	if ready != nil || b == nil || b.ch.Revision != ch.Revision || !b.failed() {
		return nil
	}
	im.prepare(ch)
	return b.err
}

// built is a revision's build if it is done, else nil.
func (im *images) built(ch *whaley.Challenge) *build {
	im.mu.Lock()
	defer im.mu.Unlock()
	return im.ready[keyOf(ch)]
}

// there says whether all images are there that a start needs.
func (im *images) there(ch *whaley.Challenge, instance string) bool {
	im.mu.Lock()
	defer im.mu.Unlock()
	b := im.ready[keyOf(ch)]
	own, needed := im.own[instance]
	if b == nil || !b.perOwner && !needed {
		return b != nil
	}
	return own.key == keyOf(ch) && own.names != nil
}

// wait returns when the images of a revision are there. Whoever waits is told of the turn.
func (im *images) wait(ctx context.Context, ch *whaley.Challenge, tell func(stage string, t *turn)) (*build, error) {
	b := im.prepare(ch)
	if !b.over() {
		im.turns.ask(b.turn, 1)
		defer im.turns.ask(b.turn, -1)
		tell("Building the challenge's images", b.turn)
	}
	select {
	case <-b.done:
	case <-im.late(b):
		return nil, errPatience
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if b.err != nil {
		return nil, b.err
	}
	return b, nil
}

// health is a service's check: its own, else its image's; nil if there is none or it is disabled.
func (im *images) health(ch *whaley.Challenge, s whaley.Service) *whaley.Health {
	if s.Health != nil {
		if len(s.Health.Test) == 0 {
			return nil
		}
		return s.Health
	}
	if b := im.built(ch); b != nil {
		return b.health[s.Name]
	}
	return nil
}

// make makes all images of a revision, scans those that may hold its flag, and decides how the flag gets in.
func (im *images) make(ctx context.Context, b *build) error {
	b.begin()
	for n := range b.ch.Services {
		s := &b.ch.Services[n]
		spec := BuildSpec{Challenge: b.ch, Service: s, Again: b.again}
		if b.ch.Flag.Dynamic {
			spec.Flags = b.ch.Flag.Sentinels()
		}
		err := b.stage("image of "+s.Name, func() error { return im.engine.BuildImage(ctx, spec, b) })
		if err != nil {
			return err
		}
		if s.Relay {
			continue
		}
		health, err := im.engine.ImageHealth(ctx, s.Image)
		if err != nil {
			return err
		}
		b.health[s.Name] = health
		if !b.ch.Flag.Dynamic || s.Build == nil || !s.Build.Flag {
			continue
		}
		err = b.stage("flag in "+s.Name, func() (err error) {
			b.flags[s.Name], err = im.engine.ScanImage(ctx, b.ch, s, b)
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := im.tryParts(ctx, b); err != nil {
		return err
	}
	return b.decide()
}

// ended lets a build's end be known. That of this process is none of the build's.
func (im *images) ended(b *build, err error) {
	if errors.Is(err, errShutdown) {
		return
	}
	var reason *whaley.Error
	if err != nil && !errors.As(err, &reason) {
		reason = whaley.Errorf(
			whaley.Unavailable, "image_failed", "The challenge's image could not be built. Tell an organiser.",
		).Because(err)
	}
	switch {
	case reason == nil:
		im.works(b.ch)
	case !errors.Is(err, errUnwanted) && reason.Code != "engine_unavailable":
		im.broken(b.ch, reason)
	}
	im.mu.Lock()
	switch {
	case reason == nil:
		im.ready[keyOf(b.ch)], im.good[b.ch.ID] = b, b.ch
	case !errors.Is(err, errUnwanted):
		reason = whaley.BackedOff(reason, b.failures)
		b.failures++
		b.retry = time.Now().Add(reason.RetryAfter)
	}
	b.finish(reason)
	im.mu.Unlock()
	switch {
	case reason == nil:
		im.log.Info("images ready", "challenge", b.ch.ID, "revision", b.ch.Revision, "flag", b.placing, "took", b.took())
	case errors.Is(err, errUnwanted):
		im.log.Info("image build dropped: no longer needed", "challenge", b.ch.ID, "revision", b.ch.Revision)
	default:
		im.log.Error(
			"image build failed", "challenge", b.ch.ID, "revision", b.ch.Revision, "err", err, "output", b.tail(4096),
		)
	}
}
