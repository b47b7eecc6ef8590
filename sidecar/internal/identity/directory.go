package identity

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	maxAccounts = 50_000
	modeEvery   = 30 * time.Second
)

// Accounts is where players come from. What it refuses has another kind than Unavailable.
type Accounts interface {
	// Me is whose access token this is.
	Me(ctx context.Context, token string) (int, error)
	// RemoveToken deletes an access token by the right of a token of the same account, as itself.
	RemoveToken(ctx context.Context, token string, id int) error
	User(ctx context.Context, id int) (whaley.Account, error)
	Team(ctx context.Context, id int) (whaley.Team, error)
	TeamMode(ctx context.Context) (bool, error)
	// Users gives a function the accounts that are neither banned nor hidden, page by page, without saying who is an admin,
	// and says how many requests that took.
	Users(ctx context.Context, each func([]whaley.Account) error) (requests int, err error)
	// Teams is a page of all teams, without their members; of how many pages, and how many teams there are.
	Teams(ctx context.Context, page int) (list []whaley.Team, pages, total int, err error)
	// TeamsShown is how many teams are neither banned nor hidden.
	TeamsShown(ctx context.Context) (int, error)
	// Tokens gives a function all access tokens, whose each is and when it ends (zero: never).
	Tokens(ctx context.Context, each func(token string, account int, ends time.Time)) error
}

// Values of TEAM_MODE.
const (
	TeamsAuto     = "auto"
	TeamsEnabled  = "enabled"
	TeamsDisabled = "disabled"
)

// directory knows who an account is now.
type directory struct {
	from  Accounts
	mode  string
	log   *slog.Logger
	users *cache[whaley.Account]
	teams *cache[whaley.Team]
	modes *cache[bool]
	told  teamList // by the sweeps

	mu      sync.Mutex
	last    *bool // the mode that was told to the log
	trouble error // with CTFd, when it was last looked at
}

func newDirectory(from Accounts, mode string, fresh time.Duration, log *slog.Logger) *directory {
	return &directory{
		from: from, mode: mode, log: log, users: newCache[whaley.Account](fresh, maxAccounts),
		teams: newCache[whaley.Team](fresh, maxAccounts), modes: newCache[bool](min(fresh, modeEvery), 1),
	}
}

func (d *directory) user(ctx context.Context, id int) (whaley.Account, error) {
	return d.users.get(ctx, number(id), func(ctx context.Context) (whaley.Account, error) { return d.from.User(ctx, id) })
}

func (d *directory) team(ctx context.Context, id int) (whaley.Team, error) {
	return d.teams.get(ctx, number(id), func(ctx context.Context) (whaley.Team, error) { return d.from.Team(ctx, id) })
}

// teamMode says whether instances belong to teams now.
func (d *directory) teamMode(ctx context.Context) (bool, error) {
	if d.mode != TeamsAuto {
		return d.mode == TeamsEnabled, nil
	}
	teams, err := d.modes.get(ctx, "", d.from.TeamMode)
	if err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil || *d.last != teams {
		d.last = &teams
		d.log.Info("team mode changed", "team_mode", teams)
	}
	return teams, nil
}

// player is who an account is now. It refuses whoever is banned, whose team is, and in team mode whoever has no team.
func (d *directory) player(ctx context.Context, id int) (whaley.Player, error) {
	account, err := d.user(ctx, id)
	if err != nil {
		return whaley.Player{}, gone(err)
	}
	if account.Banned {
		return whaley.Player{}, whaley.Errorf(
			whaley.Forbidden, "player_banned", "You are banned from this event. The organisers can tell you why.",
		)
	}
	p := whaley.Player{ID: whaley.UserID(account.ID), Name: account.Name, Organiser: account.Admin}
	p.Owner = whaley.Owner{ID: p.ID, Name: p.Name}
	teams, err := d.teamMode(ctx)
	if err != nil || !teams {
		return p, err
	}
	if account.Team == 0 {
		return whaley.Player{}, teamRequired()
	}
	team, err := d.team(ctx, account.Team)
	if err != nil {
		if isRefusal(err) { // the team has gone since, and the account will say so
			err = teamRequired()
		}
		return whaley.Player{}, err
	}
	if team.Banned {
		return whaley.Player{}, whaley.Errorf(
			whaley.Forbidden, "team_banned", "Your team is banned from this event. The organisers can tell you why.",
		)
	}
	p.Owner = whaley.Owner{ID: whaley.TeamID(team.ID), Name: team.Name}
	return p, nil
}

func teamRequired() error {
	return whaley.Errorf(
		whaley.Forbidden, "team_required", "This event is played in teams. Join a team in CTFd, then come back.",
	)
}

// gone makes an account that is no more a sign-in that has ended; what is no answer stays so.
func gone(err error) error {
	if !isRefusal(err) {
		return err
	}
	return whaley.Errorf(
		whaley.Unauthorized, whaley.CodeSessionOver, "CTFd does not know your account any more. Sign in again.",
	).Because(err)
}
