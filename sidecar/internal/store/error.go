package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// translate makes an error of the rules out of one of the database, and keeps those that are one already.
func translate(err error) error {
	var known *whaley.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if why := unwritable(err); why != "" {
		return whaley.Errorf(whaley.Unavailable, "database_not_writable",
			"The database cannot be written: %s. Organisers have to fix that; running instances keep going.", why).Because(err).After(
			laterRetry,
		)
	}
	return whaley.Errorf(whaley.Unavailable, "database_unavailable",
		"The database does not answer. Try again in a few seconds.").Because(err).After(firstRetry)
}

const (
	firstRetry = 5 * time.Second
	laterRetry = 30 * time.Second // somebody has to do something first
)

// Why a database that answers takes no rows.
const (
	diskFull  = "its disk is full"
	diskFails = "its disk is full or fails"
	readOnly  = "it can only be read"
)

// unwritable is why a write failed, if that was for the disk or the server's own will; else it is empty.
func unwritable(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return map[string]string{"53100": diskFull, "58030": diskFails, "25006": readOnly}[pg.Code]
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return map[int]string{
			sqlite3.SQLITE_FULL: diskFull, sqlite3.SQLITE_IOERR: diskFails, sqlite3.SQLITE_CANTOPEN: diskFails,
			sqlite3.SQLITE_READONLY: readOnly,
		}[lite.Code()&0xff] // the rest of the code says more precisely where
	}
	return ""
}

const (
	tries    = idleConnections + 2 // all that wait in the pool may be broken
	tryPause = 150 * time.Millisecond
)

// again repeats what failed in a way that is worth it: a database that has restarted breaks every pooled connection
// once.
func again(ctx context.Context, worth func(error) bool, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if err == nil || try == tries || ctx.Err() != nil || !worth(err) {
			return err
		}
		select {
		case <-time.After(tryPause):
		case <-ctx.Done():
			return err
		}
	}
}

// retryableWrite says whether a transaction surely has changed nothing: it could not be sent, or the server was
// shutting down or starting.
func retryableWrite(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, "57P")
	}
	return pgconn.SafeToRetry(err)
}

// retryableRead says whether a read may succeed if it is tried again: whatever broke but was no answer of the database.
func retryableRead(err error) bool {
	var known *whaley.Error
	var pg *pgconn.PgError
	var lite *sqlite.Error
	if errors.As(err, &known) || errors.As(err, &lite) || isNoRow(err) {
		return false
	}
	return !errors.As(err, &pg) || retryableWrite(err)
}

// isUnique says whether an insert was refused because a row with that key is there.
func isUnique(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}

func isNoRow(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// changedOne says whether a statement changed the one row that it was meant for.
func changedOne(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	return rows == 1, err
}
