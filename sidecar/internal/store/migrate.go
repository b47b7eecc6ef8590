package store

import (
	"context"
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/uptrace/bun/migrate"
	"golang.org/x/sys/unix"
)

// Files are applied in the order of their numbers and never changed afterwards. Those in a folder are for one database.
//
//go:embed migrations/*.sql migrations/*/*.sql
var migrations embed.FS

// migrateLock is the key of PostgreSQL's advisory lock: two sidecars that start at once take turns.
const migrateLock = 0x7768616c6579 // "whaley"

// migrateInTurn lets one process at a time bring the tables up to date.
func (s *Store) migrateInTurn(ctx context.Context) error {
	if s.postgres() {
		return s.migrate(ctx)
	}
	f, err := os.OpenFile(filepath.Join(s.dir, "migrate.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() // which ends the lock, as the end of the process does
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	return s.migrate(ctx)
}

func (s *Store) migrate(ctx context.Context) error {
	known, err := s.knownMigrations()
	if err != nil {
		return err
	}
	return s.apply(ctx, known)
}

// knownMigrations are all that bring a database of this kind up to date.
func (s *Store) knownMigrations() (*migrate.Migrations, error) {
	own := "migrations/sqlite"
	if s.postgres() {
		own = "migrations/postgres"
	}
	known := migrate.NewMigrations()
	for _, folder := range []string{"migrations", own} {
		files, err := fs.Sub(migrations, folder)
		if err != nil {
			return nil, err
		}
		if err := known.Discover(topOnly{files}); err != nil {
			return nil, err
		}
	}
	return known, nil
}

// apply runs those of some migrations that have not run yet.
func (s *Store) apply(ctx context.Context, known *migrate.Migrations) error {
	if s.postgres() {
		// Held by one connection, so a process that dies lets go of it; bun's own lock is a row that would stay.
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(?)", migrateLock); err != nil {
			return err
		}
		defer func() {
			// Should this fail, the lock goes with the connection.
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(?)", migrateLock)
		}()
	}
	migrator := migrate.NewMigrator(s.db, known, migrate.WithMarkAppliedOnSuccess(true))
	if err := migrator.Init(ctx); err != nil {
		return err
	}
	_, err := migrator.Migrate(ctx)
	return err
}

// topOnly is a folder without its subfolders.
type topOnly struct{ fs.FS }

func (t topOnly) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(t.FS, name)
	return slices.DeleteFunc(all, func(e fs.DirEntry) bool { return e.IsDir() }), err
}
