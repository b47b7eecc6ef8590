package portwake

import (
	"context"
	"net/netip"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// ByAddress are the owners where an address is enough to know somebody (AUTH_MODE=none).
type ByAddress func(netip.Addr) whaley.Player

// At implements Owners.
func (b ByAddress) At(_ context.Context, owner string, from netip.Addr) (whaley.Player, bool) {
	p := b(from)
	return p, p.Known() && p.Owner.ID == owner
}

// Sessions list the sign-ins for an owner that are not over, the latest first.
type Sessions interface {
	SignedIn(ctx context.Context, owner string) ([]whaley.Session, error)
}

// Players know what has become of somebody who signed in: they may be banned, or of another team.
type Players interface {
	Holder(ctx context.Context, player, owner, session string) (whaley.Player, bool, error)
}

// Seen knows from where players have asked for something lately.
type Seen interface {
	// From says whether a player who signed in has been at an address.
	From(session string, from netip.Addr) bool
}

// BySession are the owners that players are signed in for, at the addresses that these signed in from or have used
// since. All addresses of one IPv6 network are one.
type BySession struct {
	Sessions Sessions
	Players  Players
	Seen     Seen // nil: only where they signed in counts
}

// At implements Owners.
func (b BySession) At(ctx context.Context, owner string, from netip.Addr) (whaley.Player, bool) {
	all, err := b.Sessions.SignedIn(ctx, owner)
	if err != nil {
		return whaley.Player{}, false
	}
	for _, s := range all {
		at, err := netip.ParseAddr(s.Player.Address)
		if (err != nil || turn.Of(at.Unmap()) != turn.Of(from)) && (b.Seen == nil || !b.Seen.From(s.ID, from)) {
			continue
		}
		if p, holds, err := b.Players.Holder(ctx, s.Player.ID, owner, s.ID); err == nil && holds {
			return p, true
		}
	}
	return whaley.Player{}, false
}
