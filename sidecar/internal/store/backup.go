package store

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	restoreRows = 500      // that are written in one statement
	maxRow      = 16 << 20 // bytes
)

// Kind is the kind of database, which a backup can only be restored into.
func (s *Store) Kind() string {
	if s.postgres() {
		return "postgres"
	}
	return "sqlite"
}

// Migrations names those that were applied, in their order.
func (s *Store) Migrations(ctx context.Context) (names []string, err error) {
	err = s.read(ctx, func(ctx context.Context) error {
		return s.db.NewSelect().Table("bun_migrations").Column("name").Order("name").Scan(ctx, &names)
	})
	return names, err
}

// Backup writes the rows of every table as they were in one moment, a JSON object a line, to what open returns for the
// table. Only ctx bounds how long that takes.
func (s *Store) Backup(ctx context.Context, open func(table string) (io.WriteCloser, error)) error {
	err := s.db.RunInTx(
		ctx, &sql.TxOptions{Isolation: s.snapshot(), ReadOnly: s.postgres()}, func(ctx context.Context, tx bun.Tx) error {
			tables, err := s.tables(ctx, tx)
			if err != nil {
				return err
			}
			for _, table := range tables {
				out, err := open(table)
				if err != nil {
					return err
				}
				if err := s.backupTable(ctx, tx, table, out); err != nil {
					out.Close()
					return fmt.Errorf("table %s: %w", table, err)
				}
				if err := out.Close(); err != nil {
					return err
				}
			}
			return nil
		},
	)
	return translate(err)
}

func (s *Store) snapshot() sql.IsolationLevel {
	if s.postgres() {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault // a transaction of SQLite sees one moment anyway
}

func (s *Store) backupTable(ctx context.Context, tx bun.Tx, table string, out io.Writer) error {
	query := fmt.Sprintf("SELECT row_to_json(t)::text FROM %s AS t", quoted(table))
	if !s.postgres() {
		columns, err := s.columns(ctx, tx, table)
		if err != nil {
			return err
		}
		var pairs []string
		for _, c := range columns {
			pairs = append(pairs, fmt.Sprintf("'%s', %s", c, quoted(c)))
		}
		query = fmt.Sprintf("SELECT json_object(%s) FROM %s ORDER BY rowid", strings.Join(pairs, ", "), quoted(table))
	}
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	lines := bufio.NewWriter(out)
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		if _, err := lines.WriteString(line + "\n"); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return lines.Flush()
}

// Restore fills an empty database with what Backup wrote, in one transaction. It refuses with database_not_empty one in
// which anything has happened. Columns that are younger than the backup get their defaults.
func (s *Store) Restore(ctx context.Context, open func(table string) (io.ReadCloser, error)) error {
	err := s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		tables, err := s.tables(ctx, tx)
		if err != nil {
			return err
		}
		for _, table := range []string{"instances", "events"} {
			if n, err := tx.NewSelect().Table(table).Count(ctx); err != nil || n > 0 {
				if err != nil {
					return err
				}
				return whaley.Errorf(whaley.Conflict, "database_not_empty",
					"The database is in use: it has %d %s. Restore into an empty one.", n, table)
			}
		}
		if !s.postgres() {
			if _, err := tx.ExecContext(ctx, "PRAGMA defer_foreign_keys = ON"); err != nil {
				return err
			}
		}
		for _, table := range tables {
			in, err := open(table)
			if err != nil {
				return err
			}
			if in == nil {
				continue // younger than the backup
			}
			err = s.restoreTable(ctx, tx, table, in)
			in.Close()
			if err != nil {
				return fmt.Errorf("table %s: %w", table, err)
			}
		}
		return nil
	})
	return translate(err)
}

func (s *Store) restoreTable(ctx context.Context, tx bun.Tx, table string, in io.Reader) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM "+quoted(table)); err != nil { // what a first start made
		return err
	}
	known, err := s.columns(ctx, tx, table)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxRow)
	var batch []json.RawMessage
	var columns []string
	write := func() error {
		if len(batch) == 0 {
			return nil
		}
		text, err := json.Marshal(batch)
		if err != nil {
			return err
		}
		batch = batch[:0]
		_, err = tx.ExecContext(ctx, s.insertJSON(table, columns), string(text))
		return err
	}
	for lines.Scan() {
		if columns == nil {
			var row map[string]json.RawMessage
			if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
				return err
			}
			columns = slices.Sorted(maps.Keys(row))
			for _, c := range columns {
				if !slices.Contains(known, c) {
					return fmt.Errorf("there is no column %q: the backup is younger than this version of Whaley", c)
				}
			}
		}
		batch = append(batch, bytes.Clone(lines.Bytes()))
		if len(batch) == restoreRows {
			if err := write(); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return write()
}

// insertJSON is a statement that inserts the rows of a JSON array.
func (s *Store) insertJSON(table string, columns []string) string {
	var into, from []string
	for _, c := range columns {
		into = append(into, quoted(c))
		from = append(from, fmt.Sprintf("json_extract(value, '$.\"%s\"')", c))
	}
	names := strings.Join(into, ", ")
	if s.postgres() {
		return fmt.Sprintf(
			"INSERT INTO %s (%s) SELECT %s FROM json_populate_recordset(NULL::%s, ?)", quoted(table), names, names,
			quoted(table),
		)
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM json_each(?)", quoted(table), names, strings.Join(from, ", "))
}

// tables lists those that hold anything of ours, each after those that it refers to.
func (s *Store) tables(ctx context.Context, tx bun.Tx) ([]string, error) {
	list := "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite_%' ORDER BY name"
	if s.postgres() {
		list = `SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
			ORDER BY EXISTS (SELECT 1 FROM pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f'), c.relname`
	}
	var names []string
	if err := tx.NewRaw(list).Scan(ctx, &names); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "bun_") }), nil
}

func (s *Store) columns(ctx context.Context, tx bun.Tx, table string) (names []string, err error) {
	list := "SELECT name FROM pragma_table_info(?)"
	if s.postgres() {
		list = "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ?"
	}
	return names, tx.NewRaw(list, table).Scan(ctx, &names)
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
