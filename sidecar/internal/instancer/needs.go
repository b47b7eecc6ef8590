package instancer

import (
	"context"
	"io"
	"net/netip"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Store keeps what should be. All methods are safe for concurrent use and by several sidecars.
type Store interface {
	// Insert adds a live instance and its event in one transaction. It refuses with CodeLiveInstance if the owner has
	// a live one of this challenge, with CodeQuota if the owner and with CodeHostFull if the host has as many as allowed,
	// with the reason of the owner's last start of it while that one's back-off lasts, and with too_fast if the player
	// has started as many as allowed in the last minute. It sets Failures and Losses.
	Insert(ctx context.Context, in *whaley.Instance, q whaley.Quota, ev whaley.Event) error
	// Update re-reads the row inside a transaction, refuses with CodeStateChanged if its state is none of from and with
	// CodeLeaseLost if it is another worker's (worker "": whoever has it), applies change, adds one to Version, writes
	// row and event (if its Type is not empty), and returns the new row.
	Update(ctx context.Context, id, worker string, from []whaley.State, change func(*whaley.Instance), ev whaley.Event) (*whaley.Instance, error)
	// Expire turns those of the running instances whose time is over into stopping ones, with an event each, in one
	// transaction however many they are, and returns them.
	Expire(ctx context.Context, ids []string, now time.Time) ([]*whaley.Instance, error)
	// Claim gives a worker the lease of an instance for a time, or more time if it has it; false if another has it.
	Claim(ctx context.Context, id, worker string, d time.Duration) (bool, error)
	// Yield gives the lease back.
	Yield(ctx context.Context, id, worker string) error
	// Changes reports what other sidecars (and this one) change, until ctx ends. It reconnects by itself; after every
	// reconnect it sends a Change with an empty Instance. A database of one sidecar reports nothing.
	Changes(ctx context.Context) <-chan whaley.Change
	// Tell sends other sidecars what is in no row.
	Tell(ctx context.Context, changes ...whaley.Change) error
	// Get refuses with CodeInstanceNotFound.
	Get(ctx context.Context, id string) (*whaley.Instance, error)
	// Live lists all live instances, oldest first; owner "" means of everybody.
	Live(ctx context.Context, owner string) ([]*whaley.Instance, error)
	// LiveOrFailed lists an owner's live instances, oldest first, and after them those whose start failed since a moment.
	LiveOrFailed(ctx context.Context, owner string, since time.Time) ([]*whaley.Instance, error)
	// Record writes an event that is about no instance.
	Record(ctx context.Context, ev whaley.Event) error
	// KeepPrinted writes what an instance's services printed last, in the place of what was kept before; Printed reads it,
	// nothing if nothing was kept.
	KeepPrinted(ctx context.Context, instance string, printed []whaley.Printed) error
	Printed(ctx context.Context, instance string) ([]whaley.Printed, error)
	// LiveByHost finds the live instance of a challenge's slug, or the latest that failed or ended with a reason, or nil.
	LiveByHost(ctx context.Context, challenge, slug string) (*whaley.Instance, error)
}

// Subnets hands out parts of the pool, each reserved by a unique row.
type Subnets interface {
	// Reserve returns a free subnet, now reserved for instance, or for a part of one as <instance>/<part>; the same one
	// when asked again.
	Reserve(ctx context.Context, instance string) (netip.Prefix, error)
	// Avoid is told that the engine refused a subnet (CodeSubnetTaken): releases it and does not offer it again soon.
	Avoid(ctx context.Context, instance string, p netip.Prefix) error
	// Release ends the reservations of an instance and its parts.
	Release(ctx context.Context, instance string) error
	// Holders lists the instances that have a reservation.
	Holders(ctx context.Context) ([]string, error)
}

// Firewall keeps instances from everything but the edge and themselves. What may reach the outside is said here.
type Firewall interface {
	// Allow lets a subnet open connections to the outside; Forbid ends that. Both may be repeated.
	Allow(ctx context.Context, subnet netip.Prefix) error
	Forbid(ctx context.Context, subnet netip.Prefix) error
	// Sync allows exactly what list returns. It calls list while no Allow or Forbid is under way.
	Sync(ctx context.Context, list func(context.Context) ([]netip.Prefix, error)) error
}

// Ports hands out host ports, each reserved by a unique row.
type Ports interface {
	// Reserve returns a host port for each of the internal ports, the owner's earlier ones if they are free.
	Reserve(ctx context.Context, instance, owner, challenge string, internal []int) (map[int]int, error)
	Release(ctx context.Context, instance string) error
	// Holders lists the instances that have a reservation.
	Holders(ctx context.Context) ([]string, error)
}

// Flags gives owners their flags.
type Flags interface {
	// Flags are the flags that an owner has for a challenge, one for each of the forms of ch.Flag, for ever: made when first
	// asked for, the same whenever asked again. They are asked only for challenges whose Flag is Dynamic.
	Flags(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge) ([]string, error)
	// AwaitLive returns once the scoreboard accepts the flags, or it is clear that it will not soon, or when ctx ends.
	AwaitLive(ctx context.Context, owner whaley.Owner, ch *whaley.Challenge)
}

// Variables are what organisers set for challenges: secrets, which are told to nobody but the containers that ask for them.
type Variables interface {
	// Values are those of one challenge by name, as they are now.
	Values(challenge string) map[string]string
}

// Labels are on every object of the engine that is ours.
type Labels struct {
	Instance  string
	Challenge string
	Owner     string
	Revision  string
	Service   string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// NetworkSpec is an instance's own network.
type NetworkSpec struct {
	Name     string
	Subnet   netip.Prefix
	Internal bool // no way to the outside and no published ports
	// Masquerade lets containers of a network that is not internal open connections to the outside; without it such
	// a network has published ports only.
	Masquerade bool
	Labels     Labels
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
	Labels  Labels
}

// Object is something on the engine that carries our labels.
type Object struct {
	Kind    string // container, network, volume, files
	ID      string // for containers the id, for files the instance, else the name
	Name    string
	Running bool
	Ended   bool // a container that ran, and does so no more
	Labels  Labels
}

// Engine makes and removes things. Removing what is not there is no error. CreateNetwork answers CodeSubnetTaken,
// StartContainer CodePortTaken when that is why the engine refused.
type Engine interface {
	Images
	Ping(ctx context.Context) error
	CreateNetwork(ctx context.Context, spec NetworkSpec) error
	RemoveNetwork(ctx context.Context, name string) error
	CreateVolume(ctx context.Context, name string, l Labels) error
	RemoveVolume(ctx context.Context, name string) error
	CreateContainer(ctx context.Context, spec ContainerSpec) (id string, err error)
	// MakeFiles writes an instance's own copies, with the flag, of what cannot be written into its container: mounted
	// files that hold a placeholder and, if its root is read-only, files of its image (nil: none) that hold the sentinel.
	// It returns how they are mounted.
	MakeFiles(ctx context.Context, instance string, ch *whaley.Challenge, svc *whaley.Service, image *whaley.ImageFlag, flags []string) ([]whaley.Mount, error)
	// RemoveFiles removes what MakeFiles wrote.
	RemoveFiles(ctx context.Context, instance string) error
	// PlaceFlag writes all files of its image that hold the sentinel, now with the flag, into a container that is not
	// started yet. It fails if any of them is not what the scan saw.
	PlaceFlag(ctx context.Context, id string, ch *whaley.Challenge, svc *whaley.Service, image *whaley.ImageFlag, flags []string) error
	// FillMounts writes those of a service's mounts that are the instance's own copies into a container that is not started
	// yet, with the flags (nil: none) in the place of the placeholders.
	FillMounts(ctx context.Context, id string, ch *whaley.Challenge, svc *whaley.Service, mounts []whaley.Mount, flags []string) error
	// ConnectContainer puts a container that is not started yet onto one more network, which must be there.
	ConnectContainer(ctx context.Context, id string, e whaley.Endpoint) error
	StartContainer(ctx context.Context, id string) error
	StopContainer(ctx context.Context, id string, grace time.Duration) error
	RemoveContainer(ctx context.Context, id string) error
	// Wait blocks until the container has exited and returns its exit code.
	Wait(ctx context.Context, id string) (int, error)
	// Logs returns the end of what a container printed.
	Logs(ctx context.Context, id string, lines int) (string, error)
	// Disk is what instances have on the engine's disk; of each no more than mostFiles need be counted (0: all). With an
	// error it is what was seen all the same. What takes long at one instance keeps it from none of the others.
	Disk(ctx context.Context, mostFiles int64) (whaley.Disk, error)
	// List returns every object with our labels that belongs to this deployment, of one instance or (empty) of all.
	List(ctx context.Context, instance string) ([]Object, error)
	// Exits reports containers of ours that stopped running, until ctx ends. It reconnects by itself; after every
	// reconnect it sends an Exit with an empty Instance, which means: look yourself.
	Exits(ctx context.Context) <-chan Exit
}

// Exit is a hint that a container of an instance stopped.
type Exit struct {
	Instance string
	Service  string
}

// BuildSpec is one image to be made.
type BuildSpec struct {
	Challenge *whaley.Challenge
	Service   *whaley.Service // its Image is the image's name
	Flags     []string        // take the places of the placeholders; nil: they stay
	Owner     string          // whose flags these are; empty: the image is everybody's
	Again     bool            // from scratch, even if it is there
}

// Images are built once per revision, ahead of any spawn.
type Images interface {
	// BuildImage makes sure a service's image is there, writes the build's output to log.
	BuildImage(ctx context.Context, spec BuildSpec, log io.Writer) error
	// ScanImage looks for the sentinel in all that an image has, once: the result is kept.
	ScanImage(ctx context.Context, ch *whaley.Challenge, svc *whaley.Service, log io.Writer) (*whaley.ImageFlag, error)
	// SameImage says whether two images have the same files and settings.
	SameImage(ctx context.Context, a, b string) (bool, error)
	// RemoveImages removes the images that this deployment has built and keep does not want; owner is empty for those
	// that are everybody's. One that a container uses stays.
	RemoveImages(ctx context.Context, keep func(challenge, revision, owner string) bool) error
	// ImageHealth returns the health check that the image itself defines, nil if none. CodeObjectMissing if no such image.
	ImageHealth(ctx context.Context, image string) (*whaley.Health, error)
}

// Router tells the edge in front where running instances are.
type Router interface {
	// Publish puts all routes of one instance live in one step.
	Publish(ctx context.Context, instance string, routes []whaley.Publication) error
	Retract(ctx context.Context, instance string, routes []whaley.Publication) error
	// Sync makes the router hold exactly what list returns. It calls list while no Publish or Retract is under way:
	// what was listed before one of these must not be written after it.
	Sync(ctx context.Context, list func(context.Context) ([]whaley.Publication, error)) error
}

// Forensics keeps what an instance's containers printed, before they are removed. Capture returns when that is done, or
// when ctx ends: then what could not be kept is lost.
type Forensics interface {
	Capture(ctx context.Context, in *whaley.Instance, reason string)
}

// Challenges is the set of loaded challenges.
type Challenges interface {
	Get(id string) (*whaley.Challenge, bool)
	All() []*whaley.Challenge // by category, then name
	// Prune removes the folders of revisions that are neither loaded nor wanted by keep.
	Prune(keep func(dir string) bool) error
}
