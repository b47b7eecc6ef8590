package store

import (
	"context"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

// OpenAsItWas opens a database with the first migrations only, as an earlier version left it, and says whether there
// are later ones.
func OpenAsItWas(ctx context.Context, databaseURL, dir string, count int) (s *Store, later bool, err error) {
	if s, err = Connect(databaseURL, dir); err != nil {
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

// Hang keeps the active process from being seen alive, as if it were stopped.
func (a *Active) Hang() {
	a.end()
	<-a.ended
}

// InTransaction runs a function in the middle of a transaction that writes.
func (s *Store) InTransaction(ctx context.Context, f func()) error {
	return s.write(ctx, func(context.Context, bun.Tx) error { f(); return nil })
}
