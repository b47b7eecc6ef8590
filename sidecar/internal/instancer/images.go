package instancer

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
)

// buildSlots is how many challenges are built at the same time; of one challenge it is one build at a time.
const buildSlots = 2

// images builds what challenges are made of, once per revision, before anybody asks.
type images struct {
	engine Images
	log    *slog.Logger

	mu     sync.Mutex
	ready  map[string]*build // challenge/revision → the one that spawns use
	latest map[string]*build // challenge → what an organiser wants to see
	todo   []*build
	busy   map[string]chan struct{} // challenge → closed when nothing of it is built any more
	owners map[string][]OwnerBuild  // challenge
	wake   chan struct{}
}

func newImages(engine Images, log *slog.Logger) *images {
	return &images{engine: engine, log: log, ready: map[string]*build{}, latest: map[string]*build{},
		busy: map[string]chan struct{}{}, owners: map[string][]OwnerBuild{}, wake: make(chan struct{}, 1)}
}

func keyOf(ch *Challenge) string { return ch.ID + "/" + ch.Revision }

// prepare queues the build of a revision unless it is built, or being built; a failed one is tried again.
func (im *images) prepare(ch *Challenge) *build {
	im.mu.Lock()
	defer im.mu.Unlock()
	return im.prepared(ch)
}

func (im *images) prepared(ch *Challenge) *build {
	if b := im.ready[keyOf(ch)]; b != nil {
		return b
	}
	if b := im.latest[ch.ID]; b != nil && b.ch.Revision == ch.Revision && !b.failed() {
		return b
	}
	return im.queue(ch, false)
}

// again queues a build from scratch. Until it is done, spawns use what there is.
func (im *images) again(ch *Challenge) (*build, error) {
	im.mu.Lock()
	defer im.mu.Unlock()
	if b := im.latest[ch.ID]; b != nil && !b.over() {
		return nil, Errorf(Conflict, "build_running", "The images of %q are being built already.", ch.ID)
	}
	return im.queue(ch, true), nil
}

func (im *images) queue(ch *Challenge, again bool) *build {
	b, before := newBuild(ch, again), im.latest[ch.ID]
	im.latest[ch.ID] = b
	if before != nil {
		before.change(func() {}) // who watches it sees this one next
	}
	im.todo = append(im.todo, b)
	im.rouse()
	return b
}

func (im *images) rouse() {
	select {
	case im.wake <- struct{}{}:
	default:
	}
}

// forget makes the next prepare build again: an image of this revision is gone.
func (im *images) forget(ch *Challenge) {
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
		}
	}
}

// failure is the reason why a revision cannot be started at all, if its build failed; another try is queued.
func (im *images) failure(ch *Challenge) error {
	im.mu.Lock()
	ready, b := im.ready[keyOf(ch)], im.latest[ch.ID]
	im.mu.Unlock()
	if ready != nil || b == nil || b.ch.Revision != ch.Revision || !b.failed() {
		return nil
	}
	im.prepare(ch)
	return b.err
}

// wait returns when the images of a revision are there.
func (im *images) wait(ctx context.Context, ch *Challenge, stage func(string)) (*build, error) {
	b := im.prepare(ch)
	select {
	case <-b.done:
	default:
		stage("Building the challenge's images")
		select {
		case <-b.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if b.err != nil {
		return nil, b.err
	}
	return b, nil
}

// health is a service's check: its own, else its image's; nil if there is none or it is disabled.
func (im *images) health(ch *Challenge, s Service) *Health {
	if s.Health != nil {
		if len(s.Health.Test) == 0 {
			return nil
		}
		return s.Health
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	if b := im.ready[keyOf(ch)]; b != nil {
		return b.health[s.Name]
	}
	return nil
}

// run builds until ctx ends.
func (im *images) run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, buildSlots)
	for {
		b := im.next()
		if b == nil {
			select {
			case <-im.wake:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		running.Go(func() {
			defer func() { <-slots }()
			im.make(ctx, b)
			im.unlock(b.ch.ID)
		})
	}
}

// next takes the first build of the queue whose challenge is not being built, and locks that.
func (im *images) next() *build {
	im.mu.Lock()
	defer im.mu.Unlock()
	for n, b := range im.todo {
		if im.busy[b.ch.ID] == nil {
			im.busy[b.ch.ID] = make(chan struct{})
			im.todo = slices.Delete(im.todo, n, n+1)
			return b
		}
	}
	return nil
}

func (im *images) unlock(challenge string) {
	im.mu.Lock()
	defer im.mu.Unlock()
	close(im.busy[challenge])
	delete(im.busy, challenge)
	im.rouse()
}

// lock waits until nothing of a challenge is built, and keeps others from building it.
func (im *images) lock(ctx context.Context, challenge string) error {
	for {
		im.mu.Lock()
		busy := im.busy[challenge]
		if busy == nil {
			im.busy[challenge] = make(chan struct{})
			im.mu.Unlock()
			return nil
		}
		im.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// make makes all images of a revision, scans those that may hold its flag, and decides how the flag gets in.
func (im *images) make(ctx context.Context, b *build) {
	err := im.services(ctx, b)
	if err == nil {
		err = b.decide()
	}
	var reason *Error
	if err != nil && !errors.As(err, &reason) {
		reason = Errorf(Unavailable, "image_failed", "The challenge's image could not be built. Tell an organiser.").Because(err)
	}
	im.mu.Lock()
	if reason == nil {
		im.ready[keyOf(b.ch)] = b
	}
	im.mu.Unlock()
	b.finish(reason)
	if reason != nil {
		im.log.Error("image build failed", "challenge", b.ch.ID, "revision", b.ch.Revision, "err", err, "output", b.tail(4096))
		return
	}
	im.log.Info("images ready", "challenge", b.ch.ID, "revision", b.ch.Revision, "flag", b.placing, "took", b.ended.Sub(b.started))
}

func (im *images) services(ctx context.Context, b *build) error {
	b.begin()
	for n := range b.ch.Services {
		s := &b.ch.Services[n]
		spec := BuildSpec{Challenge: b.ch, Service: s, Again: b.again}
		if b.ch.Flag.Dynamic {
			spec.Flag = b.ch.Flag.Sentinel()
		}
		err := b.stage("image of "+s.Name, func() error { return im.engine.BuildImage(ctx, spec, b) })
		if err != nil {
			return err
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
	return nil
}
