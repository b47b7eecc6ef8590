package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// lockSettings is the key of PostgreSQL's lock under which settings are changed one after the other.
const lockSettings = 3

type settingRow struct {
	bun.BaseModel `bun:"table:settings,alias:s"`

	Name  string `bun:",pk"`
	Value string
}

type settingChangeRow struct {
	bun.BaseModel `bun:"table:setting_changes,alias:c"`

	ID        string `bun:",pk"` // UUIDv7: in the order of time
	Name      string
	Before    *string
	After     *string
	ChangedBy string
	At        time.Time
}

// Settings are the values that organisers set, by name.
func (s *Store) Settings(ctx context.Context) (map[string]string, error) {
	var now map[string]string
	err := s.read(ctx, func(ctx context.Context) (err error) {
		now, err = settingsOf(ctx, s.db)
		return err
	})
	return now, err
}

func settingsOf(ctx context.Context, db bun.IDB) (map[string]string, error) {
	var rows []settingRow
	err := db.NewSelect().Model(&rows).Scan(ctx)
	now := make(map[string]string, len(rows))
	for _, r := range rows {
		now[r.Name] = r.Value
	}
	return now, err
}

// ChangeSettings replaces all values by what change makes of them, with a row of history for each that differs. Changes
// at once come one after the other, so what change checks holds when it is written.
func (s *Store) ChangeSettings(
	ctx context.Context, by string, change func(now map[string]string) (map[string]string, error),
) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := s.takeTurns(ctx, tx, lockSettings, ""); err != nil {
			return err
		}
		before, err := settingsOf(ctx, tx)
		if err != nil {
			return err
		}
		after, err := change(maps.Clone(before))
		if err != nil {
			return err
		}
		names := slices.Sorted(maps.Keys(after))
		for name := range before {
			if _, stays := after[name]; !stays {
				names = append(names, name)
			}
		}
		for _, name := range names {
			if err := changeSetting(ctx, tx, by, name, before, after); err != nil {
				return err
			}
		}
		return s.insertAudit(ctx, tx, whaley.Event{})
	})
}

func changeSetting(ctx context.Context, tx bun.Tx, by, name string, before, after map[string]string) error {
	old, was := before[name]
	value, is := after[name]
	if was == is && old == value {
		return nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	row := &settingChangeRow{ID: id.String(), Name: name, ChangedBy: by, At: utc(time.Now())}
	if was {
		row.Before = &old
	}
	if is {
		row.After = &value
		_, err = tx.NewInsert().Model(&settingRow{Name: name, Value: value}).On("CONFLICT (name) DO UPDATE").Set(
			"value = EXCLUDED.value",
		).Exec(ctx)
	} else {
		_, err = tx.NewDelete().Model((*settingRow)(nil)).Where("name = ?", name).Exec(ctx)
	}
	if err != nil {
		return err
	}
	_, err = tx.NewInsert().Model(row).Exec(ctx)
	return err
}

// SettingChanges lists the history, latest first, at most limit rows that are older than the one with the id before
// (empty: from the latest on).
func (s *Store) SettingChanges(ctx context.Context, before string, limit int) ([]whaley.SettingChange, error) {
	var rows []settingChangeRow
	err := s.read(ctx, func(ctx context.Context) error {
		query := s.db.NewSelect().Model(&rows).Order("id DESC").Limit(int64(limit))
		if before != "" {
			query = query.Where("id < ?", before)
		}
		return query.Scan(ctx)
	})
	var all []whaley.SettingChange
	for _, r := range rows {
		all = append(
			all, whaley.SettingChange{ID: r.ID, Name: r.Name, Before: r.Before, After: r.After, By: r.ChangedBy, At: utc(r.At)},
		)
	}
	return all, err
}
