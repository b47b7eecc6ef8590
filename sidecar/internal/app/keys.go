package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// DeriveKeys makes all keys, and refuses to go on with another secret than the database was made with: every
// instance would get another address.
func DeriveKeys(ctx context.Context, c *config.Config, db *store.Store) (identity.Keys, error) {
	secret := []byte(c.Secret)
	if len(secret) == 0 {
		var err error
		if secret, err = identity.SecretIn(c.DataDir); err != nil {
			return identity.Keys{}, err
		}
	}
	keys, err := identity.Derive(secret)
	if err != nil {
		return identity.Keys{}, fmt.Errorf("SECRET: %w", err)
	}
	fingerprint := whaley.Slug(keys.Slug, "fingerprint", "of the secret")
	known, err := db.Meta(ctx, "secret_fingerprint", func() string { return fingerprint })
	if err != nil {
		return identity.Keys{}, err
	}
	if known != fingerprint {
		return identity.Keys{}, errors.New("the secret is not the one that this database was made with, so every address would change. " +
			"Bring back the earlier SECRET or DATA_DIR/secret, or start with an empty database")
	}
	return keys, nil
}

// scoreboard is where players have accounts; empty: nowhere, they are addresses.
func scoreboard(c *config.Config) string {
	if c.AuthMode != wire.AuthCTFd {
		return ""
	}
	return c.CTFdPublicURL
}

func portOf(address string) int {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// buildLimits are what the RUN lines of one build may use.
func buildLimits(c *config.Config) docker.BuildLimits {
	return docker.BuildLimits{
		MemoryBytes: int64(c.BuildMaxMemory), NanoCPUs: int64(c.BuildMaxCPU * 1e9), Pids: c.BuildPidsLimit,
		DiskBytes: int64(c.BuildMaxDisk),
	}
}
