package store

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/uptrace/bun"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type waitingRow struct {
	bun.BaseModel `bun:"table:waiting,alias:w"`

	ID        string `bun:",pk"`
	Challenge string
	Revision  string
	Form      string
	State     whaley.WaitingState
	Place     waitingPlace `bun:"type:jsonb"` // nothing queries by it
	ChangedAt int64
	Age       int64 `bun:",scanonly"` // milliseconds
}

// waitingPlace is what a waiting instance's row says of where it is.
type waitingPlace struct {
	Services  int
	Egress    bool
	Subnet    netip.Prefix
	Networks  []whaley.Part
	Addresses map[string]netip.Addr
	Ports     map[int]int
	Warm      bool        `json:",omitempty"`
	Flags     []spareFlag `json:",omitempty"`
}

// spareFlag is a flag that has no owner yet.
type spareFlag struct{ Part, Value, Token string }

func placeOf(w *whaley.Waiting) waitingPlace {
	p := waitingPlace{w.Services, w.Egress, w.Subnet, w.Networks, w.Addresses, w.Ports, w.Warm, nil}
	for _, f := range w.Flags {
		p.Flags = append(p.Flags, spareFlag{f.Part, f.Value, f.Token})
	}
	return p
}

func (r *waitingRow) waiting() *whaley.Waiting {
	p := r.Place
	w := &whaley.Waiting{
		ID: r.ID, Challenge: r.Challenge, Revision: r.Revision, Form: r.Form, State: r.State, Services: p.Services,
		Egress: p.Egress, Subnet: p.Subnet, Networks: p.Networks, Addresses: p.Addresses, Ports: p.Ports, Warm: p.Warm,
		Age: time.Duration(r.Age) * time.Millisecond,
	}
	for _, f := range p.Flags {
		w.Flags = append(w.Flags, &whaley.IssuedFlag{Challenge: r.Challenge, Part: f.Part, Value: f.Value, Token: f.Token})
	}
	return w
}

// AddWaiting adds an instance that is to be made ahead.
func (s *Store) AddWaiting(ctx context.Context, w *whaley.Waiting) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		row := &waitingRow{
			ID: w.ID, Challenge: w.Challenge, Revision: w.Revision, Form: w.Form, State: whaley.WaitingMaking, Place: placeOf(w),
		}
		_, err := tx.NewInsert().Model(row).Value("changed_at", "?", s.now()).Exec(ctx)
		return err
	})
}

// Waiting lists all that were made ahead, those in their state for longest first.
func (s *Store) Waiting(ctx context.Context) ([]*whaley.Waiting, error) {
	var rows []waitingRow
	err := s.read(ctx, func(ctx context.Context) error {
		rows = nil
		return s.db.NewSelect().Model(&rows).ColumnExpr("w.*").ColumnExpr("? - changed_at AS age", s.now()).Order(
			"changed_at", "id",
		).Scan(ctx)
	})
	all := make([]*whaley.Waiting, len(rows))
	for n := range rows {
		all[n] = rows[n].waiting()
	}
	return all, err
}

// MoveWaiting changes the state of one, unless that is another meanwhile or an owner has claimed it, and says whether
// it did. Its place is written as it is in w.
func (s *Store) MoveWaiting(ctx context.Context, w *whaley.Waiting, to whaley.WaitingState) (moved bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		moved, err = changedOne(tx.NewUpdate().Table("waiting").Set("changed_at = ?", s.now()).Set("state = ?", to).
			Set("place = ?", placeOf(w)).Where("id = ?", w.ID).Where("state = ?", w.State).Exec(ctx))
		return err
	})
	return moved, err
}

// DropWaiting forgets one that is gone; none is no error.
func (s *Store) DropWaiting(ctx context.Context, id string) error {
	return s.write(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*waitingRow)(nil)).Where("id = ?", id).Exec(ctx)
		return err
	})
}

// claimFor takes what an owner may have of what is made ahead; nil: there is none.
func (s *Store) claimFor(
	ctx context.Context, tx bun.Tx, in *whaley.Instance, forms whaley.Forms,
) (w *whaley.Waiting, err error) {
	if forms.Warm != "" {
		if w, err = s.claimWarm(ctx, tx, in, forms.Warm); w != nil || err != nil {
			return w, err
		}
	}
	if forms.Gated == "" {
		return nil, nil
	}
	return s.claim(ctx, tx, forms.Gated)
}

// errHasFlag ends a claim of what is warm, whose owner was given a flag meanwhile.
var errHasFlag = errors.New("the owner has a flag of the challenge by now")

// claimWarm takes one whose programs run already, and makes its flags its owner's, who has none of the challenge.
func (s *Store) claimWarm(ctx context.Context, tx bun.Tx, in *whaley.Instance, form string) (*whaley.Waiting, error) {
	has, err := tx.NewSelect().Table("flags").Where("owner_id = ?", in.Owner.ID).Where("challenge = ?", in.Challenge).
		Where("retired_at IS NULL").Exists(ctx)
	if has || err != nil {
		return nil, err
	}
	w, err := s.claim(ctx, tx, form)
	if w == nil || err != nil {
		return nil, err
	}
	for _, f := range w.Flags {
		f.Owner, f.CreatedAt = in.Owner, in.CreatedAt
		err := s.issue(ctx, tx, f, whaley.Event{
			Type: "flag_created", Challenge: f.Challenge, Owner: in.Owner.ID, At: in.CreatedAt,
			Message: "made for " + f.Challenge + whaley.OfPart(f.Part) + " with " + w.ID,
		})
		if isUnique(err) {
			return nil, errHasFlag
		} else if err != nil {
			return nil, err
		}
	}
	return w, nil
}

// claim takes the one out of its table that is ready for longest, of a form; nil: there is none.
func (s *Store) claim(ctx context.Context, tx bun.Tx, form string) (*whaley.Waiting, error) {
	row := &waitingRow{}
	query := tx.NewSelect().Model(row).ColumnExpr("w.*").Where("form = ?", form).Where("state = ?", whaley.WaitingReady).
		Order("changed_at", "id").Limit(1)
	if s.postgres() {
		query = query.For("UPDATE SKIP LOCKED")
	}
	if err := query.Scan(ctx); isNoRow(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if _, err := tx.NewDelete().Model(row).WherePK().Exec(ctx); err != nil {
		return nil, err
	}
	return row.waiting(), nil
}
