package simulated

import (
	"context"
	"io"
	"maps"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Images are those of the cluster, which its nodes have as soon as they are built.
type Images struct{ *Cluster }

var (
	_ kubernetes.Images = Images{}
	_ kubernetes.Files  = Files{}
)

func missing() error {
	return whaley.Errorf(whaley.Unavailable, whaley.CodeObjectMissing, "Something is missing.")
}

func (i Images) has(name string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, there := i.images[name]; !there {
		return missing()
	}
	return nil
}

// BuildImage makes an image known.
func (i Images) BuildImage(_ context.Context, spec instancer.BuildSpec, _ io.Writer) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, there := i.images[spec.Service.Image]; !there {
		i.images[spec.Service.Image] = spec
	}
	return nil
}

// ScanImage finds the sentinel in one file of every image.
func (i Images) ScanImage(
	_ context.Context, ch *whaley.Challenge, svc *whaley.Service, _ io.Writer,
) (*whaley.ImageFlag, error) {
	found := slices.Repeat([]bool{true}, len(ch.Flag.Forms()))
	return &whaley.ImageFlag{
		Image: svc.Image, Cores: ch.Flag.Cores(), Found: found, Files: 1, Bytes: 64,
	}, i.has(svc.Image)
}

// SameImage says that no two images are the same.
func (i Images) SameImage(_ context.Context, a, b string) (bool, error) { return a == b, nil }

// RemoveImages forgets images that keep does not want.
func (i Images) RemoveImages(_ context.Context, keep func(challenge, revision, owner string) bool) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	maps.DeleteFunc(i.images, func(_ string, spec instancer.BuildSpec) bool {
		return !keep(spec.Challenge.ID, spec.Challenge.Revision, spec.Owner)
	})
	return nil
}

// ImageHealth says that no image has a check.
func (i Images) ImageHealth(_ context.Context, image string) (*whaley.Health, error) {
	return nil, i.has(image)
}

// Pushed is an image on both nodes.
func (i Images) Pushed(_ context.Context, image string) (kubernetes.Image, error) {
	return kubernetes.Image{
		Reference: "registry/" + image, Command: []string{"/run"}, Nodes: []string{"n1", "n2"},
	}, i.has(image)
}

// Files have each flag in a file of its own, /flag.
type Files struct{}

// Patches put all flags into one file.
func (Files) Patches(_ *whaley.Challenge, _ *whaley.ImageFlag, flags []string) (all []guest.Patch, err error) {
	for _, f := range flags {
		all = append(all, guest.Patch{Path: "/flag", Swaps: []guest.Swap{{New: []byte(f)}}})
	}
	return all, nil
}

// Mounted is nothing.
func (Files) Mounted(*whaley.Challenge, *whaley.Service, []string) ([]byte, error) { return nil, nil }
