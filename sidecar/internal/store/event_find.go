package store

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// FindEvents lists events, newest first.
func (s *Store) FindEvents(ctx context.Context, q whaley.EventQuery) ([]whaley.Event, error) {
	var rows []eventRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		query := s.db.NewSelect().Model(&rows).Order("id DESC").Limit(int64(q.Limit))
		if len(q.Types) > 0 {
			query = query.Where("type IN ?", bun.Tuple(q.Types))
		}
		query = matching(query, q.After, q.From, q.To, map[string]string{
			"instance": q.Instance, "challenge": q.Challenge, "owner": q.Owner, "player": q.Player,
		})
		if words := wordsOf(q.Words); len(words) > 0 {
			query = query.Where("id IN (?)", s.searched(words))
		}
		return query.Scan(ctx)
	})
	return toEvents(rows), err
}

// matching is a page of rows that have these values, of a span of time; what is empty is not asked for.
func matching(q *bun.SelectQuery, after string, from, to time.Time, values map[string]string) *bun.SelectQuery {
	for column, value := range values {
		if value != "" {
			q = q.Where("? = ?", bun.Ident(column), value)
		}
	}
	if after != "" {
		q = q.Where("id < ?", after)
	}
	if !from.IsZero() {
		q = q.Where("at >= ?", utc(from))
	}
	if !to.IsZero() {
		q = q.Where("at < ?", utc(to))
	}
	return q
}

// searched selects the ids of the events whose messages have all words, the last perhaps not to its end.
func (s *Store) searched(words []string) *bun.SelectQuery {
	query := s.db.NewSelect().Table("event_words").Column("id")
	if s.postgres() {
		return query.Where("to_tsvector('simple', words) @@ to_tsquery('simple', ?)", strings.Join(words, " & ")+":*")
	}
	return query.Where("event_words MATCH ?", `"`+strings.Join(words, `" "`)+`"*`) // words hold letters and digits only
}

// EventsAfter lists the events that follow one, oldest first; an empty id: from the first on.
func (s *Store) EventsAfter(ctx context.Context, id string, limit int) ([]whaley.Event, error) {
	var rows []eventRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return s.db.NewSelect().Model(&rows).Where("id > ?", id).Order("id").Limit(int64(limit)).Scan(ctx)
	})
	return toEvents(rows), err
}

// EventStats counts. It reads the whole table: ask now and then and remember the answer.
func (s *Store) EventStats(ctx context.Context) (whaley.EventStats, error) {
	stats := whaley.EventStats{ByType: map[string]int64{}}
	err := s.read(ctx, func(ctx context.Context) error {
		var byType []struct {
			Type  string
			Count int64
		}
		err := s.db.NewSelect().Model((*eventRow)(nil)).Column("type").ColumnExpr("count(*) AS count").Group("type").Scan(
			ctx, &byType,
		)
		if err != nil {
			return err
		}
		stats.Total = 0
		for _, t := range byType {
			stats.ByType[t.Type] = t.Count
			stats.Total += t.Count
		}
		err = s.db.NewSelect().Model((*eventRow)(nil)).ColumnExpr("count(DISTINCT owner)").Where("owner <> ''").Scan(
			ctx, &stats.Owners,
		)
		if err != nil {
			return err
		}
		return s.db.NewSelect().Model((*eventRow)(nil)).ColumnExpr("count(*)").Where(
			"at >= ?", utc(time.Now().Add(-24*time.Hour)),
		).Scan(ctx, &stats.LastDay)
	})
	return stats, err
}

// ForgetEvents removes up to limit events from before a time, oldest first, and returns how many.
func (s *Store) ForgetEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	forgotten := 0
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		var ids []string
		err := tx.NewSelect().Model((*eventRow)(nil)).Column("id").Where("at < ?", utc(before)).Order("id").Limit(int64(limit)).Scan(
			ctx, &ids,
		)
		if forgotten = len(ids); err != nil || forgotten == 0 {
			return err
		}
		if _, err := tx.NewDelete().Model((*eventRow)(nil)).Where("id IN ?", bun.Tuple(ids)).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model((*outgoingRow)(nil)).Where("event IN ?", bun.Tuple(ids)).Exec(ctx); err != nil {
			return err
		}
		words := tx.NewDelete().Model((*wordsRow)(nil)).Where("id IN ?", bun.Tuple(ids))
		if !s.postgres() {
			// The words have no index on the id, and the same order.
			words = words.Where("rowid IN (SELECT rowid FROM event_words ORDER BY rowid LIMIT ?)", 2*limit)
		}
		_, err = words.Exec(ctx)
		return err
	})
	return forgotten, err
}
