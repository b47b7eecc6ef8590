package instancer

import (
	"context"
	"net/netip"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Platform runs instances. Where one is, and what it needs there beside its services (networks, addresses, volumes,
// host ports, a firewall), is the platform's own affair: the rules know rows and services. All methods are safe for
// concurrent use.
type Platform interface {
	Instances
	Services
	Images
	// Disk is what instances have on the platform's disk; of each no more than mostFiles need be counted (0: all). With an
	// error it is what was seen all the same. What takes long at one instance keeps it from none of the others.
	Disk(ctx context.Context, mostFiles int64) (whaley.Disk, error)
}

// Instances are what a platform does with a whole one.
type Instances interface {
	// Start makes what an instance consists of and has steps run it. Where a place turns out to be of no use it removes
	// all that it made there and goes on in another; what an earlier life of this process has made is used as far as it
	// can be. With an error it may leave things behind, which Remove removes.
	Start(ctx context.Context, in *whaley.Instance, plan Plan, steps Steps) error
	// CanWait says why instances of a plan cannot be prepared; nil: they can.
	CanWait(plan Plan) error
	// Places is how many networks all instances together can have; 0: that is nothing of which there could be too few.
	Places() int
	// InPlace says whether an instance is where one would be made now. What was made ahead elsewhere is replaced.
	InPlace(in *whaley.Instance) bool
	// Prepare makes what an instance consists of ahead of its owner, up to where its programs would begin. Its plan is as
	// Start's, with neither flags nor anything else of an owner; of steps only Placed and Step are used. One that is to be
	// warm has flags that nobody owns yet and is run by steps, and its programs are halted then. With an error it may leave
	// things behind, which Remove removes.
	Prepare(ctx context.Context, in *whaley.Instance, plan Plan, steps Steps) error
	// Claim makes what was prepared its owner's, whose row has the same id and place by now, and has steps run it: of what
	// is warm those services that have not ended, which go on when they are started. It is done for what was prepared once;
	// after an error of no code Start does it from what is left.
	Claim(ctx context.Context, in *whaley.Instance, plan Plan, steps Steps) error
	// Sleep stops the services of an instance, to which nothing leads from then on, and keeps what they have written and
	// all that is the instance's. It can be repeated.
	Sleep(ctx context.Context, in *whaley.Instance) error
	// Wake has run start those services again that ran when an instance fell asleep, and leads to it again. Of what it is
	// given the services' names are known. What an earlier life has started already runs on.
	Wake(ctx context.Context, in *whaley.Instance, run func(ctx context.Context, made []Made) error) error
	// Traffic is what is known of instances' connections with what is outside of them, by id.
	Traffic(ctx context.Context, all []*whaley.Instance) (map[string]whaley.Traffic, error)
	// Remove removes all that there is of an instance, what is reserved for it last. It can be repeated.
	Remove(ctx context.Context, in *whaley.Instance) error
	// List returns every object with our labels that belongs to this deployment, of one instance or (empty) of all.
	List(ctx context.Context, instance string) ([]Object, error)
	// Reserved are the instances for which something is reserved.
	Reserved(ctx context.Context) ([]string, error)
	// Tidy removes what there is of instances that no row asks for, and lets those that live do what they may and no
	// other.
	Tidy(ctx context.Context, orphans []string, live func(context.Context) ([]*whaley.Instance, error)) error
	// Exits reports services that stopped running, until ctx ends. It reconnects by itself; after every reconnect it sends
	// an Exit with an empty Instance, which means: look yourself.
	Exits(ctx context.Context) <-chan Exit
}

// Services are what a platform does with one service, by its id.
type Services interface {
	StartService(ctx context.Context, id string) error
	StopService(ctx context.Context, id string, grace time.Duration) error
	// Wait blocks until the service has ended and returns its exit code.
	Wait(ctx context.Context, id string) (int, error)
	// Logs returns the end of what a service printed.
	Logs(ctx context.Context, id string, lines int) (string, error)
}

// Labels are on every object that is ours.
type Labels struct {
	Instance  string
	Challenge string
	Owner     string
	Revision  string
	Service   string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Object is something that is there and carries our labels.
type Object struct {
	Kind    string // container, network, volume, files
	ID      string // for containers the id, for files the instance, else the name
	Name    string
	Running bool // also if its programs are halted
	Waiting bool // it is there and runs, but not the challenge's program: nobody's yet
	Ended   bool // a container that ran, and does so no more
	Lost    bool // a container that ended without its program, as with its machine: it cannot be started again
	Labels  Labels
}

// Exit is a hint that a container of an instance stopped.
type Exit struct {
	Instance string
	Service  string
}

// Plan is what an instance is to consist of.
type Plan struct {
	Challenge *whaley.Challenge
	Labels    Labels
	Flags     []string // its owner's; nil: it has none
	Anew      bool     // what waits is not what the instance is to be made of
	Warm      bool     // its programs run ahead of its owner
	// Services are those of the challenge, in its order, as they are in an instance whose place is known.
	Services func(in *whaley.Instance) ([]PlannedService, error)
}

// PlannedService is a service with every text as its instance has it.
type PlannedService struct {
	whaley.Service
	Flag *whaley.ImageFlag // where its image holds the sentinel; nil: nowhere, or its owner's flag is in it already
}

// Location is where an instance is. It is written into its row before anything is made there.
type Location struct {
	Subnet    netip.Prefix
	Networks  []whaley.Part // if it has several
	Addresses map[string]netip.Addr
	Ports     map[int]int
}

// Made is a service that is there, and may not have been started.
type Made struct {
	Service whaley.Service
	ID      string
	Address netip.Addr
}

// Steps are what the rules do of a start.
type Steps struct {
	// Placed writes a place into the instance's row, an empty one before another is looked for, and returns the row.
	Placed func(ctx context.Context, p Location) (*whaley.Instance, error)
	// Run starts what is made, in the order of the challenge, and returns when all is ready.
	Run func(ctx context.Context, in *whaley.Instance, made []Made) error
	// Full says that there is no room for what is made at the moment, for as long as it is called now and then: what
	// waits for owners gives way. nil: what is made gives way itself, and is given up when it finds none.
	Full func(ctx context.Context)
	// Step is a part of the start in its trace.
	Step func(ctx context.Context, name string) (context.Context, func(error))
}
