package rig

import (
	"context"
	"errors"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// ErrNotYet says that what is waited for is on its way.
var ErrNotYet = errors.New("not yet")

// Poll tries until it succeeds, for what tells nobody when it is so far, or not at that moment: the pause after the
// first try doubles until it is the longest. The error is that of the last try.
func Poll(ctx context.Context, within, first, longest time.Duration, try func() error) error {
	deadline := time.Now().Add(within)
	for pause := first; ; pause = min(2*pause, longest) {
		err := try()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// FreePorts are TCP ports that nobody listens on.
func FreePorts(count int) ([]string, error) {
	var all []string
	for range count {
		port, err := testkit.FreePort()
		if err != nil {
			return nil, err
		}
		all = append(all, port)
	}
	return all, nil
}
