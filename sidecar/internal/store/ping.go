package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// probeEvery is how long what a write has shown is believed, so that those who ask often do not wear the disk.
const probeEvery = 5 * time.Second

// Ping says whether the database answers and can be written. The latter is tried with one small row, at most every five
// seconds.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := s.db.PingContext(ctx); err != nil {
		return translate(err)
	}
	s.probing.Lock()
	defer s.probing.Unlock()
	if !s.probed.IsZero() && time.Since(s.probed) < probeEvery {
		return s.written
	}
	row := &metaRow{Name: "probed_at", Value: time.Now().UTC().Format(time.RFC3339Nano)}
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(row).On("CONFLICT (name) DO UPDATE").Set("value = EXCLUDED.value").Exec(ctx)
		return err
	})
	if ctx.Err() != nil {
		return err // says nothing of the database for those who ask next
	}
	s.probed, s.written = time.Now(), err
	return err
}
