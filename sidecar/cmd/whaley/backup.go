package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/backup"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/datadir"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

// machineOnly are entries of DATA_DIR that mean nothing elsewhere: the database, whose rows are in a backup, what make
// up and make run put there, and locks.
var machineOnly = []string{
	"whaley.db", "whaley.db-wal", "whaley.db-shm", "migrate.lock", "lock",
	"admin-key", "backups", "certs", "plugin-key", "prometheus", "redis", "redis.log", "secrets", "traefik", "traefik.log",
}

// saveBackup may run while the sidecar serves: it reads one moment of the database.
func saveBackup(ctx context.Context, env map[string]string, to string, out io.Writer) error {
	c, db, err := openForBackup(ctx, env)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := backup.Write(ctx, to, app.Version, db, backupFolders(c)); err != nil {
		return err
	}
	info, err := os.Stat(to)
	if err != nil {
		return err
	}
	fmt.Fprintf(
		out,
		"%s holds the database, the secret, the challenges, the captures and ACME's certificates (%d kB). It holds secrets: keep it safe.\n",
		to, info.Size()>>10,
	)
	return nil
}

// restoreBackup wants an empty database and empty folders, and no sidecar that serves.
func restoreBackup(ctx context.Context, env map[string]string, from string, out io.Writer) error {
	c, db, err := openForBackup(ctx, env)
	if err != nil {
		return err
	}
	defer db.Close()
	if c.DatabaseURL == "" {
		lock, err := store.LockFolder(c.DataDir)
		if err != nil {
			return fmt.Errorf("DATA_DIR=%s: %w. Stop the sidecar first", c.DataDir, err)
		}
		defer lock.Close()
	}
	if err := backup.Read(ctx, from, db, backupFolders(c)); err != nil {
		return err
	}
	fmt.Fprintf(
		out,
		"%s is restored. At its start the sidecar takes over the instances that still run, and ends what has lost its containers.\n",
		from,
	)
	return nil
}

func openForBackup(ctx context.Context, env map[string]string) (*config.Config, *store.Store, error) {
	c, err := app.ReadSettings(env)
	if err != nil {
		return nil, nil, err
	}
	if err := datadir.Open(c.DataDir, slog.New(slog.DiscardHandler)); err != nil {
		return nil, nil, err
	}
	db, err := store.Open(ctx, string(c.DatabaseURL), c.DataDir)
	return c, db, err
}

func backupFolders(c *config.Config) []backup.Folder {
	folders := []backup.Folder{
		{Name: "data", Dir: c.DataDir, Skip: machineOnly}, {Name: "challenges", Dir: c.ChallengesDir},
	}
	if !datadir.Within(c.ForensicsDir, c.DataDir) {
		folders = append(folders, backup.Folder{Name: "forensics", Dir: c.ForensicsDir})
	}
	return folders
}
