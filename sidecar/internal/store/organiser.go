package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type organiserRow struct {
	bun.BaseModel `bun:"table:organiser_keys,alias:o"`

	ID        string `bun:",pk"`
	Name      string
	Role      string
	Hash      string
	CreatedAt time.Time
	CreatedBy string
	RevokedAt time.Time `bun:",nullzero"`
	RevokedBy string
}

func (r *organiserRow) key() whaley.OrganiserKey {
	k := whaley.OrganiserKey{
		ID: r.ID, Name: r.Name, Role: whaley.Role(r.Role), Hash: r.Hash, CreatedAt: utc(r.CreatedAt),
		CreatedBy: r.CreatedBy, RevokedBy: r.RevokedBy,
	}
	if !r.RevokedAt.IsZero() {
		k.RevokedAt = utc(r.RevokedAt)
	}
	return k
}

// AddOrganiserKey writes a key. It refuses with organiser_exists if one of that name counts already: a line in the log
// of events names one person.
func (s *Store) AddOrganiserKey(ctx context.Context, k whaley.OrganiserKey) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewInsert().Model(&organiserRow{
			ID: k.ID, Name: k.Name, Role: string(k.Role), Hash: k.Hash, CreatedAt: utc(k.CreatedAt), CreatedBy: k.CreatedBy,
		}).On("CONFLICT DO NOTHING").Exec(ctx)
		if added, err := changedOne(result, err); err != nil {
			return err
		} else if !added {
			return whaley.Errorf(
				whaley.Conflict, "organiser_exists", "There is an organiser named %s with a key. Revoke that key first.", k.Name,
			)
		}
		return s.insertAudit(ctx, tx, whaley.Event{})
	})
}

// OrganiserKeys are all that were made, the latest first.
func (s *Store) OrganiserKeys(ctx context.Context) ([]whaley.OrganiserKey, error) {
	var rows []*organiserRow
	err := s.read(ctx, func(ctx context.Context) error {
		return s.db.NewSelect().Model(&rows).OrderExpr("created_at DESC, id DESC").Scan(ctx)
	})
	all := make([]whaley.OrganiserKey, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.key())
	}
	return all, err
}

// OrganiserKeyByHash finds one that counts, and refuses with key_refused if there is none.
func (s *Store) OrganiserKeyByHash(ctx context.Context, hash string) (whaley.OrganiserKey, error) {
	return s.organiserKey(ctx, "hash = ?", hash)
}

// OrganiserKeyByID finds one that counts, and refuses with key_refused if there is none.
func (s *Store) OrganiserKeyByID(ctx context.Context, id string) (whaley.OrganiserKey, error) {
	return s.organiserKey(ctx, "id = ?", id)
}

func (s *Store) organiserKey(ctx context.Context, where, value string) (whaley.OrganiserKey, error) {
	r := &organiserRow{}
	err := s.read(ctx, func(ctx context.Context) error {
		err := s.db.NewSelect().Model(r).Where(where, value).Where("revoked_at IS NULL").Scan(ctx)
		if isNoRow(err) {
			return whaley.Errorf(whaley.Unauthorized, "key_refused", "The key is missing or wrong.")
		}
		return err
	})
	return r.key(), err
}

// RevokeOrganiserKey ends that a key counts; the message of the organiser's line is the name that it was of. It refuses
// with organiser_not_found if no such key counts.
func (s *Store) RevokeOrganiserKey(ctx context.Context, id, by string, at time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		r := &organiserRow{}
		_, err := tx.NewUpdate().Model(r).Set("revoked_at = ?", utc(at)).Set("revoked_by = ?", by).
			Where("id = ?", id).Where("revoked_at IS NULL").Returning("name, role").Exec(ctx)
		if err != nil && !isNoRow(err) {
			return err
		}
		if r.Name == "" {
			return whaley.Errorf(whaley.NotFound, "organiser_not_found", "There is no such key, or it is revoked already.")
		}
		return s.insertAudit(ctx, tx, whaley.Event{Message: "key of " + r.Name + " (" + r.Role + ") revoked"})
	})
}
