package docker

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// What is beside that which a container sees of its gate.
const (
	seenFolder  = "in"
	keyFile     = "key"
	imageFile   = "image"   // what its program is when nothing else is said, for messages that are about that
	messageFile = "message" // what it was told, since it is told again each time it is started
	stateFile   = "state"   // opening or open, from when it is told something
)

// gateTime is how long a guest may take to do what it is told.
const gateTime = 20 * time.Second

// gateFolder has a container's key, and in a folder of its own what the container sees of it.
func (e *Engine) gateFolder(instance, service string) string {
	return filepath.Join(e.instanceFolder(instance), "gate-"+filepath.Base(service))
}

// gated makes a container that is about to be created one that waits at its gate for OpenGate: its first program is the
// guest, which becomes what the container would have run. What the engine would have taken of the image, if it were not
// told otherwise, is said here.
func (e *Engine) gated(
	instance, service string, config *container.Config, image imageConfig, host *container.HostConfig,
) (*gate, error) {
	o := guest.Order{Argv: image.Argv(config.Entrypoint, config.Cmd), User: cmp.Or(config.User, image.user), Groups: host.GroupAdd, Keep: host.CapAdd}
	if host.Init != nil && *host.Init {
		return nil, fmt.Errorf("gate of %s of %s: the engine's init would be before it, and stay what it is", service, instance)
	}
	if len(o.Argv) == 0 {
		return nil, whaley.Errorf(
			whaley.Unavailable, "image_command",
			"The image of the challenge's service %s says nothing of what to run. Tell an organiser.", service,
		)
	}
	o.Home = slices.ContainsFunc(
		slices.Concat(image.env, config.Env), func(v string) bool { return strings.HasPrefix(v, "HOME=") && v != "HOME=" },
	)
	folder, key, err := e.layGate(instance, service)
	if err != nil {
		return nil, fmt.Errorf("gate of %s of %s: %w", service, instance, err)
	}
	said, err := json.Marshal(image.Program)
	if err == nil {
		err = writeBytes(filepath.Join(e.gateFolder(instance, service), imageFile), said)
	}
	if err != nil {
		return nil, fmt.Errorf("gate of %s of %s: %w", service, instance, err)
	}
	o.Hash = key.Hash()
	variable, err := o.Setting()
	if err != nil {
		return nil, err
	}
	config.Env = append(slices.Clone(config.Env), variable)
	config.Labels[labelGate] = "true"
	config.Entrypoint, config.Cmd, config.User = []string{guest.Folder + "/" + guest.Name}, nil, "0:0"
	host.GroupAdd = nil
	host.CapAdd = append(slices.Clone(host.CapAdd), missing(guest.Needs, host.CapAdd)...)
	host.Mounts = append(
		host.Mounts, mount.Mount{Type: mount.TypeBind, Source: folder, Target: guest.Folder, ReadOnly: true,
			BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate}},
	)
	return &gate{instance, service, o}, nil
}

func missing(wanted, there []string) []string {
	return slices.DeleteFunc(slices.Clone(wanted), func(one string) bool { return slices.Contains(there, one) })
}

// layGate makes a gate with a key of its own.
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
	for _, name := range []string{messageFile, stateFile} { // of a container in whose place this one is
		if err := os.Remove(filepath.Join(folder, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", k, err
		}
	}
	k = guest.NewKey()
	return seen, k, writeBytes(filepath.Join(folder, keyFile), k[:])
}

// writeBytes writes a file that is there with all of its content or not at all, unless the power is cut: no container
// runs then.
func writeBytes(path string, content []byte) error {
	return errors.Join(os.WriteFile(path+".new", content, 0o600), os.Rename(path+".new", path))
}
