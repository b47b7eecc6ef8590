package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	// Fresh is how long what CTFd said is not asked for again.
	Fresh     = time.Minute
	maxTokens = 50_000
	maxToken  = 512 // bytes
)

// Players knows players by CTFd: by access token, or by the session that one was exchanged for.
type Players struct {
	directory *directory
	tokens    *cache[int] // hash of an access token → account
	sessions  *Sessions
	fresh     time.Duration
	life      func() time.Duration  // of a sign-in that begins now
	every     time.Duration         // between two sweeps, at least
	watched   func(context.Context) // after each; may be nil
	news      loop.Signal           // of accounts, between two
}

// PlayersOptions are the settings of Players.
type PlayersOptions struct {
	TeamMode string        // TeamsAuto, TeamsEnabled or TeamsDisabled
	Fresh    time.Duration // zero: Fresh
	Sweep    time.Duration // between two looks at the lists, at least; zero: 30 s
	// Life is how long a sign-in lasts that begins now; nil: SessionLife.
	Life func() time.Duration
}

// NewPlayers makes Players.
func NewPlayers(from Accounts, sessions *Sessions, opts PlayersOptions, log *slog.Logger) *Players {
	if opts.Fresh == 0 {
		opts.Fresh = Fresh
	}
	if opts.Sweep == 0 {
		opts.Sweep = sweepEvery
	}
	if opts.Life == nil {
		opts.Life = func() time.Duration { return SessionLife }
	}
	return &Players{
		directory: newDirectory(from, opts.TeamMode, opts.Fresh, log), tokens: newCache[int](opts.Fresh, maxTokens),
		sessions: sessions,
		fresh:    opts.Fresh, every: opts.Sweep, life: opts.Life, news: loop.NewSignal(),
	}
}

// Heard says whether a token can be judged without asking CTFd.
func (p *Players) Heard(token string) bool { return p.tokens.has(hash(token)) }

// ByToken is the player of an access token.
func (p *Players) ByToken(ctx context.Context, token string) (whaley.Player, error) {
	id, err := p.account(ctx, token)
	if err != nil {
		return whaley.Player{}, err
	}
	return p.directory.player(ctx, id)
}

func (p *Players) account(ctx context.Context, token string) (int, error) {
	if token == "" || len(token) > maxToken ||
		strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return 0, whaley.Errorf(
			whaley.Unauthorized, whaley.CodeTokenRefused,
			"This is not a CTFd access token. Create one there under Settings, Access Tokens.",
		)
	}
	return p.tokens.get(
		ctx, hash(token), func(ctx context.Context) (int, error) { return p.directory.from.Me(ctx, token) },
	)
}

// SignIn exchanges an access token for a session; cookie is what the browser keeps.
func (p *Players) SignIn(ctx context.Context, token, address string) (s whaley.Session, cookie string, err error) {
	id, err := p.account(ctx, token)
	if err != nil {
		return s, "", err
	}
	return p.SignInAccount(ctx, id, address)
}

// SignInAccount is SignIn for an account of CTFd's of which it is certain already that this is it.
func (p *Players) SignInAccount(ctx context.Context, id int, address string) (s whaley.Session, cookie string, err error) {
	player, err := p.directory.player(ctx, id)
	if err != nil {
		return s, "", err
	}
	player.Address = address
	return p.sessions.start(ctx, whaley.SessionPlayer, id, player, nil, p.life())
}

// UseUp deletes an access token that was made for one sign-in, by its own right, so that nobody uses it again.
func (p *Players) UseUp(ctx context.Context, token string, id int) error {
	p.tokens.forget(hash(token))
	return p.directory.from.RemoveToken(ctx, token, id)
}

// ByCookie is the player of a session. While CTFd does not answer it is who they were before.
func (p *Players) ByCookie(ctx context.Context, cookie string) (whaley.Player, error) {
	s, err := p.sessions.find(ctx, whaley.SessionPlayer, cookie, nil)
	if err != nil {
		return whaley.Player{}, err
	}
	return p.now(ctx, s)
}

// now is who the player of a session is at this moment.
func (p *Players) now(ctx context.Context, s whaley.Session) (whaley.Player, error) {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	player, err := p.directory.player(asking, s.Account)
	if err != nil {
		if !isRefusal(err) && s.Player.Known() {
			return s.Player, nil
		}
		if isRefusal(err) && s.Player.Known() { // nor are they anybody should CTFd fall silent
			err = errors.Join(err, p.sessions.renew(ctx, s, whaley.Player{Name: s.Player.Name}, s.ExpiresAt))
		}
		return whaley.Player{}, err
	}
	player.Session = s.ID
	if expires := p.ends(s); !expires.Equal(s.ExpiresAt) || player.Name != s.Player.Name || player.Owner != s.Player.Owner {
		if err := p.sessions.renew(ctx, s, player, expires); err != nil {
			return whaley.Player{}, err
		}
	}
	return player, nil
}

// ends is when a sign-in that is used now ends: a player is not signed out in the middle of playing, and CTFd is looked
// at all the time for whom it still knows.
func (p *Players) ends(s whaley.Session) time.Time {
	life := p.life()
	if time.Until(s.ExpiresAt) > life/2 {
		return s.ExpiresAt
	}
	return time.Now().Add(life)
}

// SignOut ends the session of a cookie, and with it the tickets that were given to it. One that is over is no error.
func (p *Players) SignOut(ctx context.Context, cookie string) error {
	return p.sessions.end(ctx, whaley.SessionPlayer, cookie, nil)
}

// Holder is who a ticket belongs to that was given to a player, for an owner, in a session (empty: to a token), and
// whether it still counts. It does not after signing out, after a ban, and after a change of team.
func (p *Players) Holder(ctx context.Context, player, owner, session string) (whaley.Player, bool, error) {
	now, err := p.holder(ctx, player, owner, session)
	if err != nil {
		return whaley.Player{}, false, unlessRefused(err)
	}
	return now, now.Known() && now.ID == player && now.Owner.ID == owner, nil
}

func (p *Players) holder(ctx context.Context, player, owner, session string) (whaley.Player, error) {
	if session != "" {
		s, err := p.sessions.byID(ctx, whaley.SessionPlayer, session)
		if err != nil {
			return whaley.Player{}, err
		}
		return p.now(ctx, s)
	}
	id, err := strconv.Atoi(strings.TrimPrefix(player, "user_"))
	if err != nil {
		return whaley.Player{}, nil // of no account
	}
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now, err := p.directory.player(asking, id)
	if err != nil && !isRefusal(err) { // who gave the ticket knew them
		return whaley.Player{ID: player, Name: player, Owner: whaley.Owner{ID: owner, Name: owner}}, nil
	}
	return now, err
}

// unlessRefused is nil for an answer that says no.
func unlessRefused(err error) error {
	if isRefusal(err) {
		return nil
	}
	return err
}

// Team is a player's team with its members' names. It refuses with no_team where players are not in teams.
func (p *Players) Team(ctx context.Context, player whaley.Player) (whaley.Team, []whaley.Account, error) {
	id, ok := whaley.TeamOf(player.Owner.ID)
	if !ok || !player.InTeam() {
		return whaley.Team{}, nil, whaley.Errorf(whaley.NotFound, "no_team", "This event is not played in teams.")
	}
	team, err := p.directory.team(ctx, id)
	if err != nil {
		return whaley.Team{}, nil, err
	}
	var members []whaley.Account
	for _, account := range team.Members {
		member, err := p.directory.user(ctx, account)
		if err != nil {
			if isRefusal(err) {
				continue // left and deleted since
			}
			return whaley.Team{}, nil, err
		}
		if member.Team != id {
			continue // left
		}
		members = append(members, member)
	}
	return team, members, nil
}

// Admin is the account of a token, if it is an admin's who is not banned.
func (p *Players) Admin(ctx context.Context, token string) (whaley.Account, error) {
	id, err := p.account(ctx, token)
	if err != nil {
		return whaley.Account{}, err
	}
	return p.admin(ctx, id)
}

func (p *Players) admin(ctx context.Context, id int) (whaley.Account, error) {
	account, err := p.directory.user(ctx, id)
	if err != nil {
		return account, gone(err)
	}
	if !account.Admin { // the lists do not say who has become one
		p.directory.users.doubt(number(id))
		if account, err = p.directory.user(ctx, id); err != nil {
			return account, gone(err)
		}
	}
	if !account.Admin || account.Banned {
		return account, whaley.Errorf(whaley.Forbidden, "not_admin", "This CTFd account is not an admin's.")
	}
	return account, nil
}

// Ping is what was wrong with CTFd when it was last looked at, within the last half minute.
func (p *Players) Ping(context.Context) error {
	p.directory.mu.Lock()
	defer p.directory.mu.Unlock()
	return p.directory.trouble
}

// Run looks at CTFd again and again until ctx ends, so that no player has to wait for the mode, nor for news of
// themselves.
func (p *Players) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.modeLoop(ctx) })
	g.Go(func() error { return p.sweepLoop(ctx) })
	return g.Wait()
}

func (p *Players) modeLoop(ctx context.Context) error {
	for {
		r := <-p.directory.modes.ask("", p.directory.from.TeamMode)
		p.directory.mu.Lock()
		p.directory.trouble = r.Err
		p.directory.mu.Unlock()
		_, _ = p.directory.teamMode(ctx) // tells the log when it is another
		select {
		case <-time.After(modeEvery):
		case <-ctx.Done():
			return nil
		}
	}
}

// hash is what a token is remembered by.
func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return string(sum[:])
}
