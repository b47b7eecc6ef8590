package instancer

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"
)

// Sandboxes are networks with addresses and names, made before anybody asks. An instance's containers join them.
type Sandboxes interface {
	// Take gives an instance a ready sandbox of a shape, the same one when asked again, or nil if there is none.
	Take(ctx context.Context, instance string, s Shape) (*Sandbox, error)
	// Free takes back what an instance has, if it has one, after its containers are gone.
	Free(ctx context.Context, instance string) error
	// Whole says whether all of what an instance has is there: the network, and every holder runs.
	Whole(ctx context.Context, instance string) (bool, error)
	// Discard does the same as Free with one that turned out to be broken.
	Discard(ctx context.Context, instance string) error
}

// SandboxPrefix begins the ids of sandboxes. No instance has a dot in its id.
const SandboxPrefix = "sandbox."

// SandboxState is where a sandbox is in its life.
type SandboxState string

// making → ready → taken → used → cleaning → resting → ready …, or gone from anywhere but taken.
const (
	SandboxMaking   SandboxState = "making"
	SandboxReady    SandboxState = "ready"
	SandboxTaken    SandboxState = "taken"
	SandboxUsed     SandboxState = "used"     // its holders know an instance that is no more
	SandboxCleaning SandboxState = "cleaning" // these are being replaced
	SandboxResting  SandboxState = "resting"  // whole, but nobody's until nobody remembers its last instance
	SandboxGone     SandboxState = "gone"     // everything is being removed
)

// Sandbox is a network of its own, with a holder for each service: a container that does nothing but to keep a network
// namespace with the service's address and name.
type Sandbox struct {
	ID       string
	Shape    Shape
	Subnet   netip.Prefix
	State    SandboxState
	Instance string        // taken: whose it is
	Worker   string        // which sidecar makes or cleans it
	Age      time.Duration // since the state changed
}

// Holder is the engine's name of a service's holder.
func (s *Sandbox) Holder(service string) string { return s.ID + "-" + service }

// Shape is all that two sandboxes can differ in.
type Shape struct {
	Egress   bool
	Services []Seat // in the order of their addresses
}

// Seat is a service's place in a sandbox, as its neighbours see it.
type Seat struct {
	Name, Hostname string
	Aliases        []string // beside its name
}

// shape is that of a challenge's instances, or false if they cannot use a sandbox: it has one network, and a published
// port belongs to the container that has the network, but is known only when an instance is made.
func (i *Instancer) shape(ch *Challenge) (Shape, bool) {
	if len(ch.Networks) > 0 || slices.ContainsFunc(ch.Routes, i.published) {
		return Shape{}, false
	}
	s := Shape{Egress: ch.Egress}
	for _, service := range ch.Services {
		if service.Relay {
			continue // its names are an instance's, so it has a place of its own
		}
		seat := Seat{Name: service.Name, Hostname: service.Hostname}
		if service.Shares != "" || service.Offline {
			return Shape{}, false
		}
		if len(service.Joins) > 1 || service.Domain != "" || service.Runtime != "" { // the holder has the engine's own runtime
			return Shape{}, false
		}
		if len(service.Joins) == 1 {
			seat.Aliases = service.Joins[0].Aliases
		}
		s.Services = append(s.Services, seat)
	}
	return s, true
}

// Shapes are those of all challenges that can be started, for the sandboxes to expect.
func (i *Instancer) Shapes() []Shape {
	var all []Shape
	for _, ch := range i.Challenges.All() {
		if s, ok := i.shape(ch); ok {
			all = append(all, s)
		}
	}
	return all
}

// Idle says whether no spawn is under way.
func (i *Instancer) Idle() bool { return i.queue.idle() }

// NetworkLost stops an instance whose network is no more; one that is being started is given another.
func (i *Instancer) NetworkLost(ctx context.Context, id string) {
	i.mu.Lock()
	lose := i.sandboxLost[id]
	i.mu.Unlock()
	if lose != nil {
		lose()
		return
	}
	in, err := i.Store.Get(ctx, id)
	if err != nil || in.State != Running {
		return // another sidecar is at it, or whoever takes it up looks
	}
	i.Log.Warn("instance lost its network", "instance", id)
	if _, err := i.stop(ctx, in, CauseLost); err != nil {
		i.Log.Error("lost instance not stopped", "instance", id, "err", err)
	}
}

// inSandbox makes what an instance consists of, until that is ready or the sandbox is lost. The containers would run on
// without a network and never get ready.
func (i *Instancer) inSandbox(ctx context.Context, in *Instance, assemble func(ctx context.Context) error) (lost bool, err error) {
	ctx, lose := context.WithCancel(ctx)
	defer lose()
	i.mu.Lock()
	i.sandboxLost[in.ID] = lose
	i.mu.Unlock()
	defer func() {
		i.mu.Lock()
		delete(i.sandboxLost, in.ID)
		i.mu.Unlock()
	}()
	err = assemble(ctx)
	if lost = ctx.Err() != nil; lost && err == nil {
		err = errors.New("it lost its sandbox")
	}
	return lost, err
}

// Address is that of the nth service.
func (s *Sandbox) Address(n int) netip.Addr { return addressOf(s.Subnet, n) }

// noSandboxes is for those who have none.
type noSandboxes struct{}

func (noSandboxes) Take(context.Context, string, Shape) (*Sandbox, error) { return nil, nil }
func (noSandboxes) Free(context.Context, string) error                    { return nil }
func (noSandboxes) Whole(context.Context, string) (bool, error)           { return true, nil }
func (noSandboxes) Discard(context.Context, string) error                 { return nil }
