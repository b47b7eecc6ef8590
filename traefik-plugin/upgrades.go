package whaley

import (
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/shared/wire"
)

const (
	// openEach is how many websockets, and whatever else a connection can become, one address has open at one host. Each
	// costs what an open connection does at both of its ends, and buffers.
	openEach = 256
	// openRefusal is how long a client that has them all waits to be told so: one that tries again at once would cost more than one
	// whose connection is open.
	openRefusal = 5 * time.Second
)

// hasRoom says whether the address of a request may open one more websocket at its host. With room, call leave at the
// end; without, the request has been answered.
func (h *Handler) hasRoom(w http.ResponseWriter, r *http.Request, v *visit) bool {
	key := v.host + " " + turn.Of(v.address)
	s := h.sidecar
	s.mu.Lock()
	room := s.opened[key] < openEach
	if room {
		s.opened[key]++
	}
	s.mu.Unlock()
	if room {
		v.open = key
		return true
	}
	if sleep(r, openRefusal) {
		h.problem(w, r, v, wire.Problem{Status: http.StatusTooManyRequests, Code: "too_many_open", RetryAfter: 5,
			Detail: "Your address has as many websockets open here as one may have. Close some of them."})
	}
	return false
}

// leave ends the turn of a request, and gives back its room.
func (h *Handler) leave(v *visit) {
	v.done()
	if v.open == "" {
		return
	}
	s := h.sidecar
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened[v.open]--
	if s.opened[v.open] <= 0 {
		delete(s.opened, v.open)
	}
	v.open = ""
}
