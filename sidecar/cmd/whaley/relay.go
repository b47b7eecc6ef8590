package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/whaley-ctf/whaley/sidecar/internal/relay"
)

// serveRelay is what runs in the relay of an instance.
func serveRelay(ctx context.Context, env map[string]string) error {
	settings, err := relay.Decode(env["WHALEY_RELAY"])
	if err != nil {
		return err
	}
	return relay.Serve(ctx, settings, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}
