package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type challengeRow struct {
	bun.BaseModel `bun:"table:challenge_settings,alias:c"`

	Challenge string `bun:",pk"`
	Active    bool
	Memory    int64
	NanoCPUs  int64 `bun:"nano_cpus"`
	Pids      int64
	OpensAt   time.Time `bun:",nullzero"`
	UpdatedAt time.Time
	UpdatedBy string
}

// ChallengeSettings are those of all challenges that have any, by id.
func (s *Store) ChallengeSettings(ctx context.Context) (map[string]whaley.ChallengeSetting, error) {
	var rows []challengeRow
	err := s.read(ctx, func(ctx context.Context) error { return s.db.NewSelect().Model(&rows).Scan(ctx) })
	all := make(map[string]whaley.ChallengeSetting, len(rows))
	for _, r := range rows {
		all[r.Challenge] = whaley.ChallengeSetting{
			Challenge: r.Challenge, Active: r.Active, UpdatedAt: utc(r.UpdatedAt), UpdatedBy: r.UpdatedBy,
			Limits:  whaley.Limits{MemoryBytes: r.Memory, NanoCPUs: r.NanoCPUs, Pids: r.Pids},
			OpensAt: utc(r.OpensAt),
		}
	}
	return all, err
}

// SetChallenge writes a challenge's setting, with its event in the same transaction.
func (s *Store) SetChallenge(ctx context.Context, c whaley.ChallengeSetting, ev whaley.Event) error {
	row := &challengeRow{
		Challenge: c.Challenge, Active: c.Active, UpdatedAt: utc(c.UpdatedAt), UpdatedBy: c.UpdatedBy,
		Memory: c.Limits.MemoryBytes, NanoCPUs: c.Limits.NanoCPUs, Pids: c.Limits.Pids, OpensAt: utc(c.OpensAt),
	}
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(row).On("CONFLICT (challenge) DO UPDATE").
			Set("active = EXCLUDED.active").Set("memory = EXCLUDED.memory").Set("nano_cpus = EXCLUDED.nano_cpus").
			Set("pids = EXCLUDED.pids").Set("updated_at = EXCLUDED.updated_at").Set("updated_by = EXCLUDED.updated_by").
			Set("opens_at = EXCLUDED.opens_at").Exec(ctx)
		if err != nil {
			return err
		}
		return s.insertEvent(ctx, tx, ev)
	})
}

// ForgetChallenge removes a challenge's setting; none is no error.
func (s *Store) ForgetChallenge(ctx context.Context, challenge string) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewDelete().Model((*challengeRow)(nil)).Where("challenge = ?", challenge).Exec(ctx); err != nil {
			return err
		}
		return s.insertAudit(ctx, tx, whaley.Event{Challenge: challenge})
	})
}
