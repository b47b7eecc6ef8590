package store

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

type challengeMappingRow struct {
	bun.BaseModel `bun:"table:challenge_mappings,alias:m"`

	Challenge     string `bun:",pk"`
	CTFdChallenge int    `bun:"ctfd_challenge"`
	CTFdName      string `bun:"ctfd_name"`
	CreatedAt     time.Time
}

func (r *challengeMappingRow) mapping() *instancer.Mapping {
	return &instancer.Mapping{Challenge: r.Challenge, CTFdChallenge: r.CTFdChallenge, CTFdName: r.CTFdName, CreatedAt: utc(r.CreatedAt)}
}

// Mappings lists which challenges are in CTFd, by id.
func (s *Store) Mappings(ctx context.Context) ([]*instancer.Mapping, error) {
	var rows []*challengeMappingRow
	err := s.read(ctx, func(ctx context.Context) error { return s.db.NewSelect().Model(&rows).Order("challenge").Scan(ctx) })
	all := make([]*instancer.Mapping, len(rows))
	for n, r := range rows {
		all[n] = r.mapping()
	}
	return all, err
}

// Mapping is a challenge's, nil if it has none.
func (s *Store) Mapping(ctx context.Context, challenge string) (*instancer.Mapping, error) {
	row := &challengeMappingRow{}
	err := s.read(ctx, func(ctx context.Context) error {
		err := s.db.NewSelect().Model(row).Where("challenge = ?", challenge).Scan(ctx)
		if isNoRow(err) {
			row = nil
			return nil
		}
		return err
	})
	if err != nil || row == nil {
		return nil, err
	}
	return row.mapping(), nil
}

// Map writes which challenge of CTFd a challenge is. Its current flags go into the outbox for that one, and out of the
// one that it was before. It refuses with mapping_taken if another challenge is mapped to the same.
func (s *Store) Map(ctx context.Context, m *instancer.Mapping) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		row := &challengeMappingRow{Challenge: m.Challenge, CTFdChallenge: m.CTFdChallenge, CTFdName: m.CTFdName, CreatedAt: utc(m.CreatedAt)}
		_, err := tx.NewInsert().Model(row).On("CONFLICT (challenge) DO UPDATE").Set("ctfd_challenge = EXCLUDED.ctfd_challenge").
			Set("ctfd_name = EXCLUDED.ctfd_name").Set("created_at = EXCLUDED.created_at").Exec(ctx)
		if isUnique(err) {
			return instancer.Errorf(instancer.Conflict, "mapping_taken", "CTFd's challenge %d belongs to another challenge already. Remove that mapping first.", m.CTFdChallenge).Because(err)
		}
		if err != nil {
			return err
		}
		var current []string
		if err := tx.NewSelect().Model((*flagRow)(nil)).Column("id").Where("challenge = ?", m.Challenge).Where("retired_at IS NULL").Order("id").Scan(ctx, &current); err != nil {
			return err
		}
		for some := range slices.Chunk(current, atOnce) {
			if err := s.want(ctx, tx, some, m.CTFdChallenge, m.CreatedAt); err != nil {
				return err
			}
		}
		_, err = tx.NewUpdate().Model((*registrationRow)(nil)).Set("state = ?", instancer.RegistrationRemoving).Set("tries = 0").Set("next_at = 0").
			Set("reason = ''").Set("changed_at = ?", utc(m.CreatedAt)).
			Where("ctfd_challenge <> ?", m.CTFdChallenge).Where("flag IN (SELECT id FROM flags WHERE challenge = ?)", m.Challenge).
			Where("state <> ?", instancer.RegistrationRemoved).Exec(ctx)
		return err
	})
}

// Unmap forgets a challenge's mapping and says whether there was one. Its flags in CTFd stay, since instances that run
// have them; what was still to be brought there is not any more.
func (s *Store) Unmap(ctx context.Context, challenge string) (bool, error) {
	had := false
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewDelete().Model((*challengeMappingRow)(nil)).Where("challenge = ?", challenge).Exec(ctx)
		if err != nil {
			return err
		}
		rows, err := result.RowsAffected()
		if had = rows > 0; err != nil || !had {
			return err
		}
		// One that was tried may be there all the same: an answer can be lost.
		_, err = tx.NewUpdate().Model((*registrationRow)(nil)).Set("state = ?", instancer.RegistrationRemoving).Set("next_at = 0").
			Where("state IN ('pending', 'failed')").Where("flag IN (SELECT id FROM flags WHERE challenge = ?)", challenge).Exec(ctx)
		return err
	})
	return had, err
}
