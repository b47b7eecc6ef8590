package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/docker/client"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// CanWait says why a service's containers cannot wait at a gate here; nil: they can.
func (e *Engine) CanWait(svc *whaley.Service) error {
	switch {
	case svc.Relay:
		return errors.New("it is Whaley's own")
	case svc.Init:
		return errors.New("with init: true the engine's own first program is before all others")
	case svc.Runtime != "":
		return errors.New("its runtime may lead no pipe from outside into a container")
	case slices.ContainsFunc(guest.Needs, func(c string) bool {
		return slices.Contains(svc.Drop, c) || slices.Contains(svc.Drop, "ALL")
	}):
		// A command that the engine runs in the container, as a health check, would have what the guest has.
		return errors.New("it drops capabilities that the guest needs")
	case e.folder == "":
		return errors.New("there is no folder for gates")
	}
	if host := e.client.DaemonHost(); !strings.HasPrefix(host, "unix://") {
		return fmt.Errorf("the engine at %s may be another machine's", host)
	}
	if _, err := e.standIn(); err != nil {
		return fmt.Errorf("the guest is missing: %w", err)
	}
	return nil
}

// CanPatch says whether the files of a service's image that hold the sentinel can be written by its guest: none lies
// under a mount, where it may be another file.
func (e *Engine) CanPatch(ch *whaley.Challenge, svc *whaley.Service, image *whaley.ImageFlag) (bool, error) {
	if image == nil || image.Files == 0 {
		return true, nil
	}
	record, err := readRecord(e.scanPath(image.Image, ch.Flag.Cores()))
	if err != nil {
		return false, e.lost(image, err)
	}
	for _, f := range record.Files {
		for _, name := range append(prefixed(f.Links), "/"+f.Name) {
			if mountedOver(svc, name) {
				return false, nil
			}
		}
	}
	return true, nil
}

// mountedOver says whether a path lies under anything that is mounted into a service's containers.
func mountedOver(svc *whaley.Service, target string) bool {
	under := func(mount string) bool {
		return target == path.Clean(mount) || strings.HasPrefix(target, strings.TrimSuffix(path.Clean(mount), "/")+"/")
	}
	return slices.ContainsFunc(svc.Tmpfs, func(t whaley.Tmpfs) bool { return under(t.Target) }) ||
		slices.ContainsFunc(svc.Mounts, func(m whaley.Mount) bool { return under(m.Target) }) ||
		svc.Jail != nil && slices.ContainsFunc(svc.Jail.Over, under)
}

// Tell writes down what a container that waits at its gate is to be: its service as it is now, with the flags in the
// files of its image that hold the sentinel. StartContainer tells it.
func (e *Engine) Tell(
	_ context.Context, instance string, ch *whaley.Challenge, svc *whaley.Service, image *whaley.ImageFlag, flags []string,
) error {
	folder := e.gateFolder(instance, svc.Name)
	var said guest.Program
	text, err := os.ReadFile(filepath.Join(folder, imageFile))
	if err == nil {
		err = json.Unmarshal(text, &said)
	}
	if err != nil {
		return fmt.Errorf("tell %s of %s what it is: %w", svc.Name, instance, err)
	}
	m := guest.Message{Argv: said.Argv(svc.Entrypoint, svc.Command), Env: svc.Environment}
	if flags != nil && image != nil && image.Files > 0 {
		if m.Patches, err = e.patches(ch, image, flags); err != nil {
			return err
		}
	}
	text, err = json.Marshal(m)
	if err == nil {
		err = writeBytes(filepath.Join(folder, messageFile), text)
	}
	if err != nil {
		return fmt.Errorf("tell %s of %s what it is: %w", svc.Name, instance, err)
	}
	return nil
}

// patches are the places of an image's files that hold the sentinel, with the flags in them.
func (e *Engine) patches(ch *whaley.Challenge, image *whaley.ImageFlag, flags []string) ([]guest.Patch, error) {
	digits, ok := ch.Flag.AllDigits(flags)
	if !ok {
		return nil, whaley.NotPlaced(errors.New("a flag is not as long as its sentinel"))
	}
	record, err := readRecord(e.scanPath(image.Image, ch.Flag.Cores()))
	if err != nil {
		return nil, e.lost(image, err)
	}
	all := make([]guest.Patch, 0, len(record.Files))
	for _, f := range record.Files {
		places, err := f.Places(record.Cores, digits)
		if err != nil {
			return nil, whaley.NotPlaced(err)
		}
		p := guest.Patch{Path: "/" + f.Name, Links: prefixed(f.Links)}
		for _, at := range places {
			p.Swaps = append(p.Swaps, guest.Swap{At: at.Offset, Old: at.Old, New: at.New})
		}
		all = append(all, p)
	}
	return all, nil
}

// gate is that of one container.
type gate struct {
	instance, service string
	order             guest.Order
}

// gateOf is a container's gate; nil: it has none.
func (e *Engine) gateOf(ctx context.Context, api *client.Client, id string) (*gate, error) {
	if known, ok := e.gates.Load(id); ok {
		return known.(*gate), nil
	}
	found, err := api.ContainerInspect(ctx, id)
	if err != nil {
		return nil, translate(err)
	}
	var g *gate
	if found.Config != nil && found.Config.Labels[labelGate] != "" {
		l := parse(found.Config.Labels)
		g = &gate{instance: l.Instance, service: l.Service}
		if g.order, err = guest.OrderOf(found.Config.Env); err != nil {
			return nil, fmt.Errorf("gate of %s of %s: %w", l.Service, l.Instance, err)
		}
	}
	e.gates.Store(found.ID, g)
	return g, nil
}

// message is what a container was told; false: nothing yet.
func (e *Engine) message(g *gate) (m guest.Message, told bool, err error) {
	text, err := os.ReadFile(filepath.Join(e.gateFolder(g.instance, g.service), messageFile))
	if errors.Is(err, os.ErrNotExist) {
		return m, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return m, false, fmt.Errorf("what %s of %s was told: %w", g.service, g.instance, err)
	}
	return m, true, nil
}
