package store

import (
	"context"
	"path/filepath"

	"github.com/uptrace/bun/migrate"
)

// OpenAsItWas opens a database with the first migrations only, as an earlier version left it, and says whether there are
// later ones.
func OpenAsItWas(ctx context.Context, databaseURL, dir string, count int) (s *Store, later bool, err error) {
	if databaseURL == "" {
		s, err = openSQLite(filepath.Join(dir, "whaley.db"))
	} else {
		s, err = openPostgres(databaseURL)
	}
	if err != nil {
		return nil, false, err
	}
	all, err := s.knownMigrations()
	if err != nil {
		return nil, false, err
	}
	sorted := all.Sorted()
	first := migrate.NewMigrations()
	for _, m := range sorted[:min(count, len(sorted))] {
		first.Add(m)
	}
	return s, count < len(sorted), s.apply(ctx, first)
}

// Exec runs a statement.
func (s *Store) Exec(ctx context.Context, statement string) error {
	_, err := s.db.ExecContext(ctx, statement)
	return err
}
