package memory

import (
	"context"
	"io"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// BuildImage makes an image known.
func (p *Platform) BuildImage(_ context.Context, spec instancer.BuildSpec, _ io.Writer) error {
	defer p.lock()()
	if _, there := p.host.images[spec.Service.Image]; !there {
		p.host.images[spec.Service.Image] = spec
	}
	return nil
}

// ScanImage finds the sentinel in one file of every image.
func (p *Platform) ScanImage(
	_ context.Context, ch *whaley.Challenge, svc *whaley.Service, _ io.Writer,
) (*whaley.ImageFlag, error) {
	defer p.lock()()
	if _, there := p.host.images[svc.Image]; !there {
		return nil, missing()
	}
	found := slices.Repeat([]bool{true}, len(ch.Flag.Forms()))
	return &whaley.ImageFlag{Image: svc.Image, Cores: ch.Flag.Cores(), Found: found, Files: 1, Bytes: 64}, nil
}

// SameImage says that no two images are the same.
func (p *Platform) SameImage(_ context.Context, a, b string) (bool, error) { return a == b, nil }

// RemoveImages forgets images that keep does not want and no service uses.
func (p *Platform) RemoveImages(_ context.Context, keep func(challenge, revision, owner string) bool) error {
	defer p.lock()()
	for name, spec := range p.host.images {
		used := false
		for _, s := range p.host.services {
			used = used || s.spec.Image == name
		}
		if !used && !keep(spec.Challenge.ID, spec.Challenge.Revision, spec.Owner) {
			delete(p.host.images, name)
		}
	}
	return nil
}

// ImageHealth says that no image has a check.
func (p *Platform) ImageHealth(_ context.Context, image string) (*whaley.Health, error) {
	defer p.lock()()
	if _, there := p.host.images[image]; !there {
		return nil, missing()
	}
	return nil, nil
}
