package whaley

import (
	"errors"
	"net/http"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/shared/wire"
)

// inTurn waits until what an address may have done at the same time leaves room for one more request, and says whether
// to go on: then call h.leave at the end. A turn is for what the front door itself does: finding out who asks, what the
// host is, and opening a websocket, of which one address has so many. It ends with done, at the latest before a
// container is asked for anything else, or something is waited for.
func (h *Handler) inTurn(w http.ResponseWriter, r *http.Request, v *visit) bool {
	v.address = peer.Address(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), v.ring.trusted)
	if len(v.ring.trusted) > 0 && peer.Trusted(v.address.String(), v.ring.trusted) {
		return true // it stands for many
	}
	if r.Header["Upgrade"] != nil && !h.hasRoom(w, r, v) {
		return false
	}
	s := h.sidecar
	s.mu.Lock()
	turns := s.turns
	s.mu.Unlock()
	if turns == nil {
		return true
	}
	end, err := turns.Take(r.Context(), turn.Of(v.address))
	if errors.Is(err, turn.ErrFull) {
		h.problem(w, r, v, wire.Problem{Status: http.StatusTooManyRequests, Code: "too_many_at_once", RetryAfter: 5,
			Detail: "Your address sends more requests than are taken up at the same time. Send fewer at once."})
	}
	v.end = end
	if err != nil {
		h.leave(v)
	}
	return err == nil
}

// done ends the turn of a request.
func (v *visit) done() {
	if v.end != nil {
		v.end()
		v.end = nil
	}
}
