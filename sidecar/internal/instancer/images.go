package instancer

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// images builds what challenges are made of, once per revision and one at a time, before anybody asks.
type images struct {
	engine Images
	log    *slog.Logger

	mu     sync.Mutex
	builds map[string]*build // challenge/revision
	todo   []*build
	wake   chan struct{}
}

type build struct {
	ch     *Challenge
	done   chan struct{}
	err    *Error             // set before done is closed
	health map[string]*Health // service → the image's own check
}

func newImages(engine Images, log *slog.Logger) *images {
	return &images{engine: engine, log: log, builds: map[string]*build{}, wake: make(chan struct{}, 1)}
}

// prepare queues the build of a revision unless it is built, or being built; a failed one is tried again.
func (im *images) prepare(ch *Challenge) *build {
	im.mu.Lock()
	defer im.mu.Unlock()
	key := ch.ID + "/" + ch.Revision
	if b, known := im.builds[key]; known && !b.failed() {
		return b
	}
	b := &build{ch: ch, done: make(chan struct{}), health: map[string]*Health{}}
	im.builds[key] = b
	im.todo = append(im.todo, b)
	select {
	case im.wake <- struct{}{}:
	default:
	}
	return b
}

func (b *build) failed() bool {
	select {
	case <-b.done:
		return b.err != nil
	default:
		return false
	}
}

// forget makes the next prepare build again: an image of this revision is gone.
func (im *images) forget(ch *Challenge) {
	im.mu.Lock()
	defer im.mu.Unlock()
	delete(im.builds, ch.ID+"/"+ch.Revision)
}

// failure is the reason why a revision cannot be started at all, if its build failed; another try is queued.
func (im *images) failure(ch *Challenge) error {
	im.mu.Lock()
	b := im.builds[ch.ID+"/"+ch.Revision]
	im.mu.Unlock()
	if b == nil || !b.failed() {
		return nil
	}
	im.prepare(ch)
	return b.err
}

// wait returns when the images of a revision are there.
func (im *images) wait(ctx context.Context, ch *Challenge, stage func(string)) error {
	b := im.prepare(ch)
	select {
	case <-b.done:
	default:
		stage("Building the challenge's images")
		select {
		case <-b.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if b.err != nil {
		return b.err
	}
	return nil
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
	if b := im.builds[ch.ID+"/"+ch.Revision]; b != nil {
		return b.health[s.Name]
	}
	return nil
}

func (im *images) run(ctx context.Context) error {
	for {
		im.mu.Lock()
		var next *build
		if len(im.todo) > 0 {
			next, im.todo = im.todo[0], im.todo[1:]
		}
		im.mu.Unlock()
		if next == nil {
			select {
			case <-im.wake:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		im.build(ctx, next)
	}
}

func (im *images) build(ctx context.Context, b *build) {
	defer close(b.done)
	began := time.Now()
	for n := range b.ch.Services {
		s := &b.ch.Services[n]
		var output bytes.Buffer
		err := im.engine.BuildImage(ctx, b.ch, s, &output)
		var health *Health
		if err == nil {
			health, err = im.engine.ImageHealth(ctx, s.Image)
		}
		if err != nil {
			im.log.Error("image build failed", "challenge", b.ch.ID, "service", s.Name, "err", err, "output", tail(output.Bytes(), 4096))
			var reason *Error
			if !errors.As(err, &reason) {
				reason = Errorf(Unavailable, "image_failed", "The challenge's image could not be built. Tell an organiser.").Because(err)
			}
			b.err = reason
			return
		}
		b.health[s.Name] = health
	}
	im.log.Info("images ready", "challenge", b.ch.ID, "revision", b.ch.Revision, "took", time.Since(began))
}

func tail(text []byte, size int) string {
	return string(text[max(0, len(text)-size):])
}
