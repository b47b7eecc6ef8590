package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/whaley-ctf/whaley/sidecar/internal/program"
)

// relayProgram is this very program in the image of relays, which has nothing else.
const relayProgram = "/whaley"

// relayName is the image's name, by what is in the program: another version has another.
var relayName = sync.OnceValues(func() (string, error) {
	if !program.Static(program.Self) {
		return "", program.ErrNotStatic
	}
	f, err := os.Open(program.Self)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return "whaley/relay:" + hex.EncodeToString(sum.Sum(nil)[:6]), nil
})

// relayImage makes sure that the image of relays is there.
func (e *Engine) relayImage(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	name, err := relayName()
	if err != nil {
		e.log.WarnContext(ctx, "no address of an instance works inside it", "err", err)
		_, err := e.HolderImage(ctx) // which then does nothing
		return err
	}
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	if _, err := api.ImageInspect(ctx, name); !errdefs.IsNotFound(err) {
		return translate(err)
	}
	engine, err := api.ServerVersion(ctx)
	if err != nil {
		return translate(err)
	}
	if engine.Arch != runtime.GOARCH {
		return fmt.Errorf("the engine runs programs for %s, and this one is for %s", engine.Arch, runtime.GOARCH)
	}
	f, err := os.Open(program.Self)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return importProgram(ctx, api, name, relayProgram, info.Size(), f)
}

// relay is the image and the command of a relay.
func (e *Engine) relay(ctx context.Context) (image string, command []string, err error) {
	name, err := relayName()
	if err != nil {
		image, err = e.HolderImage(ctx)
		return image, nil, err
	}
	return name, []string{"relay"}, nil
}
