package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// maxImageVolumes is how many VOLUMEs an image may have.
const maxImageVolumes = 16

// imageConfig is what a container takes of its image when nothing else is said.
type imageConfig struct {
	guest.Program
	user string
	env  []string
}

// inherit deals with what a container would get of its image without being asked. Other tools on the host act on
// labels:
// none of the image's reaches the container with its value. Where the image has a VOLUME, the engine would make one
// that nobody knows of; it gets one of the instance's, which is counted and removed like those that a compose file
// names.
func (e *Engine) inherit(
	ctx context.Context, config *container.Config, host *container.HostConfig, l instancer.Labels,
) (imageConfig, error) {
	api, err := e.api(ctx)
	if err != nil {
		return imageConfig{}, err
	}
	found, err := api.ImageInspect(ctx, config.Image)
	if err != nil {
		return imageConfig{}, translate(err)
	}
	if found.Config == nil {
		return imageConfig{}, nil
	}
	for name := range found.Config.Labels {
		if _, ours := config.Labels[name]; !ours {
			config.Labels[name] = ""
		}
	}
	if n := len(found.Config.Volumes); n > maxImageVolumes {
		return imageConfig{}, whaley.Errorf(whaley.Unavailable, "image_volumes",
			"The image of the challenge's service %s has %d volumes; at most %d are given. Tell an organiser.", l.Service, n,
			maxImageVolumes)
	}
	for _, target := range slices.Sorted(maps.Keys(found.Config.Volumes)) {
		if mounted(host, target) {
			continue
		}
		name := imageVolume(l, target)
		if err := e.CreateVolume(ctx, name, l); err != nil {
			return imageConfig{}, fmt.Errorf("volume for %s of %s: %w", target, config.Image, err)
		}
		host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeVolume, Source: name, Target: target})
	}
	said := guest.Program{Entrypoint: found.Config.Entrypoint, Command: found.Config.Cmd}
	return imageConfig{Program: said, user: found.Config.User, env: found.Config.Env}, nil
}

// mounted says whether something is mounted at a place already.
func mounted(host *container.HostConfig, target string) bool {
	for other := range host.Tmpfs {
		if path.Clean(other) == path.Clean(target) {
			return true
		}
	}
	return slices.ContainsFunc(host.Mounts, func(m mount.Mount) bool { return path.Clean(m.Target) == path.Clean(target) })
}

// imageVolume names the volume of a service's image, as no volume of a compose file is named.
func imageVolume(l instancer.Labels, target string) string {
	sum := sha256.Sum256([]byte(l.Service + "\x00" + path.Clean(target)))
	return l.Instance + "__" + hex.EncodeToString(sum[:8])
}
