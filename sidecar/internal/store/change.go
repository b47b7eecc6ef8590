package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// channel is PostgreSQL's name for what sidecars tell each other.
const channel = "whaley_changes"

// relisten is how long to wait before the connection for changes is made anew.
const relisten = time.Second

// announce tells other sidecars of rows, if there can be any, when their transaction is committed.
func (s *Store) announce(ctx context.Context, tx bun.Tx, rows ...*instanceRow) error {
	changes := make([]whaley.Change, len(rows))
	for n, row := range rows {
		changes[n] = whaley.Change{
			Instance: row.ID, Challenge: row.Challenge, Slug: row.Slug, Owner: row.OwnerID, State: whaley.State(row.State),
		}
	}
	return s.tellOthers(ctx, tx, changes...)
}

// tellOthers sends changes to other sidecars when the transaction is committed.
func (s *Store) tellOthers(ctx context.Context, tx bun.Tx, changes ...whaley.Change) error {
	if !s.postgres() {
		return nil
	}
	told := make([]string, len(changes))
	for n, change := range changes {
		text, err := json.Marshal(change)
		if err != nil {
			return err
		}
		told[n] = string(text)
	}
	_, err := tx.ExecContext(ctx, "SELECT pg_notify(?, told) FROM unnest(?::text[]) AS told", channel, pgdialect.Array(told))
	return err
}

// Tell sends other sidecars what is in no row; see instancer.Store.
func (s *Store) Tell(ctx context.Context, changes ...whaley.Change) error {
	if !s.postgres() || len(changes) == 0 {
		return nil
	}
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error { return s.tellOthers(ctx, tx, changes...) })
}

// Changes reports what is changed in the database; see instancer.Store. SQLite has one sidecar, which knows by itself.
func (s *Store) Changes(ctx context.Context) <-chan whaley.Change {
	changes := make(chan whaley.Change)
	s.hear(ctx, channel, func(payload string) {
		var c whaley.Change
		if err := json.Unmarshal([]byte(payload), &c); err != nil {
			c = whaley.Change{} // not ours to understand: look yourself
		}
		select {
		case changes <- c:
		case <-ctx.Done():
		}
	}, func() { close(changes) })
	return changes
}

// hear calls told with the payload of each notification on a channel, and with an empty one after every new connection,
// until ctx ends; then ended. On SQLite there is nobody to hear, and nothing is called.
func (s *Store) hear(ctx context.Context, channel string, told func(payload string), ended func()) {
	if !s.postgres() {
		return
	}
	go func() {
		defer ended()
		for ctx.Err() == nil {
			_ = s.listen(ctx, channel, told) // whatever ended it, others may have changed something meanwhile
			select {
			case <-time.After(relisten):
			case <-ctx.Done():
			}
		}
	}()
}

func (s *Store) listen(ctx context.Context, channel string, told func(payload string)) error {
	conn, err := pgx.ConnectConfig(ctx, s.config.Copy())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	told("")
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		told(n.Payload)
	}
}
