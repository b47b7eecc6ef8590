package identity

import (
	"context"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Standing is an owner's.
type Standing int

// An owner plays, is banned, or is not in CTFd any more.
const (
	Plays Standing = iota
	Banned
	Vanished
)

// Stands says how an owner of instances stands in CTFd. Owners of the other mode, with or without teams, count as playing:
// the mode may be changed and changed back.
func (p *Players) Stands(ctx context.Context, owner string) (Standing, error) {
	teams, err := p.directory.teamMode(ctx)
	if err != nil {
		return Plays, err
	}
	banned := false
	if id, ok := whaley.TeamOf(owner); ok {
		if !teams {
			return Plays, nil
		}
		var team whaley.Team
		team, err = p.directory.team(ctx, id)
		banned = team.Banned
	} else if id, ok := accountOf(owner); ok && !teams {
		var account whaley.Account
		account, err = p.directory.user(ctx, id)
		banned = account.Banned
	}
	switch {
	case isRefusal(err):
		return Vanished, nil
	case err != nil:
		return Plays, err
	case banned:
		return Banned, nil
	}
	return Plays, nil
}

// NameOf is what CTFd calls an owner of instances now; empty: it does not say.
func (p *Players) NameOf(ctx context.Context, owner string) string {
	if id, ok := whaley.TeamOf(owner); ok {
		team, err := p.directory.team(ctx, id)
		if err != nil {
			return ""
		}
		return team.Name
	}
	if id, ok := accountOf(owner); ok {
		account, err := p.directory.user(ctx, id)
		if err != nil {
			return ""
		}
		return account.Name
	}
	return ""
}

// accountOf is the account of a player who is an owner; ids made of addresses are no numbers.
func accountOf(owner string) (int, bool) {
	text, ok := strings.CutPrefix(owner, "user_")
	id, err := strconv.Atoi(text)
	return id, ok && err == nil && whaley.UserID(id) == owner
}
