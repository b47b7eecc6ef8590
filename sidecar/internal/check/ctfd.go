package check

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/connect"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const keyMissing = "CTFD_URL must lead to CTFd, and CTFD_API_KEY be the access token of one of its admins (Settings, Access Tokens)."

// checkCTFd looks at the way to CTFd, at whose token we have, how long it lasts, and at both clocks.
func checkCTFd(ctx context.Context, c *config.Config, k known, r *report) {
	if c.CTFdKey == "" {
		if c.AuthMode == "ctfd" {
			r.fault("ctfd", "CTFD_API_KEY is missing", keyMissing)
		}
		return
	}
	client, err := ctfd.New(c.CTFdURL, ctfd.Fixed(string(c.CTFdKey)), slog.New(slog.DiscardHandler))
	if err != nil {
		r.say("ctfd", err, keyMissing)
		return
	}
	id, err := client.Me(ctx, string(c.CTFdKey))
	if err == nil {
		_, err = client.User(ctx, id) // who is no admin is told nothing of types
	}
	teams := false
	if err == nil {
		teams, err = client.TeamMode(ctx)
	}
	if err != nil {
		problem, mend := wayToCTFd(c.CTFdURL, err)
		r.fault("ctfd", problem, mend)
		return
	}
	r.ok("ctfd")
	checkTeams(c.TeamMode, teams, r)
	checkKey(ctx, client, r)
	if c.AuthMode == "ctfd" {
		checkMappings(ctx, client, k, r)
		checkRegistered(ctx, client, k, r)
		checkConnection(ctx, client, c, k, r)
	}
}

// checkKey looks when our token ends, and at CTFd's clock.
func checkKey(ctx context.Context, client *ctfd.Client, r *report) {
	standing, err := client.Standing(ctx)
	if err != nil {
		r.hint("ctfd", "CTFd does not say when its tokens end: %v", err)
		return
	}
	checkSkew("CTFd's", standing.Ahead, r)
	const renew = "Make a new token with a late end in CTFd (Settings, Access Tokens), put it into CTFD_API_KEY and delete the old one."
	switch soon := time.Now().Add(tokenSoon); {
	case standing.LastEnd.IsZero():
	case standing.LastEnd.Before(soon):
		r.fault("ctfd", "the admin's token ends on "+standing.LastEnd.Format(time.RFC1123), renew)
	case standing.FirstEnd.Before(soon):
		r.hint(
			"ctfd", "one of the admin's tokens ends on %s; CTFd does not say whether it is ours",
			standing.FirstEnd.Format(time.RFC1123),
		)
	}
}

// wayToCTFd says what an answer of what CTFD_URL names means, and what to do about it.
func wayToCTFd(base string, err error) (problem, mend string) {
	var said *ctfd.Refusal
	if !errors.As(err, &said) {
		return strings.TrimSuffix(app.DetailOf(err), " Tell an organiser."), keyMissing
	}
	problem = fmt.Sprintf("%s answers %s %s with %d", base, said.Method, said.Path, said.Status)
	to, _ := url.Parse(said.To)
	switch at, _ := url.Parse(base); {
	case to != nil && said.To != "" && strings.HasSuffix(to.Path, "/setup"):
		return problem + ", to " + said.To, "CTFd is not set up yet. Open it in a browser and finish its setup."
	case to != nil && said.To != "" && at != nil && at.Scheme == "http" && to.Scheme == "https":
		return problem + ", to " + said.To, "It is asked by https: write CTFD_URL with https://."
	case said.To != "":
		return problem + ", to " + said.To,
			"Write into CTFD_URL where that leads to, without what comes after CTFd's own address."
	case said.Status == http.StatusUnauthorized:
		return problem + ": " + said.Message,
			"CTFD_API_KEY must be the access token of a CTFd admin, and not have ended (Settings, Access Tokens)."
	case said.Status == http.StatusForbidden && said.Message != "":
		return problem + ": " + said.Message, keyMissing
	case said.Status == http.StatusNotFound:
		return problem + ": there is no CTFd",
			"CTFD_URL is the address of CTFd's first page: with its path if it has one, and without /login or /api/v1."
	}
	return problem + ": " + strings.TrimSuffix(said.Message, "."), keyMissing
}

// checkMappings looks whether the challenges of CTFd are still those that were mapped.
func checkMappings(ctx context.Context, client *ctfd.Client, k known, r *report) {
	if len(k.mapped) == 0 {
		return
	}
	all, err := client.Challenges(ctx)
	if err != nil {
		r.hint("mappings", "CTFd does not list its challenges: %v", err)
		return
	}
	doubts := flag.Doubts(k.mapped, all)
	for _, d := range doubts {
		r.fault("mappings", d.Text(), "Nothing is registered there until it is mapped again (admin panel, Flags, CTFd).")
	}
	if len(doubts) == 0 {
		r.ok("mappings")
	}
}

// checkRegistered looks whether CTFd still holds the flags that it was given.
func checkRegistered(ctx context.Context, client *ctfd.Client, k known, r *report) {
	for _, id := range slices.Sorted(maps.Keys(k.live)) {
		if len(k.live[id]) == 0 {
			continue
		}
		rows, err := client.Flags(ctx, id, "")
		if err != nil {
			r.hint("registered", "CTFd does not list the flags of its challenge %d: %v", id, err)
			return
		}
		if n := flag.Missing(k.live[id], rows); n > 0 {
			r.fault(
				"registered", fmt.Sprintf("%d flags of %s's owners are not in CTFd any more, or were changed", n, k.live[id][0].Challenge),
				"The sidecar puts them back within a minute of running. Sync with ctf challenge sync --ignore flags --ignore connection_info.",
			)
		}
	}
}

// checkConnection looks whether players can sign in by CTFd, and whether it leads them to their instances.
func checkConnection(ctx context.Context, client *ctfd.Client, c *config.Config, k known, r *report) {
	now := connect.New(
		readOnly{client}, asRead{k}, connect.Options{Dashboard: c.DashboardURL, Public: c.CTFdPublicURL},
		slog.New(slog.DiscardHandler),
	)
	if err := now.Look(ctx); err != nil {
		r.hint("sign-in", "what Whaley wrote into CTFd cannot be seen: %v", err)
		return
	}
	const again = "Connect CTFd again (admin panel, Flags, CTFd)."
	switch page := now.Standing().SignIn; page.State {
	case connect.SignInNone:
		r.hint(
			"sign-in",
			"players copy an access token from CTFd to sign in; one click in the admin panel (Flags, CTFd) lets them come from CTFd signed in",
		)
	case connect.SignInStands:
		r.ok("sign-in")
	default:
		r.fault("sign-in", page.Detail, again)
	}
	var others []string
	for id, link := range now.Standing().Links {
		if link.State == connect.LinkOther {
			others = append(others, id)
		}
	}
	slices.Sort(others)
	if len(others) > 0 {
		r.hint(
			"links",
			"CTFd shows something else than the link to the player's own instance for %s; the admin panel (Flags, CTFd) replaces it",
			some(others),
		)
	}
}

// readOnly is CTFd for who only looks.
type readOnly struct{ *ctfd.Client }

func (readOnly) SetConnectionInfo(context.Context, int, string) error { return nil }

func (readOnly) ChangeSetting(context.Context, string, string) error { return nil }

func (readOnly) ChangePage(context.Context, whaley.ScoreboardPage) error { return nil }

// asRead is the database as it was read.
type asRead struct{ known }

func (m asRead) Mappings(context.Context) ([]*whaley.Mapping, error) { return m.mapped, nil }

func (m asRead) ChangeMeta(_ context.Context, _ string, change func(string) string) error {
	change(m.written)
	return nil
}
