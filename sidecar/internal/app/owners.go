package app

import (
	"context"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// ownedRows are the rows of instances, by whose they are.
type ownedRows interface {
	running
	// RenameOwner writes another name of an owner into the rows of its live instances.
	RenameOwner(ctx context.Context, owner, name string) error
}

// owners has instances show what CTFd calls their owners now, and ends what runs for owners whom CTFd has banned or
// does not know any more, if the settings want that.
type owners struct {
	players   *identity.Players
	instances ownedRows
	rules     ender
	wanted    func() bool
	log       *slog.Logger

	missing map[string]bool // owners that were not in CTFd at the last look
}

// tooMany of the owners of instances vanish at once only if CTFd is another one, or was set back.
const tooMany = 3

func (o *owners) follow(ctx context.Context, g *errgroup.Group) {
	o.players.OnSweep(o.look)
	g.Go(func() error { return o.players.Run(ctx) })
}

// look goes through the owners of live instances after each sweep. Whoever vanished is looked at twice.
func (o *owners) look(ctx context.Context) {
	rows, err := o.instances.LiveRows(ctx)
	if err != nil {
		o.log.Warn("check owners of instances failed", "err", err)
		return
	}
	o.rename(ctx, rows)
	if !o.wanted() {
		return
	}
	of := map[string][]string{}
	for _, row := range rows {
		of[row.Owner.ID] = append(of[row.Owner.ID], row.ID)
	}
	vanished := map[string]bool{}
	for owner, ids := range of {
		stands, err := o.players.Stands(ctx, owner)
		switch {
		case err != nil:
			o.log.Warn("look up owner in ctfd failed", "owner", owner, "err", err)
			return // CTFd does not answer; others would not be answered either
		case stands == identity.Banned:
			o.stop(ctx, owner, ids)
		case stands == identity.Vanished:
			vanished[owner] = true
		}
	}
	if len(vanished) >= tooMany && 2*len(vanished) > len(of) {
		o.log.Error(
			"most owners of instances are not in ctfd any more: it is another one, or was set back; their instances go on",
			"owners", len(vanished),
		)
		o.missing = nil
		return
	}
	for owner := range vanished {
		if o.missing[owner] {
			o.stop(ctx, owner, of[owner])
		}
	}
	o.missing = vanished
}

// rename brings the names of owners up to date.
func (o *owners) rename(ctx context.Context, rows []whaley.LiveRow) {
	done := map[string]bool{}
	for _, row := range rows {
		if done[row.Owner.ID] {
			continue
		}
		done[row.Owner.ID] = true
		name := o.players.NameOf(ctx, row.Owner.ID)
		if name == "" || name == row.Owner.Name {
			continue
		}
		if err := o.instances.RenameOwner(ctx, row.Owner.ID, name); err != nil {
			o.log.Warn("write new name of an owner failed", "owner", row.Owner.ID, "err", err)
		}
	}
}

func (o *owners) stop(ctx context.Context, owner string, ids []string) {
	for _, id := range ids {
		if err := o.rules.End(ctx, id, whaley.CauseBanned); err != nil {
			o.log.Error("instance of an owner who plays no more not stopped", "instance", id, "owner", owner, "err", err)
			continue
		}
		o.log.Info("instance stopped: its owner is banned or gone", "instance", id, "owner", owner)
	}
}
