package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	keyFile    = "key" // beside what the container sees
	seenFolder = "in"
)

// gateFolder has a container's key, and in a folder of its own what the container sees of it.
func (e *Engine) gateFolder(instance, service string) string {
	return filepath.Join(e.instanceFolder(instance), "gate-"+filepath.Base(service))
}

// gated makes a container that is about to be created one that waits at its gate for OpenGate: its first program is the
// guest, which becomes what the container would have run. What the engine would have taken of the image, if it were not
// told otherwise, is said here.
func (e *Engine) gated(
	instance, service string, config *container.Config, image imageConfig, host *container.HostConfig,
) error {
	o := guest.Order{Argv: image.argv, User: cmp.Or(config.User, image.user), Groups: host.GroupAdd, Keep: host.CapAdd}
	if host.Init != nil && *host.Init {
		return fmt.Errorf("gate of %s of %s: the engine's init would be before it, and stay what it is", service, instance)
	}
	if len(o.Argv) == 0 {
		return whaley.Errorf(
			whaley.Unavailable, "image_command",
			"The image of the challenge's service %s says nothing of what to run. Tell an organiser.", service,
		)
	}
	o.Home = slices.ContainsFunc(
		slices.Concat(image.env, config.Env), func(v string) bool { return strings.HasPrefix(v, "HOME=") && v != "HOME=" },
	)
	folder, key, err := e.layGate(instance, service)
	if err != nil {
		return fmt.Errorf("gate of %s of %s: %w", service, instance, err)
	}
	o.Hash = key.Hash()
	variable, err := o.Variable()
	if err != nil {
		return err
	}
	config.Env = append(slices.Clone(config.Env), variable)
	config.Entrypoint, config.Cmd, config.User = []string{guest.Folder + "/" + guest.Name}, nil, "0:0"
	host.GroupAdd = nil
	host.CapAdd = append(slices.Clone(host.CapAdd), missing(guest.Needs, host.CapAdd)...)
	host.Mounts = append(
		host.Mounts, mount.Mount{Type: mount.TypeBind, Source: folder, Target: guest.Folder, ReadOnly: true,
			BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate}},
	)
	return nil
}

// argv is what a container would run of an image, as the engine sees it.
func argv(config *container.Config, imageEntrypoint, imageCommand []string) []string {
	entrypoint, command := config.Entrypoint, config.Cmd
	if len(entrypoint) == 0 {
		if len(command) == 0 {
			command = imageCommand
		}
		if entrypoint == nil {
			entrypoint = imageEntrypoint
		}
	}
	if len(entrypoint) == 1 && entrypoint[0] == "" {
		entrypoint = nil
	}
	return slices.Concat(entrypoint, command)
}

func missing(wanted, there []string) []string {
	return slices.DeleteFunc(slices.Clone(wanted), func(one string) bool { return slices.Contains(there, one) })
}

// layGate makes a gate with a key of its own, or finds the one that an earlier try has made.
func (e *Engine) layGate(instance, service string) (seen string, k guest.Key, err error) {
	program, err := e.standIn()
	if err != nil {
		return "", k, err
	}
	folder, err := filepath.Abs(e.gateFolder(instance, service))
	if err != nil {
		return "", k, err
	}
	seen = filepath.Join(folder, seenFolder)
	if err := errors.Join(os.MkdirAll(folder, 0o700), os.MkdirAll(seen, 0o755)); err != nil {
		return "", k, err
	}
	if err := os.Link(program, filepath.Join(seen, guest.Name)); err != nil && !errors.Is(err, os.ErrExist) {
		return "", k, err
	}
	if err := guest.MakeGate(seen); err != nil {
		return "", k, err
	}
	k = guest.NewKey()
	path := filepath.Join(folder, keyFile)
	return seen, k, errors.Join(os.WriteFile(path+".new", k[:], 0o600), os.Rename(path+".new", path))
}

// OpenGate tells a container that waits at its gate what it is to be, and returns once it was said. The container need not
// have got as far as its gate yet.
func (e *Engine) OpenGate(ctx context.Context, instance, service string, m guest.Message) error {
	folder := e.gateFolder(instance, service)
	text, err := os.ReadFile(filepath.Join(folder, keyFile))
	var k guest.Key
	if err == nil && copy(k[:], text) < len(k) {
		err = errors.New("the key is cut off")
	}
	if err != nil {
		return fmt.Errorf("open the gate of %s of %s: %w", service, instance, err)
	}
	sealed, err := guest.Seal(k, m)
	if err != nil {
		return err
	}
	return guest.Open(ctx, filepath.Join(folder, seenFolder), sealed)
}
