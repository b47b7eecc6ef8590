package identity_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/sidecar/internal/identity"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// oneAccount is a CTFd with one player, who visits it as often as one of their tokens is shown.
type oneAccount struct {
	identity.Accounts
	visits atomic.Int64
}

func (a *oneAccount) Me(context.Context, string) (int, error) {
	a.visits.Add(1)
	return 7, nil
}

func (a *oneAccount) User(context.Context, int) (whaley.Account, error) {
	return whaley.Account{ID: 7, Name: "alice"}, nil
}
func (a *oneAccount) TeamMode(context.Context) (bool, error) { return false, nil }

// oneRow is a database in memory with one session.
type oneRow struct{ row whaley.Session }

func (r *oneRow) StartSession(_ context.Context, s whaley.Session) error {
	r.row = s
	return nil
}
func (r *oneRow) Session(context.Context, string) (whaley.Session, error) { return r.row, nil }
func (r *oneRow) RenewSession(_ context.Context, _ string, _ whaley.Player, expires time.Time) error {
	r.row.ExpiresAt = expires
	return nil
}
func (r *oneRow) EndSession(context.Context, string) error { return nil }
func (r *oneRow) UseCode(context.Context, string, time.Time) (first bool, err error) {
	return true, nil
}

func TestASignInLastsTheEventAndTicketsAreRenewedWithoutCTFd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const event = 60 * time.Hour
		ctx, rows, board, log := t.Context(), &oneRow{}, &oneAccount{}, slog.New(slog.DiscardHandler)
		all := keys(t, 1)
		players := identity.NewPlayers(board, identity.NewSessions(all, rows), identity.PlayersOptions{
			TeamMode: identity.TeamsAuto, Life: func() time.Duration { return event },
		}, log)
		tickets, err := identity.NewTickets(all, rows)
		if err != nil {
			t.Fatal(err)
		}
		text, err := base64.RawURLEncoding.DecodeString(tickets.PublicKeys()[0])
		if err != nil {
			t.Fatal(err)
		}
		verify := func(token string) error {
			_, err := ticket.Verify([]ed25519.PublicKey{text}, token, host, time.Now())
			return err
		}
		_, cookie, err := players.SignIn(ctx, "token", "")
		if err != nil {
			t.Fatal(err)
		}
		had := "" // what the browser has for the instance's host
		for began := time.Now(); time.Since(began) < event-time.Hour; time.Sleep(13 * time.Hour) {
			if had != "" && !errors.Is(verify(had), ticket.ErrExpired) {
				t.Errorf("after %v the ticket before is %v, not expired", time.Since(began), verify(had))
			}
			p, err := players.ByCookie(ctx, cookie)
			if err != nil {
				t.Fatalf("after %v: %v", time.Since(began), err)
			}
			code, err := tickets.Code(p, host, nonce)
			if err != nil {
				t.Fatal(err)
			}
			if had, _, err = tickets.Redeem(ctx, code, host, nonce); err != nil || verify(had) != nil {
				t.Errorf("after %v: no ticket: %v %v", time.Since(began), err, verify(had))
			}
			if _, holds, err := players.Holder(ctx, p.ID, p.Owner.ID, p.Session); err != nil || !holds {
				t.Errorf("after %v it does not count: %v", time.Since(began), err)
			}
		}
		if n := board.visits.Load(); n != 1 {
			t.Errorf("a token was shown %d times, not once", n)
		}
		time.Sleep(event / 2)
		if _, err := players.ByCookie(ctx, cookie); err != nil {
			t.Errorf("the event goes on for longer, and who plays is signed out: %v", err)
		}
		time.Sleep(event)
		if _, err := players.ByCookie(ctx, cookie); whaley.CodeOf(err) != whaley.CodeSessionOver {
			t.Errorf("after the event: %v", err)
		}
	})
}
