// Package simulated is an engine in memory, for tests and benchmarks with more instances than a machine can hold. It
// passes the same contract as the real one (dockertest.Contract), and runs nothing: no address answers, but the engine
// itself says what would, as a service's environment has it.
package simulated

import (
	"context"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// World is what all deployments on one engine share.
type World struct {
	mu       sync.Mutex
	number   int
	objects  map[string]*object // kind/id
	images   map[string]built
	watchers map[chan instancer.Exit]string // → deployment
}

type built struct{ deployment, challenge, revision, owner string }

type object struct {
	instancer.Object
	deployment string
	subnet     netip.Prefix
	spec       containers.ContainerSpec
	code       int
	halted     bool
	told       bool // what it is to be; only one that begins at a gate is told
	started    time.Time
	ended      chan struct{} // closed when a started container has ended
}

// NewWorld makes an empty engine.
func NewWorld() *World {
	return &World{objects: map[string]*object{}, images: map[string]built{}, watchers: map[chan instancer.Exit]string{}}
}

// Engine is the engine as one deployment sees it.
func (w *World) Engine(deployment string) *Engine { return &Engine{world: w, deployment: deployment} }

// WithPurpose is the same engine for objects that are not instances'.
func (e *Engine) WithPurpose(purpose string) *Engine {
	return &Engine{world: e.world, deployment: e.deployment + "/" + purpose}
}

// Engine implements containers.Engine.
type Engine struct {
	world      *World
	deployment string
}

var _ containers.Engine = (*Engine)(nil)

func (e *Engine) lock() func() {
	e.world.mu.Lock()
	return e.world.mu.Unlock
}

func missing() error {
	return whaley.Errorf(whaley.Unavailable, whaley.CodeObjectMissing, "Something is missing.")
}

// Ping always answers.
func (e *Engine) Ping(context.Context) error { return nil }

// CreateNetwork makes a network, or refuses with CodeSubnetTaken.
func (e *Engine) CreateNetwork(_ context.Context, spec containers.NetworkSpec) error {
	defer e.lock()()
	for _, o := range e.world.objects {
		if o.Kind == "network" && o.Name != spec.Name && o.subnet.Overlaps(spec.Subnet) {
			return whaley.Errorf(whaley.Unavailable, whaley.CodeSubnetTaken, "The network's addresses are in use.")
		}
	}
	e.put(&object{
		Object: instancer.Object{Kind: "network", ID: spec.Name, Name: spec.Name, Labels: spec.Labels}, subnet: spec.Subnet,
	})
	return nil
}

func (e *Engine) put(o *object) {
	o.deployment = e.deployment
	e.world.objects[o.Kind+"/"+o.ID] = o
}

// RemoveNetwork removes a network; one that is gone is no error.
func (e *Engine) RemoveNetwork(_ context.Context, name string) error {
	defer e.lock()()
	delete(e.world.objects, "network/"+name)
	return nil
}

// CreateVolume makes a volume.
func (e *Engine) CreateVolume(_ context.Context, name string, l instancer.Labels) error {
	defer e.lock()()
	e.put(&object{Object: instancer.Object{Kind: "volume", ID: name, Name: name, Labels: l}})
	return nil
}

// RemoveVolume removes a volume; one that is gone is no error.
func (e *Engine) RemoveVolume(_ context.Context, name string) error {
	defer e.lock()()
	delete(e.world.objects, "volume/"+name)
	return nil
}

// CreateContainer makes a container in the place of one with the same name.
func (e *Engine) CreateContainer(_ context.Context, spec containers.ContainerSpec) (string, error) {
	defer e.lock()()
	if _, there := e.world.images[spec.Service.Image]; !there {
		return "", missing()
	}
	if before := e.find(spec.Name); before != nil {
		e.drop(before)
	}
	e.world.number++
	id := "container-" + strconv.Itoa(e.world.number)
	e.put(&object{
		Object: instancer.Object{Kind: "container", ID: id, Name: spec.Name, Labels: spec.Labels}, spec: spec,
		ended: make(chan struct{}),
	})
	return id, nil
}

// ConnectContainer puts a container onto one more network.
func (e *Engine) ConnectContainer(_ context.Context, id string, p whaley.Endpoint) error {
	defer e.lock()()
	if e.find(id) == nil || e.world.objects["network/"+p.Network] == nil {
		return missing()
	}
	return nil
}

// find looks for a container by id or name.
func (e *Engine) find(id string) *object {
	if o := e.world.objects["container/"+id]; o != nil {
		return o
	}
	for _, o := range e.world.objects {
		if o.Kind == "container" && o.Name == id {
			return o
		}
	}
	return nil
}

// StartContainer starts a container. One whose environment says EXIT=n ends at once with that code, as dockertest's
// server does. It refuses with CodePortTaken.
func (e *Engine) StartContainer(_ context.Context, id string) error {
	defer e.lock()()
	o := e.find(id)
	if o == nil {
		return missing()
	}
	o.halted = false
	if o.Running {
		return nil
	}
	if o.Waiting = o.spec.Gated && !o.told; o.Waiting {
		o.Ended = false
		return nil
	}
	if o.spec.Join != "" {
		if holder := e.find(o.spec.Join); holder == nil || !holder.Running {
			return missing()
		}
	}
	for _, other := range e.world.objects {
		if other.Running && other != o &&
			(sharesPort(other.spec.Publish, o.spec.Publish) || sharesPort(other.spec.UDP, o.spec.UDP)) {
			return whaley.Errorf(whaley.Unavailable, whaley.CodePortTaken, "A port is in use.")
		}
	}
	if o.Ended && !o.started.IsZero() {
		o.ended = make(chan struct{})
	}
	o.Running, o.Ended, o.started = true, false, time.Now()
	for _, pair := range o.spec.Service.Environment {
		if text, ends := strings.CutPrefix(pair, "EXIT="); ends {
			o.code, _ = strconv.Atoi(text)
			e.end(o)
		}
	}
	return nil
}

func sharesPort(a, b map[int]int) bool {
	for _, p := range a {
		for _, q := range b {
			if p == q {
				return true
			}
		}
	}
	return false
}

// end makes a container end and tells who listens.
func (e *Engine) end(o *object) {
	if o.Waiting {
		o.Waiting, o.Ended = false, true
		return
	}
	if !o.Running {
		return
	}
	o.Running, o.Ended = false, true
	close(o.ended)
	for watcher, deployment := range e.world.watchers {
		if deployment == o.deployment {
			watcher <- instancer.Exit{Instance: o.Labels.Instance, Service: o.Labels.Service}
		}
	}
}

// HolderImage is there at once.
func (e *Engine) HolderImage(context.Context) (string, error) {
	defer e.lock()()
	const name = "whaley/holder:simulated"
	e.world.images[name] = built{}
	return name, nil
}

// PauseContainer halts a container, of which only that is remembered.
func (e *Engine) PauseContainer(_ context.Context, id string) error {
	defer e.lock()()
	o := e.find(id)
	if o == nil || !o.Running {
		return missing()
	}
	o.halted = true
	return nil
}

// StopContainer ends a container at once.
func (e *Engine) StopContainer(_ context.Context, id string, _ time.Duration) error {
	defer e.lock()()
	if o := e.find(id); o != nil {
		e.end(o)
	}
	return nil
}

// RemoveContainer removes a container; one that is gone is no error.
func (e *Engine) RemoveContainer(_ context.Context, id string) error {
	defer e.lock()()
	if o := e.find(id); o != nil {
		e.drop(o)
	}
	return nil
}

func (e *Engine) drop(o *object) {
	e.end(o)
	delete(e.world.objects, "container/"+o.ID)
}

// Wait blocks until the container has ended.
func (e *Engine) Wait(ctx context.Context, id string) (int, error) {
	unlock := e.lock()
	o := e.find(id)
	if o == nil {
		unlock()
		return 0, missing()
	}
	ended := o.ended
	unlock()
	select {
	case <-ended:
		defer e.lock()()
		return o.code, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Follow says nothing until a container has ended.
func (e *Engine) Follow(ctx context.Context, id string, _ int, _ func(string) error) error {
	_, err := e.Wait(ctx, id)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Output is none.
func (e *Engine) Output(context.Context, string, int, func(stream string, at time.Time, text []byte) error) error {
	return nil
}

// Usage is nothing, of a container that runs.
func (e *Engine) Usage(_ context.Context, id string) (whaley.Usage, error) {
	defer e.lock()()
	if o := e.find(id); o == nil || !o.Running {
		return whaley.Usage{}, missing()
	}
	return whaley.Usage{}, nil
}

// Logs are what its environment says with PRINT=.
func (e *Engine) Logs(_ context.Context, id string, _ int) (string, error) {
	defer e.lock()()
	o := e.find(id)
	if o == nil {
		return "", missing()
	}
	for _, pair := range o.spec.Service.Environment {
		if text, prints := strings.CutPrefix(pair, "PRINT="); prints {
			return text + "\n", nil
		}
	}
	return "", nil
}

// Disk is empty: what runs nothing writes nothing.
func (e *Engine) Disk(context.Context, int64) (whaley.Disk, error) { return whaley.Disk{}, nil }

// List returns this deployment's objects.
func (e *Engine) List(_ context.Context, instance string) ([]instancer.Object, error) {
	defer e.lock()()
	var all []instancer.Object
	for _, o := range e.world.objects {
		if o.deployment == e.deployment && (instance == "" || o.Labels.Instance == instance) {
			all = append(all, o.Object)
		}
	}
	slices.SortFunc(all, func(a, b instancer.Object) int { return strings.Compare(a.Kind+a.ID, b.Kind+b.ID) })
	return all, nil
}

// Exits reports this deployment's containers that end.
func (e *Engine) Exits(ctx context.Context) <-chan instancer.Exit {
	unlock := e.lock()
	defer unlock()
	exits, kept := make(chan instancer.Exit), make(chan instancer.Exit, 1<<16)
	e.world.watchers[kept] = e.deployment
	go func() {
		defer close(exits)
		for {
			select {
			case exit := <-kept:
				select {
				case exits <- exit:
				case <-ctx.Done():
				}
			case <-ctx.Done():
				defer e.lock()()
				delete(e.world.watchers, kept)
				return
			}
		}
	}()
	return exits
}

// BuildImage makes an image known.
func (e *Engine) BuildImage(_ context.Context, spec instancer.BuildSpec, _ io.Writer) error {
	defer e.lock()()
	if _, there := e.world.images[spec.Service.Image]; !there {
		e.world.images[spec.Service.Image] = built{e.deployment, spec.Challenge.ID, spec.Challenge.Revision, spec.Owner}
	}
	return nil
}

// ScanImage finds the sentinel in one file of every image.
func (e *Engine) ScanImage(
	_ context.Context, ch *whaley.Challenge, svc *whaley.Service, _ io.Writer,
) (*whaley.ImageFlag, error) {
	defer e.lock()()
	if _, there := e.world.images[svc.Image]; !there {
		return nil, missing()
	}
	return &whaley.ImageFlag{
			Image: svc.Image, Cores: ch.Flag.Cores(), Found: slices.Repeat([]bool{true}, len(ch.Flag.Forms())), Files: 1,
			Bytes: 64,
		},
		nil
}

// SameImage says that no two images are the same.
func (e *Engine) SameImage(_ context.Context, a, b string) (bool, error) { return a == b, nil }

// MakeFiles makes files known.
func (e *Engine) MakeFiles(
	_ context.Context, instance string, _ *whaley.Challenge, _ *whaley.Service, _ *whaley.ImageFlag, _ []string,
) ([]whaley.Mount, error) {
	defer e.lock()()
	e.put(&object{Object: instancer.Object{
		Kind: "files", ID: instance, Name: instance, Labels: instancer.Labels{Instance: instance},
	}})
	return nil, nil
}

// RemoveFiles forgets files.
func (e *Engine) RemoveFiles(_ context.Context, instance string) error {
	defer e.lock()()
	delete(e.world.objects, "files/"+instance)
	return nil
}

// FillMounts refuses a container that is not there.
func (e *Engine) FillMounts(
	_ context.Context, id string, _ *whaley.Challenge, _ *whaley.Service, _ []whaley.Mount, _ []string,
) error {
	defer e.lock()()
	if e.find(id) == nil {
		return missing()
	}
	return nil
}

// PlaceFlag refuses a container that is not there.
func (e *Engine) PlaceFlag(
	_ context.Context, id string, _ *whaley.Challenge, _ *whaley.Service, _ *whaley.ImageFlag, _ []string,
) error {
	defer e.lock()()
	if e.find(id) == nil {
		return missing()
	}
	return nil
}

// RemoveImages forgets images that keep does not want and no container uses.
func (e *Engine) RemoveImages(_ context.Context, keep func(challenge, revision, owner string) bool) error {
	defer e.lock()()
	used := map[string]bool{}
	for _, o := range e.world.objects {
		used[o.spec.Service.Image] = true
	}
	for name, b := range e.world.images {
		if b.deployment == e.deployment && !used[name] && !keep(b.challenge, b.revision, b.owner) {
			delete(e.world.images, name)
		}
	}
	return nil
}

// ImageHealth says that no image has a check.
func (e *Engine) ImageHealth(_ context.Context, image string) (*whaley.Health, error) {
	defer e.lock()()
	if _, there := e.world.images[image]; !there {
		return nil, missing()
	}
	return nil, nil
}
