package machine

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/language"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// maxHold is the longest that a call of the plugin is held.
const maxHold = time.Minute

// WithPluginKey lets nobody but Traefik's plugin through.
func (a Handlers) WithPluginKey(next http.Handler) http.Handler {
	refuse := a.Wrap(func(http.ResponseWriter, *http.Request) error { return kit.ErrWrongKey })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !kit.Bearer(r, a.Opts.PluginKey) {
			refuse.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// GetKeys answers GET wire.PathKeys.
func (a Handlers) GetKeys(w http.ResponseWriter, _ *http.Request) error {
	keys := wire.Keys{
		TicketKeys: a.Tickets.PublicKeys(), AuthMode: a.Opts.AuthMode, TrustedProxies: append([]string{}, a.Opts.Proxies...),
		AddressTurns: a.Opts.Turns,
	}
	if a.Settings != nil {
		a.tellFace(&keys)
	}
	return kit.Write(w, http.StatusOK, keys)
}

// tellFace tells how the event looks.
func (a Handlers) tellFace(keys *wire.Keys) {
	of := a.Settings.Now().Config.Face
	keys.EventName, keys.EventHome, keys.EventFooter = of.Name, of.Home, of.Footer
	if of.Logo != nil {
		keys.EventLogo = of.Logo.URI
	}
	if b := of.Brand; b != nil {
		keys.EventColours = []string{b.Dark.Accent, b.Dark.AccentInk(), b.Light.Accent, b.Light.AccentInk()}
	}
}

type hostRequest struct{ wire.HostRequest }

func (h hostRequest) Valid() error {
	if h.Host == "" || h.WaitMS < 0 {
		return whaley.Errorf(whaley.Invalid, "host_missing", "host is missing or wait_ms is negative.")
	}
	return nil
}

// query says on whose behalf the plugin asks: a verified ticket's, else, in no-auth mode, the address's. A ticket that
// counts no more is nobody's, and the plugin is told so: that is how signing out, a ban and a change of team end
// tickets that only the plugin has seen.
func (a Handlers) query(ctx context.Context, h hostRequest) (q whaley.HostQuery, revoked bool, err error) {
	q.Host = h.Host
	switch {
	case whaley.Synthetic(h.Owner):
		if a.Rehearsals == nil || !a.Rehearsals.Plays(h.Owner) {
			return q, true, nil
		}
		q.Player = whaley.Player{ID: h.Player, Owner: whaley.Owner{ID: h.Owner, Name: h.Owner}}
		return q, false, nil // without the address, which all teams of a rehearsal share
	case h.Owner != "" && a.Players != nil:
		p, holds, err := a.Players.Holder(ctx, h.Player, h.Owner, h.Session)
		if err != nil || !holds {
			return q, true, err
		}
		q.Player = p
	case h.Owner != "" && a.Members != nil:
		p, holds, err := a.Members.Holder(ctx, h.Player, h.Owner, h.Session)
		if err != nil || !holds {
			return q, true, err
		}
		q.Player = p
	case h.Owner != "":
		q.Player = whaley.Player{ID: h.Player, Owner: whaley.Owner{ID: h.Owner, Name: h.Owner}}
	case a.NoAuth():
		if address, err := netip.ParseAddr(h.Address); err == nil {
			q.Player = a.ByAddress(address)
		}
	}
	q.Player.Address = h.Address
	return q, false, nil
}

// WakeHost answers POST wire.PathWake.
func (a Handlers) WakeHost(w http.ResponseWriter, r *http.Request) error {
	return a.host(w, r, hostCall{
		settled: func(v whaley.HostView, _ string) bool {
			return !v.Mine || v.Problem != nil || v.State == whaley.Running
		},
		wait: func(ctx context.Context, q whaley.HostQuery, _ string) (whaley.HostView, error) {
			return a.Instancer.Wake(ctx, q)
		},
		opens: true,
	})
}

// WatchHost answers POST wire.PathStatus.
func (a Handlers) WatchHost(w http.ResponseWriter, r *http.Request) error {
	return a.host(w, r, hostCall{
		settled: func(v whaley.HostView, seen string) bool { return !v.Mine || v.Version != seen },
		wait:    a.Instancer.Watch,
	})
}

// hostCall is a call about a host that may be held.
type hostCall struct {
	settled func(view whaley.HostView, seen string) bool // the answer is there already
	wait    func(ctx context.Context, q whaley.HostQuery, seen string) (whaley.HostView, error)
	opens   bool // a request follows to what runs
}

// host answers what is settled at once. For all else it says at once that the answer takes its time, so that the plugin
// can tell a sidecar that waits from one that hangs, and only then waits: that is the one call of a cold wake, and a
// span.
func (a Handlers) host(w http.ResponseWriter, r *http.Request, call hostCall) error {
	h, err := kit.Decode[hostRequest](w, r)
	if err != nil {
		return err
	}
	q, revoked, err := a.query(r.Context(), h)
	if err != nil {
		return err
	}
	view, err := a.Instancer.Resolve(r.Context(), q)
	if err != nil {
		return err
	}
	if call.settled(view, h.Seen) {
		a.contact(view, call.opens)
		status := spoken(h.Language, a.statusOf(view, revoked))
		a.renew(r.Context(), h, revoked, &status)
		return kit.Write(w, http.StatusOK, status)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set(wire.HeldHeader, "1")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush() // nobody to tell when the plugin has gone away
	ctx, cancel := context.WithTimeout(r.Context(), min(time.Duration(h.WaitMS)*time.Millisecond, maxHold))
	defer cancel()
	defer context.AfterFunc(a.Ctx, cancel)()
	ctx, end := a.Span(ctx, r)
	view, err = call.wait(ctx, q, h.Seen)
	end(err)
	status := a.statusOf(view, revoked)
	if err != nil {
		a.Log.ErrorContext(ctx, "call of the plugin failed", "path", r.URL.Path, "err", err)
		p := kit.ProblemOf(err)
		p.RequestID = whaley.RequestOf(ctx)
		status = wire.HostStatus{State: wire.StateFailed, Mine: true, Problem: &p}
	}
	status = spoken(h.Language, status)
	a.renew(ctx, h, revoked, &status)
	a.contact(view, call.opens)
	_ = json.NewEncoder(w).Encode(status)
	return nil
}

// renew adds a new ticket where the asker's ends: that its sign-in still counts was just seen.
func (a Handlers) renew(ctx context.Context, h hostRequest, revoked bool, status *wire.HostStatus) {
	signedIn := a.Players != nil || a.Members != nil
	if h.Expires == 0 || !signedIn || !status.Mine || revoked || whaley.Synthetic(h.Owner) {
		return
	}
	text, expires, err := a.Tickets.Renew(ticket.Claims{
		Host: h.Host, Owner: h.Owner, Player: h.Player, Session: h.Session, Expires: h.Expires,
	})
	if err != nil {
		a.Log.WarnContext(ctx, "ticket not renewed", "host", h.Host, "err", err)
		return
	}
	if text != "" {
		status.Ticket, status.TicketExpires = text, expires.Unix()
	}
}

// contact notes that the plugin is about to pass a request on to an instance.
func (a Handlers) contact(v whaley.HostView, opens bool) {
	in := v.Instance
	if opens && a.Cheating != nil && in != nil && in.State == whaley.Running && !whaley.Synthetic(in.Owner.ID) {
		a.Cheating.Contact(v.Instance.ID)
	}
}

// spoken is a status as people who read a language are told.
func spoken(in string, s wire.HostStatus) wire.HostStatus {
	s.Stage = language.Stage(in, s.Stage)
	if s.Problem != nil {
		p := language.Problem(in, *s.Problem)
		s.Problem = &p
	}
	return s
}

func (a Handlers) statusOf(v whaley.HostView, revoked bool) wire.HostStatus {
	s := wire.HostStatus{
		State: string(v.State), Mine: v.Mine, Revoked: revoked, Access: string(v.Access), Backend: v.Backend,
		Forwarded: v.Forwarded, Position: v.Position, Version: v.Version,
		EstimateMS: v.Estimate.Milliseconds(),
	}
	s.Challenge, s.Name = v.Challenge, v.Name
	if in := v.Instance; in != nil {
		s.Instance, s.Stage = in.ID, in.Stage
		s.ElapsedMS = max(0, time.Since(in.Asked()).Milliseconds())
	}
	s.Ending = a.Ctx.Err() != nil && v.Problem == nil && v.State != whaley.Running && v.Mine
	if v.Problem != nil {
		p := kit.ProblemOf(v.Problem)
		s.Problem = &p
	}
	return s
}

type ticketRequest struct{ wire.TicketRequest }

func (t ticketRequest) Valid() error {
	if t.Host == "" || t.Code == "" || t.Nonce == "" {
		return whaley.Errorf(whaley.Invalid, "code_missing", "host, code and nonce are needed.")
	}
	return nil
}

// RedeemTicket answers POST wire.PathTicket.
func (a Handlers) RedeemTicket(w http.ResponseWriter, r *http.Request) error {
	t, err := kit.Decode[ticketRequest](w, r)
	if err != nil {
		return err
	}
	signed, expires, err := a.Tickets.Redeem(r.Context(), t.Code, t.Host, t.Nonce)
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, wire.TicketResponse{Ticket: signed, Expires: expires.Unix()})
}
