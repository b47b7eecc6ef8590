package kubernetes

import (
	"context"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Images are built beside the sidecar and pulled by nodes.
type Images interface {
	// Images builds as anywhere; what was built is also brought to the nodes, before any start needs it there.
	instancer.Images
	// Pushed is an image as nodes have it, by a service's name of it. CodeObjectMissing if it was not brought to them.
	Pushed(ctx context.Context, image string) (Image, error)
}

// Image is one that nodes can run, and what a container takes of it when nothing else is said. The guest is in it, at
// guest.Folder.
type Image struct {
	Reference   string // with its digest
	Entrypoint  []string
	Command     []string
	Environment []string
	User        string
	WorkingDir  string
	Volumes     []string // paths
	Nodes       []string // which have it now
}

// Files are what containers hold of their owner's flags and of their challenge's folder.
type Files interface {
	// Patches are the places of an image's files that hold the sentinel, with the flags in them; links of one file are
	// names of it.
	Patches(ch *whaley.Challenge, image *whaley.ImageFlag, flags []string) ([]guest.Patch, error)
	// Mounted is an archive (tar, relative to /) of what is mounted into a service's containers of the challenge's folder
	// or as a text, with the flags (nil: none) in the places of the placeholders; nil if that is nothing. It fails if it
	// has more than MaxFiles bytes.
	Mounted(ch *whaley.Challenge, svc *whaley.Service, flags []string) ([]byte, error)
}

// Nodes are where instances may be started.
type Nodes interface {
	// Usable are the names of those that were proved to keep instances from what they must not reach.
	Usable() []string
	// Ready says why there are none; nil: there are.
	Ready(ctx context.Context) error
}
