package app

import (
	"context"
	"log/slog"
	"os"

	"github.com/whaley-ctf/whaley/sidecar/internal/relay"
)

// ServeRelay is what runs in the relay of an instance.
func ServeRelay(ctx context.Context, env map[string]string) error {
	settings, err := relay.Decode(env["WHALEY_RELAY"])
	if err != nil {
		return err
	}
	return relay.Serve(ctx, settings, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}
