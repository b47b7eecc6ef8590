package containers

import (
	"context"
	"net/netip"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// NetworkSpec is an instance's own network.
type NetworkSpec struct {
	Name     string
	Subnet   netip.Prefix
	Internal bool // no way to the outside and no published ports
	// Masquerade lets containers of a network that is not internal open connections to the outside; without it such
	// a network has published ports only.
	Masquerade bool
	Labels     instancer.Labels
}

// ContainerSpec is one container to be made, tokens already replaced.
type ContainerSpec struct {
	Name    string
	Service whaley.Service
	Network string
	Join    string // container whose network it shares; Network, Address, Aliases, Publish and Egress are that one's then
	Address netip.Addr
	Aliases []string
	Publish map[int]int       // container port → host port, of TCP
	UDP     map[int]int       // the same of UDP
	Volumes map[string]string // named volume → engine's volume name
	Egress  bool              // names of the outside are answered
	Gated   bool              // it waits for what it is to be before its program begins
	Labels  instancer.Labels
}

// Engine makes and removes things. Removing what is not there is no error.
type Engine interface {
	instancer.Images
	Networks
	Containers
	Files
	Gates
	Disks
	Ping(ctx context.Context) error
	// List returns every object with our labels that belongs to this deployment, of one instance or (empty) of all.
	List(ctx context.Context, instance string) ([]instancer.Object, error)
	// Exits reports containers of ours that stopped running, until ctx ends. It reconnects by itself; after every
	// reconnect it sends an Exit with an empty Instance, which means: look yourself.
	Exits(ctx context.Context) <-chan instancer.Exit
}

// Networks are what an engine does with networks and volumes.
type Networks interface {
	// CreateNetwork answers CodeSubnetTaken when that is why the engine refused.
	CreateNetwork(ctx context.Context, spec NetworkSpec) error
	RemoveNetwork(ctx context.Context, name string) error
	// ConnectContainer puts a container that is not started yet onto one more network, which must be there.
	ConnectContainer(ctx context.Context, id string, e whaley.Endpoint) error
	CreateVolume(ctx context.Context, name string, l instancer.Labels) error
	RemoveVolume(ctx context.Context, name string) error
}

// Containers are what an engine does with containers.
type Containers interface {
	CreateContainer(ctx context.Context, spec ContainerSpec) (id string, err error)
	// StartContainer answers CodePortTaken when that is why the engine refused. One that is halted goes on.
	StartContainer(ctx context.Context, id string) error
	// PauseContainer halts the programs of a container that runs, until it is started; one that is halted stays so.
	PauseContainer(ctx context.Context, id string) error
	StopContainer(ctx context.Context, id string, grace time.Duration) error
	RemoveContainer(ctx context.Context, id string) error
	// Wait blocks until the container has exited and returns its exit code.
	Wait(ctx context.Context, id string) (int, error)
	// Logs returns the end of what a container printed.
	Logs(ctx context.Context, id string, lines int) (string, error)
}

// Files are how flags and an instance's own copies get into containers.
type Files interface {
	// MakeFiles writes an instance's own copies, with the flag, of what cannot be written into its container: mounted
	// files that hold a placeholder and, if its root is read-only, files of its image (nil: none) that hold the sentinel.
	// It returns how they are mounted.
	MakeFiles(
		ctx context.Context, instance string, ch *whaley.Challenge, svc *whaley.Service, image *whaley.ImageFlag,
		flags []string,
	) ([]whaley.Mount, error)
	// RemoveFiles removes what MakeFiles wrote.
	RemoveFiles(ctx context.Context, instance string) error
	// PlaceFlag writes all files of its image that hold the sentinel, now with the flag, into a container that is not
	// started yet. It fails if any of them is not what the scan saw.
	PlaceFlag(
		ctx context.Context, id string, ch *whaley.Challenge, svc *whaley.Service, image *whaley.ImageFlag, flags []string,
	) error
	// FillMounts writes those of a service's mounts that are the instance's own copies into a container that is not
	// started yet, with the flags (nil: none) in the place of the placeholders.
	FillMounts(
		ctx context.Context, id string, ch *whaley.Challenge, svc *whaley.Service, mounts []whaley.Mount, flags []string,
	) error
}

// Gates are what an engine does with containers that wait for what they are to be.
type Gates interface {
	// CanWait says why a service's containers cannot wait at a gate here; nil: they can.
	CanWait(svc *whaley.Service) error
	// CanPatch says whether a container that waits can be given its flags when it is told what it is, in the files of its
	// image that hold the sentinel (nil: none does).
	CanPatch(ch *whaley.Challenge, svc *whaley.Service, image *whaley.ImageFlag) (bool, error)
	// Tell writes down what a container that waits at its gate is to be: its service as it is now, with the flags (nil:
	// none) in the files of its image that hold the sentinel. The next StartContainer tells it; one before leaves it at
	// its gate.
	Tell(
		ctx context.Context, instance string, ch *whaley.Challenge, svc *whaley.Service, image *whaley.ImageFlag,
		flags []string,
	) error
}

// Disks are what an engine knows of its disk; see instancer.Platform.
type Disks interface {
	Disk(ctx context.Context, mostFiles int64) (whaley.Disk, error)
}
