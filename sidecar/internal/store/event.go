package store

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// maxMessage bounds an event's message in bytes: some of it may come from players.
const maxMessage = 2000

type eventRow struct {
	bun.BaseModel `bun:"table:events,alias:e"`

	ID        string `bun:",pk"` // UUIDv7: in the order of time
	Type      string
	Instance  string
	Challenge string
	Owner     string
	Player    string
	Message   string
	At        time.Time
	Request   string
}

// wordsRow is a message as it is searched.
type wordsRow struct {
	bun.BaseModel `bun:"table:event_words,alias:w"`

	ID    string
	Words string
}

// insertEvent writes an event in the transaction of what it tells, and the line of the organiser who does that; one
// without a type is none.
func (s *Store) insertEvent(ctx context.Context, tx bun.Tx, ev whaley.Event) error {
	if ev.Type == "" {
		return s.insertAudit(ctx, tx, ev)
	}
	return s.insertEvents(ctx, tx, []whaley.Event{ev})
}

// insertEvents writes events, and the line of the organiser whose doing they are.
func (s *Store) insertEvents(ctx context.Context, tx bun.Tx, events []whaley.Event) error {
	if len(events) == 0 {
		return nil
	}
	return s.insertAll(ctx, tx, audited(ctx, events[0], slices.Clone(events)))
}

// insertAll writes events, but those about owners that are no players: what solvers and rehearsals do is told
// otherwise.
func (s *Store) insertAll(ctx context.Context, tx bun.Tx, events []whaley.Event) error {
	events = slices.DeleteFunc(events, func(ev whaley.Event) bool { return whaley.Synthetic(ev.Owner) })
	if len(events) == 0 {
		return nil
	}
	rows, words := make([]*eventRow, len(events)), make([]*wordsRow, len(events))
	for n, ev := range events {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		ev.ID, ev.At, ev.Message = id.String(), utc(ev.At), clean(ev.Message)
		if ev.Request == "" {
			ev.Request = whaley.RequestOf(ctx)
		}
		rows[n] = &eventRow{
			ID: ev.ID, Type: ev.Type, Instance: ev.Instance, Challenge: ev.Challenge, Owner: ev.Owner,
			Player: ev.Player, Message: ev.Message, At: ev.At, Request: ev.Request,
		}
		words[n] = &wordsRow{ID: ev.ID, Words: strings.Join(wordsOf(ev.Message), " ")}
		events[n] = ev
	}
	if _, err := tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return err
	}
	if _, err := tx.NewInsert().Model(&words).Exec(ctx); err != nil {
		return err
	}
	if err := s.owe(ctx, tx, events); err != nil {
		return err
	}
	willTell(ctx, events)
	return nil
}

// clean makes a text one that both databases take, of bounded length.
func clean(text string) string {
	if len(text) > maxMessage {
		text = text[:maxMessage]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "�"), "\x00", "�")
}

// wordsOf splits a text the same way for both databases, whose own splitters do not agree.
func wordsOf(text string) []string {
	return strings.FieldsFunc(
		strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) },
	)
}

// Record writes an event that is about no other row, and the organiser's line that goes with the context.
func (s *Store) Record(ctx context.Context, ev whaley.Event) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error { return s.insertEvent(ctx, tx, ev) })
}

// Events lists what happened to an instance, oldest first.
func (s *Store) Events(ctx context.Context, instance string) ([]whaley.Event, error) {
	var rows []eventRow
	err := s.read(ctx, func(ctx context.Context) error {
		return s.db.NewSelect().Model(&rows).Where("instance = ?", instance).Order("id").Scan(ctx)
	})
	return toEvents(rows), err
}

func toEvents(rows []eventRow) []whaley.Event {
	all := make([]whaley.Event, 0, len(rows))
	for _, r := range rows {
		all = append(all, whaley.Event{ID: r.ID, Type: r.Type, Instance: r.Instance, Challenge: r.Challenge, Owner: r.Owner,
			Player: r.Player, Message: r.Message, At: utc(r.At), Request: r.Request})
	}
	return all
}
