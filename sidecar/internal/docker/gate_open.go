package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// gateState is what is known of a gate. Until it is open it is not certain what is in a container that was told
// something.
type gateState string

const (
	gateShut    gateState = ""
	gateOpening gateState = "opening"
	gateOpen    gateState = "open"
	gateUnknown gateState = "unknown" // this process does not see the folder that it was made with
)

func (e *Engine) gateState(instance, service string) gateState {
	folder := e.gateFolder(instance, service)
	text, err := os.ReadFile(filepath.Join(folder, stateFile))
	if err == nil {
		return gateState(text)
	}
	if _, err := os.Stat(filepath.Join(folder, keyFile)); err != nil {
		return gateUnknown
	}
	return gateShut
}

func (e *Engine) setGateState(g *gate, s gateState) error {
	return writeBytes(filepath.Join(e.gateFolder(g.instance, g.service), stateFile), []byte(s))
}

// startGated starts a container that begins at its gate, and opens that unless it was told nothing yet. Each time it is
// started it is told the same.
func (e *Engine) startGated(ctx context.Context, api *client.Client, id string, g *gate) error {
	m, told, err := e.message(g)
	if err != nil {
		return err
	}
	if !told {
		return translate(api.ContainerStart(ctx, id, container.StartOptions{}))
	}
	switch e.gateState(g.instance, g.service) {
	case gateShut:
	case gateUnknown:
		return fmt.Errorf("start %s of %s: its gate is not in %s", g.service, g.instance, e.folder)
	case gateOpen:
		found, err := api.ContainerInspect(ctx, id)
		switch {
		case err != nil:
			return translate(err)
		case found.State != nil && found.State.Paused:
			return translate(api.ContainerUnpause(ctx, id))
		case found.State != nil && found.State.Running:
			return nil
		}
	case gateOpening: // by a process that is no more: what it is, is not known
		zero := 0
		if err := api.ContainerStop(ctx, id, container.StopOptions{Timeout: &zero}); err != nil {
			return translate(err)
		}
	}
	if err := e.setGateState(g, gateOpening); err != nil {
		return fmt.Errorf("start %s of %s: %w", g.service, g.instance, err)
	}
	if err := api.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
		return translate(err)
	}
	if err := e.open(ctx, g, m); err != nil {
		return err
	}
	if err := e.patched(g, m); err != nil {
		return fmt.Errorf("start %s of %s: %w", g.service, g.instance, err)
	}
	return e.setGateState(g, gateOpen)
}

// patched has a container be told of its flags no more when it is started again: they stay in its files, which are its
// owner's to change from then on.
func (e *Engine) patched(g *gate, m guest.Message) error {
	if len(m.Patches) == 0 {
		return nil
	}
	m.Patches = nil
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return writeBytes(filepath.Join(e.gateFolder(g.instance, g.service), messageFile), text)
}

// open tells a container what it is to be, and returns when it becomes that.
func (e *Engine) open(ctx context.Context, g *gate, m guest.Message) error {
	ctx, cancel := context.WithTimeout(ctx, gateTime)
	defer cancel()
	folder := e.gateFolder(g.instance, g.service)
	text, err := os.ReadFile(filepath.Join(folder, keyFile))
	var k guest.Key
	if err == nil && copy(k[:], text) < len(k) {
		err = errors.New("the key is cut off")
	}
	if err != nil {
		return fmt.Errorf("open the gate of %s of %s: %w", g.service, g.instance, err)
	}
	sealed, err := guest.Seal(k, m)
	if err != nil {
		return err
	}
	err = guest.Open(ctx, filepath.Join(folder, seenFolder), sealed)
	var why guest.Outcome
	switch {
	case errors.As(err, &why) && why.Unpatched():
		return whaley.NotPlaced(fmt.Errorf("%s of %s: %w", g.service, g.instance, err))
	case errors.As(err, &why):
		return whaley.NotRunnable(g.service, err)
	case err != nil:
		return fmt.Errorf("open the gate of %s of %s: %w", g.service, g.instance, err)
	}
	return nil
}

// asTold makes a command that is run in a container that began at its gate what it would be without: the user and the
// variables are the challenge's, not the guest's.
func (e *Engine) asTold(g *gate, o *container.ExecOptions) error {
	m, _, err := e.message(g)
	if err != nil {
		return err
	}
	o.User = g.order.User
	if o.User == "" {
		o.User = "0:0"
	}
	o.Env = append(slices.Clone(m.Env), guest.Variable+"=")
	return nil
}
