package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // driver "sqlite"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// callTimeout bounds every method beyond what its caller allows.
const callTimeout = 10 * time.Second

// idleConnections is how many connections wait for work.
const idleConnections = 10

// sqliteConnections is how many there are at most. One at a time writes, and those that wait for their turn have none:
// they would leave none to read with.
const sqliteConnections = 8

// Store is the database.
type Store struct {
	db      *bun.DB
	dir     string          // of SQLite
	config  *pgx.ConnConfig // of PostgreSQL; nil for SQLite
	process string          // its name at PostgreSQL
	epoch   atomic.Int64    // of this process while it is the active one; 0: nothing is fenced
	writer  chan struct{}   // holds the one that writes to SQLite; nil for PostgreSQL
	tell    func([]whaley.Event)
	owed    func(whaley.Event) []string // nil: nobody is told by webhooks

	own        Advertised       // what a standby is to know of this process
	tellActive func(Advertised) // told what is known of the active one; nil: nothing is to be known

	probing sync.Mutex
	probed  time.Time // when it was last seen whether the database can be written
	written error     // what was seen then
}

// Open connects to the database at a URL (postgres://…), or with an empty one to the file whaley.db in dir, and brings
// its tables up to date.
func Open(ctx context.Context, databaseURL, dir string) (*Store, error) {
	s, err := Connect(databaseURL, dir)
	if err != nil {
		return nil, err
	}
	if err := s.update(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Connect is Open without the latter: BecomeActive does that once this process is the active one.
func Connect(databaseURL, dir string) (*Store, error) {
	if databaseURL == "" {
		return openSQLite(dir)
	}
	return openPostgres(databaseURL)
}

// update brings the tables up to date.
func (s *Store) update(ctx context.Context) error {
	err := s.migrateInTurn(ctx)
	if err == nil {
		return nil
	}
	if why := unwritable(err); why != "" {
		return fmt.Errorf("the database cannot be written: %s: %w", why, err)
	}
	return fmt.Errorf("bring the database up to date: %w", err)
}

func openSQLite(dir string) (*Store, error) {
	path := filepath.Join(dir, "whaley.db")
	if err := keepPrivate(path); err != nil {
		return nil, err
	}
	options := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)",
	}}
	db, err := sql.Open("sqlite", "file:"+path+"?"+options.Encode())
	if err != nil {
		return nil, err
	}
	// SQLite closes no descriptor of a database that is still open elsewhere in the process, so that as many stay as there
	// ever were connections at once.
	db.SetMaxOpenConns(sqliteConnections)
	db.SetMaxIdleConns(sqliteConnections)
	return &Store{
		db: bun.NewDB(db, sqlitedialect.New(), bun.WithDiscardUnknownColumns()), dir: dir, writer: make(chan struct{}, 1),
	}, nil
}

// keepPrivate makes the file for its owner alone, and takes the rights of others from one that is there, as far as we
// may; SQLite gives what it puts beside it the same mode.
func keepPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer f.Close()
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(file); err == nil && info.Mode()&0o077 != 0 {
			_ = os.Chmod(file, info.Mode().Perm()&^0o077) // another's: the folder's mode is what keeps it
		}
	}
	return nil
}

func openPostgres(databaseURL string) (*Store, error) {
	if !strings.HasPrefix(databaseURL, "postgres://") && !strings.HasPrefix(databaseURL, "postgresql://") {
		return nil, fmt.Errorf("DATABASE_URL must begin with postgres://")
	}
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL is not a valid PostgreSQL address") // pgx's text may quote the password
	}
	process := newProcess()
	config.RuntimeParams["application_name"] = process
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(20)
	db.SetMaxIdleConns(idleConnections)
	db.SetConnMaxLifetime(30 * time.Minute)
	return &Store{
		db: bun.NewDB(db, pgdialect.New(), bun.WithDiscardUnknownColumns()), config: config, process: process,
	}, nil
}

// Hosts are the machines that a database's URL names; a socket is on this one.
func Hosts(databaseURL string) []string {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil || databaseURL == "" {
		return nil // SQLite, or what Open refuses
	}
	hosts := []string{config.Host}
	for _, next := range config.Fallbacks {
		hosts = append(hosts, next.Host)
	}
	slices.Sort(hosts)
	return slices.DeleteFunc(slices.Compact(hosts), func(h string) bool { return strings.HasPrefix(h, "/") })
}

// Close ends all connections.
func (s *Store) Close() error { return s.db.Close() }

func (s *Store) postgres() bool { return s.db.Dialect().Name() == dialect.PG }

// write runs a function in a transaction, and tells of its events once it is committed.
func (s *Store) write(ctx context.Context, f func(ctx context.Context, tx bun.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	t := &told{}
	ctx = context.WithValue(ctx, toldKey{}, t)
	err := again(ctx, retryableWrite, func() error {
		t.events, t.audit = nil, nil
		if err := s.takeTurn(ctx); err != nil {
			return err
		}
		defer s.endTurn()
		return s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			if err := s.fence(ctx, tx); err != nil {
				return err
			}
			return f(ctx, tx)
		})
	})
	if err == nil && t.audit != nil {
		t.audit.Keep()
	}
	if err == nil && s.tell != nil && len(t.events) > 0 {
		s.tell(t.events)
	}
	return translate(err)
}

// takeTurn waits until no other writes, where only one can.
func (s *Store) takeTurn(ctx context.Context) error {
	if s.writer == nil {
		return nil
	}
	select {
	case s.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) endTurn() {
	if s.writer != nil {
		<-s.writer
	}
}

// read runs a function without one.
func (s *Store) read(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return translate(again(ctx, retryableRead, func() error { return f(ctx) }))
}

// utc is a time as both databases keep it.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
