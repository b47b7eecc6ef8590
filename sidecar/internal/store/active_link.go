package store

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// activeLock is the key of PostgreSQL's advisory lock that the active process holds.
const activeLock = migrateLock + 1

// clock is the database's, in milliseconds.
const clock = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"

// lockTimeout bounds how long taking over waits for a transaction of the one before; then its connections are ended.
const lockTimeout = "500ms"

// link is the connection that holds the lock.
type link struct {
	store *Store
	log   *slog.Logger
	conn  *pgx.Conn // nil: there is none now
}

// newProcess names this process and its connections to PostgreSQL.
func newProcess() string { return "whaley " + rand.Text() }

// acquire tries to get the lock once. A process that has it and does not beat any more loses it.
func (l *link) acquire(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := l.connect(ctx); err != nil {
		return false, err
	}
	locked := false
	if err := l.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", activeLock).Scan(&locked); err != nil {
		l.close()
		return false, err
	}
	if locked {
		return true, nil
	}
	if err := l.endHanging(ctx); err != nil {
		return false, err
	}
	return false, l.tellOfActive(ctx)
}

func (l *link) connect(ctx context.Context) error {
	if l.conn != nil && !l.conn.IsClosed() {
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, l.store.config.Copy())
	if err != nil {
		return err
	}
	l.conn = conn
	return nil
}

func (l *link) close() {
	if l.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), beatTime)
	defer cancel()
	l.conn.Close(ctx)
	l.conn = nil
}

// endHanging ends the connections of an active process that was not seen alive for too long, and its lock with them.
func (l *link) endHanging(ctx context.Context) error {
	var process string
	err := l.conn.QueryRow(ctx, "SELECT process FROM active WHERE beat < "+clock+" - $1", deadAfter.Milliseconds()).Scan(
		&process,
	)
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows), errors.As(err, &pg) && pg.Code == "42P01": // it beats, or is making its tables
		return nil
	case err != nil:
		l.close()
		return err
	}
	return l.endConnections(ctx, process)
}

func (l *link) endConnections(ctx context.Context, process string) error {
	tag, err := l.conn.Exec(ctx,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()",
		process)
	if err == nil && tag.RowsAffected() > 0 {
		l.log.Warn(
			"the sidecar that was active does not answer, its connections are ended", "process", process, "connections",
			tag.RowsAffected(),
		)
	}
	return err
}

// takeOver counts the epoch on. From then on nothing is written by the process before.
func (l *link) takeOver(ctx context.Context) (epoch int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := l.conn.Exec(ctx, "SET lock_timeout = '"+lockTimeout+"'"); err != nil {
		return 0, err
	}
	for {
		err := l.conn.QueryRow(
			ctx, "UPDATE active SET epoch = epoch + 1, process = $1, url = $2, key = $3, beat = "+clock+" RETURNING epoch",
			l.store.process, l.store.own.URL, l.store.own.Key,
		).Scan(&epoch)
		var pg *pgconn.PgError
		if err == nil || !errors.As(err, &pg) || pg.Code != "55P03" {
			return epoch, err
		}
		var process string
		if err := l.conn.QueryRow(ctx, "SELECT process FROM active").Scan(&process); err != nil {
			return 0, err
		}
		if err := l.endConnections(ctx, process); err != nil {
			return 0, err
		}
	}
}

// beat says that this process is alive; false if another has taken over. After the connection broke, as when the
// database restarts, it gets the lock back unless another one was first.
func (l *link) beat(ctx context.Context, epoch int64) (mine bool, err error) {
	// Not ended halfway when this process lets go: that would break the connection.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), beatTime)
	defer cancel()
	if l.conn == nil || l.conn.IsClosed() {
		if err := l.connect(ctx); err != nil {
			return false, err
		}
		locked := false
		if err := l.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", activeLock).Scan(&locked); err != nil {
			l.close()
			return false, err
		}
		if !locked {
			return l.stillOurs(ctx, epoch)
		}
	}
	tag, err := l.conn.Exec(ctx, "UPDATE active SET beat = "+clock+" WHERE epoch = $1", epoch)
	if err != nil {
		l.close()
		return false, err
	}
	return tag.RowsAffected() == 1, nil
}

// stillOurs looks who has the lock: another process, or a connection of ours that the database does not know to be
// broken.
func (l *link) stillOurs(ctx context.Context, epoch int64) (bool, error) {
	var process string
	err := l.conn.QueryRow(ctx, "SELECT process FROM active WHERE epoch = $1", epoch).Scan(&process)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	l.close()
	if err == nil {
		err = errors.New("the lock of the active sidecar is not free yet")
	}
	return false, err
}

// wait lets some time pass, or ends as soon as the connection breaks.
func (l *link) wait(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	if l.conn == nil || l.conn.IsClosed() {
		<-ctx.Done()
		return
	}
	for {
		if _, err := l.conn.WaitForNotification(ctx); err != nil {
			return
		}
	}
}
