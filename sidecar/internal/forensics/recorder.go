package forensics

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	slots    = 5                // captures at once
	liveTime = 30 * time.Second // of a capture that nobody's stop waits for
)

// Engine tells what containers printed.
type Engine interface {
	List(ctx context.Context, instance string) ([]instancer.Object, error)
	Output(ctx context.Context, id string, pieces int, each func(stream string, at time.Time, text []byte) error) error
}

// Store keeps the rows.
type Store interface {
	AddCapture(ctx context.Context, c whaley.Capture) error
	Capture(ctx context.Context, id string) (*whaley.Capture, error)
	Captures(ctx context.Context, q whaley.CaptureQuery) ([]whaley.Capture, error)
	RemoveCaptures(ctx context.Context, ids []string) (int, error)
	CaptureStats(ctx context.Context) (whaley.CaptureStats, error)
	Record(ctx context.Context, ev whaley.Event) error
}

// Options are the settings of a Recorder. Those that are functions may change while it works.
type Options struct {
	Dir       string
	Holder    string      // this sidecar, whose disk it is
	Auto      func() bool // captures are made when an instance ends
	Retention func() time.Duration
	MaxBytes  func() int64 // of one capture, before it is compressed
	Lines     func() int   // the last ones of each container
	Compress  func() bool
}

// Recorder makes and keeps captures.
type Recorder struct {
	engine Engine
	store  Store
	opts   Options
	log    *slog.Logger
	slots  chan struct{}
	done   func(kind string, took time.Duration, err error) // told of every capture
}

// New makes a Recorder, and its folder if that is missing.
func New(engine Engine, store Store, opts Options, log *slog.Logger) (*Recorder, error) {
	r := &Recorder{engine: engine, store: store, opts: opts, log: log, slots: make(chan struct{}, slots)}
	r.done = func(string, time.Duration, error) {}
	if err := makeDir(opts.Dir); err != nil {
		return nil, fmt.Errorf("FORENSICS_LOG_DIR: %w", err)
	}
	return r, nil
}

// OnDone sets who is told of every capture; it must not block. Set it before the first.
func (r *Recorder) OnDone(done func(kind string, took time.Duration, err error)) { r.done = done }

// Options are the settings as they are now.
func (r *Recorder) Options() Options { return r.opts }

// Capture keeps what an instance printed, if that is on. It returns when ctx ends whatever the engine and the disk do.
func (r *Recorder) Capture(ctx context.Context, in *whaley.Instance, reason string) {
	if !r.opts.Auto() {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := r.capture(ctx, in, whaley.CaptureAuto, reason); err != nil {
			r.log.Warn("output of an instance not captured", "instance", in.ID, "err", err)
			r.tell(ctx, in, err)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// tell makes a failure an event, as long as that takes no time.
func (r *Recorder) tell(ctx context.Context, in *whaley.Instance, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	why := "the log says why"
	if code := whaley.CodeOf(err); code != "" {
		why = code
	}
	err = r.store.Record(ctx, whaley.Event{
		Type: "forensics_failed", Instance: in.ID, Challenge: in.Challenge, Owner: in.Owner.ID, At: time.Now().UTC(),
		Message: "what it printed could not be kept: " + why,
	})
	if err != nil {
		r.log.Warn("event not recorded", "instance", in.ID, "err", err)
	}
}

// Live keeps what a running instance has printed so far.
func (r *Recorder) Live(ctx context.Context, in *whaley.Instance) (whaley.Capture, error) {
	ctx, cancel := context.WithTimeout(ctx, liveTime)
	defer cancel()
	return r.capture(ctx, in, whaley.CaptureLive, whaley.CaptureLive)
}

func (r *Recorder) capture(
	ctx context.Context, in *whaley.Instance, kind, reason string,
) (c whaley.Capture, err error) {
	began := time.Now()
	defer func() { r.done(kind, time.Since(began), err) }()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return c, whaley.Errorf(whaley.Unavailable, "captures_busy", "Too many captures are being made. Try again.").Because(
			ctx.Err(),
		).After(2 * time.Second)
	}
	objects, err := r.engine.List(ctx, in.ID)
	if err != nil {
		return c, err
	}
	objects = slices.DeleteFunc(objects, func(o instancer.Object) bool { return o.Kind != "container" })
	if len(objects) == 0 {
		return c, whaley.Errorf(whaley.Conflict, "no_containers", "The instance has no containers.")
	}
	slices.SortFunc(objects, func(a, b instancer.Object) int { return strings.Compare(a.Name, b.Name) })
	at := began.UTC()
	c = whaley.Capture{
		ID: newID(at, in), Instance: in.ID, Challenge: in.Challenge, Owner: in.Owner, Player: in.Player, Kind: kind,
		Reason: reason,
		At:     at, Compressed: r.opts.Compress(), Holder: r.opts.Holder, Containers: []string{},
	}
	prints := r.collect(ctx, objects)
	for _, p := range prints {
		c.Containers = append(c.Containers, p.object.Name)
		c.Truncated = c.Truncated || p.dropped > 0 || p.err != nil
	}
	if c.File, c.Size, err = r.write(c, prints); err != nil {
		return c, full(err)
	}
	// The file is there, so its row is written even if nobody waits any more.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), liveTime)
	defer cancel()
	if err = r.store.AddCapture(ctx, c); err != nil {
		r.unlink(c.File)
	}
	return c, err
}

// newID begins with the time, by which captures sort.
func newID(at time.Time, in *whaley.Instance) string {
	var random [3]byte
	_, _ = rand.Read(random[:]) // never fails
	owner := in.Owner.ID[:min(8, len(in.Owner.ID))]
	return strings.Join(
		[]string{
			strings.Replace(at.Format("20060102-150405.000"), ".", "-", 1), in.Challenge, owner, hex.EncodeToString(random[:]),
		},
		"_",
	)
}
