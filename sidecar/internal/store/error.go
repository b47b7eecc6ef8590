package store

import (
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// translate makes an error of the rules out of one of the database, and keeps those that are one already.
func translate(err error) error {
	var known *instancer.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return instancer.Errorf(instancer.Unavailable, "database_unavailable",
		"The database does not answer. Try again in a few seconds.").Because(err).After(firstRetry)
}

const firstRetry = 5e9 // 5 s

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
