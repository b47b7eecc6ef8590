package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Advertised is how a standby reaches the active sidecar: the URL of its public API, and the key that it shows there.
type Advertised struct{ URL, Key string }

// Advertise says, before BecomeActive, how a standby may reach this process once it is active, and who wants to know
// the same of another while this one waits. Of SQLite nothing is told: whoever waits there uses the same folder and
// listeners.
func (s *Store) Advertise(own Advertised, tell func(active Advertised)) {
	s.own, s.tellActive = own, tell
}

// tellOfActive reads what the active process has written of itself. Tables of an earlier version say nothing.
func (l *link) tellOfActive(ctx context.Context) error {
	if l.store.tellActive == nil {
		return nil
	}
	var active Advertised
	err := l.conn.QueryRow(ctx, "SELECT url, key FROM active").Scan(&active.URL, &active.Key)
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows), errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "42703"):
		return nil
	case err != nil:
		l.close()
		return err
	}
	l.store.tellActive(active)
	return nil
}
