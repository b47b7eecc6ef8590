package machine

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
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

// held is the context of a call that may wait.
func (a Handlers) held(r *http.Request, h hostRequest) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), min(time.Duration(h.WaitMS)*time.Millisecond, maxHold))
	stop := context.AfterFunc(a.Ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// ResolveHost answers POST wire.PathResolve.
func (a Handlers) ResolveHost(w http.ResponseWriter, r *http.Request) error {
	h, err := kit.Decode[hostRequest](w, r)
	if err != nil {
		return err
	}
	q, revoked, err := a.query(r.Context(), h)
	if err != nil {
		return err
	}
	view, err := a.Instancer.Resolve(r.Context(), q)
	a.contact(view)
	return a.writeView(w, view, revoked, err)
}

// WakeHost answers POST wire.PathWake.
func (a Handlers) WakeHost(w http.ResponseWriter, r *http.Request) error {
	h, err := kit.Decode[hostRequest](w, r)
	if err != nil {
		return err
	}
	q, revoked, err := a.query(r.Context(), h)
	if err != nil {
		return err
	}
	ctx, cancel := a.held(r, h)
	defer cancel()
	view, err := a.Instancer.Wake(ctx, q)
	a.contact(view)
	return a.writeView(w, view, revoked, err)
}

// contact notes that the plugin is about to pass a request on to an instance.
func (a Handlers) contact(v whaley.HostView) {
	if a.Cheating != nil && v.Instance != nil && v.Instance.State == whaley.Running {
		a.Cheating.Contact(v.Instance.ID)
	}
}

// WatchHost answers POST wire.PathStatus.
func (a Handlers) WatchHost(w http.ResponseWriter, r *http.Request) error {
	h, err := kit.Decode[hostRequest](w, r)
	if err != nil {
		return err
	}
	q, revoked, err := a.query(r.Context(), h)
	if err != nil {
		return err
	}
	ctx, cancel := a.held(r, h)
	defer cancel()
	view, err := a.Instancer.Watch(ctx, q, h.Seen)
	return a.writeView(w, view, revoked, err)
}

func (a Handlers) writeView(w http.ResponseWriter, v whaley.HostView, revoked bool, err error) error {
	if err != nil {
		return err
	}
	s := wire.HostStatus{
		State: string(v.State), Mine: v.Mine, Revoked: revoked, Access: string(v.Access), Backend: v.Backend,
		Forwarded: v.Forwarded, Position: v.Position, Version: v.Version,
		EstimateMS: v.Estimate.Milliseconds(),
	}
	s.Challenge, s.Name = v.Challenge, v.Name
	if in := v.Instance; in != nil {
		s.Instance, s.Stage = in.ID, in.Stage
		s.ElapsedMS = max(0, time.Since(in.CreatedAt).Milliseconds())
	}
	s.Ending = a.Ctx.Err() != nil && v.Problem == nil && v.State != whaley.Running && v.Mine
	if v.Problem != nil {
		p := kit.ProblemOf(v.Problem)
		s.Problem = &p
	}
	return kit.Write(w, http.StatusOK, s)
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
	ticket, expires, err := a.Tickets.Redeem(r.Context(), t.Code, t.Host, t.Nonce)
	if err != nil {
		return err
	}
	return kit.Write(w, http.StatusOK, wire.TicketResponse{Ticket: ticket, Expires: expires.Unix()})
}
