package identity

import (
	"context"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Members are players who sign in somewhere that tells who they are at that moment only: until the session ends they
// are who they were.
type Members struct {
	sessions *Sessions
	life     func() time.Duration // of a sign-in that begins now
}

// NewMembers makes Members.
func NewMembers(sessions *Sessions, life func() time.Duration) *Members {
	return &Members{sessions: sessions, life: life}
}

// SignIn starts a session; cookie is what the browser keeps.
func (m *Members) SignIn(
	ctx context.Context, p whaley.Player, address string,
) (s whaley.Session, cookie string, err error) {
	p.Address = address
	return m.sessions.start(ctx, whaley.SessionMember, 0, p, nil, m.life())
}

// ByCookie is the player of a session.
func (m *Members) ByCookie(ctx context.Context, cookie string) (whaley.Player, error) {
	s, err := m.sessions.find(ctx, whaley.SessionMember, cookie, nil)
	if err != nil {
		return whaley.Player{}, err
	}
	return member(s), nil
}

// SignOut ends the session of a cookie, and with it the tickets that were given to it. One that is over is no error.
func (m *Members) SignOut(ctx context.Context, cookie string) error {
	return m.sessions.end(ctx, whaley.SessionMember, cookie, nil)
}

// Holder is who a ticket belongs to that was given to a player, for an owner, in a session, and whether it still
// counts.
func (m *Members) Holder(ctx context.Context, player, owner, session string) (whaley.Player, bool, error) {
	s, err := m.sessions.byID(ctx, whaley.SessionMember, session)
	if err != nil {
		return whaley.Player{}, false, unlessRefused(err)
	}
	return member(s), s.Player.ID == player && s.Player.Owner.ID == owner, nil
}

func member(s whaley.Session) whaley.Player {
	p := s.Player
	p.Session = s.ID
	return p
}
