package instancer

import (
	"context"
	"io"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

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
