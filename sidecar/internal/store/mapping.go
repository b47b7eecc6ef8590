package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type challengeMappingRow struct {
	bun.BaseModel `bun:"table:challenge_mappings,alias:m"`

	Challenge     string `bun:",pk"`
	CTFdChallenge int    `bun:"ctfd_challenge"`
	CTFdName      string `bun:"ctfd_name"`
	CreatedAt     time.Time
}

func (r *challengeMappingRow) mapping() *whaley.Mapping {
	return &whaley.Mapping{
		Challenge: r.Challenge, CTFdChallenge: r.CTFdChallenge, CTFdName: r.CTFdName, CreatedAt: utc(r.CreatedAt),
	}
}

type partMappingRow struct {
	bun.BaseModel `bun:"table:part_mappings,alias:p"`

	Challenge     string `bun:",pk"`
	Part          string `bun:",pk"`
	CTFdChallenge int    `bun:"ctfd_challenge"`
	CTFdName      string `bun:"ctfd_name"`
	CreatedAt     time.Time
}

func (r *partMappingRow) mapping() *whaley.Mapping {
	return &whaley.Mapping{
		Challenge: r.Challenge, Part: r.Part, CTFdChallenge: r.CTFdChallenge, CTFdName: r.CTFdName,
		CreatedAt: utc(r.CreatedAt),
	}
}

// lockMappings is the key of PostgreSQL's lock under which mappings change one after the other.
const lockMappings = 5

// mappedTo is the challenge of CTFd that a flag belongs to: its part's own, else its challenge's, else 0.
func mappedTo(ctx context.Context, db bun.IDB, challenge, part string) (ctfd int, err error) {
	own := &partMappingRow{}
	if err = db.NewSelect().Model(own).Where("challenge = ?", challenge).Where("part = ?", part).Scan(ctx); err == nil {
		return own.CTFdChallenge, nil
	}
	whole := &challengeMappingRow{}
	if isNoRow(err) {
		err = db.NewSelect().Model(whole).Where("challenge = ?", challenge).Scan(ctx)
	}
	if isNoRow(err) {
		err = nil
	}
	return whole.CTFdChallenge, err
}

// Mappings lists which challenges are in CTFd, by id, and after each those of its parts that are elsewhere.
func (s *Store) Mappings(ctx context.Context) ([]*whaley.Mapping, error) {
	var rows []*challengeMappingRow
	var parts []*partMappingRow
	err := s.read(ctx, func(ctx context.Context) error {
		if err := s.db.NewSelect().Model(&rows).Scan(ctx); err != nil {
			return err
		}
		return s.db.NewSelect().Model(&parts).Scan(ctx)
	})
	all := make([]*whaley.Mapping, 0, len(rows)+len(parts))
	for _, r := range rows {
		all = append(all, r.mapping())
	}
	for _, r := range parts {
		all = append(all, r.mapping())
	}
	slices.SortFunc(all, func(a, b *whaley.Mapping) int {
		return cmp.Or(strings.Compare(a.Challenge, b.Challenge), strings.Compare(a.Part, b.Part))
	})
	return all, err
}

// Mapping is a challenge's, nil if it has none.
func (s *Store) Mapping(ctx context.Context, challenge string) (*whaley.Mapping, error) {
	all, err := s.Mappings(ctx)
	for _, m := range all {
		if m.Challenge == challenge && m.Part == "" {
			return m, err
		}
	}
	return nil, err
}

// Map writes which challenge of CTFd a challenge is, or where one of its parts belongs. The current flags that this is
// about go into the outbox for that one, and out of those where they were before. It refuses with mapping_taken if
// another challenge is mapped to the same.
func (s *Store) Map(ctx context.Context, m *whaley.Mapping) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := s.takeTurns(ctx, tx, lockMappings, ""); err != nil {
			return err
		}
		if err := free(ctx, tx, m); err != nil {
			return err
		}
		row := &challengeMappingRow{
			Challenge: m.Challenge, CTFdChallenge: m.CTFdChallenge, CTFdName: m.CTFdName, CreatedAt: utc(m.CreatedAt),
		}
		insert := tx.NewInsert().Model(row).On("CONFLICT (challenge) DO UPDATE")
		if m.Part != "" {
			own := partMappingRow{
				Challenge: m.Challenge, Part: m.Part, CTFdChallenge: m.CTFdChallenge, CTFdName: m.CTFdName,
				CreatedAt: utc(m.CreatedAt),
			}
			insert = tx.NewInsert().Model(&own).On("CONFLICT (challenge, part) DO UPDATE")
		}
		_, err := insert.Set("ctfd_challenge = EXCLUDED.ctfd_challenge").Set("ctfd_name = EXCLUDED.ctfd_name").Set(
			"created_at = EXCLUDED.created_at",
		).Exec(ctx)
		if err != nil {
			return err
		}
		if err := s.insertAudit(ctx, tx, whaley.Event{Challenge: m.Challenge}); err != nil {
			return err
		}
		return s.move(ctx, tx, m.Challenge, m.Part, m.CTFdChallenge, m.CreatedAt)
	})
}

// free refuses a challenge of CTFd that another challenge, or a part of one, is mapped to.
func free(ctx context.Context, tx bun.Tx, m *whaley.Mapping) error {
	for _, table := range []string{"challenge_mappings", "part_mappings"} {
		taken, err := tx.NewSelect().Table(table).Where("ctfd_challenge = ?", m.CTFdChallenge).Where(
			"challenge <> ?", m.Challenge,
		).Count(ctx)
		if err != nil {
			return err
		}
		if taken > 0 {
			return whaley.Errorf(
				whaley.Conflict, "mapping_taken",
				"CTFd's challenge %d belongs to another challenge already. Remove that mapping first.", m.CTFdChallenge,
			)
		}
	}
	return nil
}

// move brings a challenge's flags, or those of one part, to where they belong now (0: nowhere).
func (s *Store) move(ctx context.Context, tx bun.Tx, challenge, part string, ctfd int, at time.Time) error {
	about := func(q *bun.SelectQuery) *bun.SelectQuery {
		if q = q.Where("f.challenge = ?", challenge); part != "" {
			return q.Where("f.part = ?", part)
		}
		return q.Where("f.part NOT IN (SELECT part FROM part_mappings WHERE challenge = ?)", challenge)
	}
	var current []string
	if err := about(tx.NewSelect().Model((*flagRow)(nil)).Column("id").Where("retired_at IS NULL").Order("id")).Scan(
		ctx, &current,
	); err != nil {
		return err
	}
	for some := range slices.Chunk(current, atOnce) {
		if ctfd == 0 {
			break
		}
		if err := s.want(ctx, tx, some, ctfd, at); err != nil {
			return err
		}
	}
	_, err := tx.NewUpdate().Model((*registrationRow)(nil)).Set("state = ?", whaley.RegistrationRemoving).Set("tries = 0").Set(
		"next_at = 0",
	).
		Set("reason = ''").Set("changed_at = ?", utc(at)).
		Where("ctfd_challenge <> ?", ctfd).Where("flag IN (?)", about(tx.NewSelect().Model((*flagRow)(nil)).Column("id"))).
		Where("state <> ?", whaley.RegistrationRemoved).Exec(ctx)
	return err
}

// Unmap forgets a challenge's mapping, or that of one part, and says whether there was one. A challenge's flags in CTFd
// stay, since instances that run have them; what was still to be brought there is not any more. A part's go to where
// its challenge's others are.
func (s *Store) Unmap(ctx context.Context, challenge, part string) (bool, error) {
	had := false
	err := s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := s.takeTurns(ctx, tx, lockMappings, ""); err != nil {
			return err
		}
		remove := tx.NewDelete().Model((*challengeMappingRow)(nil)).Where("challenge = ?", challenge)
		if part != "" {
			remove = tx.NewDelete().Model((*partMappingRow)(nil)).Where("challenge = ?", challenge).Where("part = ?", part)
		}
		result, err := remove.Exec(ctx)
		if err != nil {
			return err
		}
		rows, err := result.RowsAffected()
		if had = rows > 0; err != nil || !had {
			return err
		}
		if err := s.insertAudit(ctx, tx, whaley.Event{Challenge: challenge}); err != nil {
			return err
		}
		if part != "" {
			ctfd, err := mappedTo(ctx, tx, challenge, part)
			if err != nil {
				return err
			}
			return s.move(ctx, tx, challenge, part, ctfd, time.Now())
		}
		// One that was tried may be there all the same: an answer can be lost.
		_, err = tx.NewUpdate().Model((*registrationRow)(nil)).Set("state = ?", whaley.RegistrationRemoving).Set(
			"next_at = 0",
		).
			Where("state IN ('pending', 'failed')").
			Where(
				"flag IN (SELECT id FROM flags WHERE challenge = ? AND part NOT IN (SELECT part FROM part_mappings WHERE challenge = ?))",
				challenge, challenge,
			).
			Exec(ctx)
		return err
	})
	return had, err
}
