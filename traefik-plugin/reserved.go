package whaley

import (
	"net/http"

	"github.com/whaley-ctf/whaley/shared/host"
	"github.com/whaley-ctf/whaley/shared/wire"
)

// maxCode is the length in bytes above which a one-time code is not sent on.
const maxCode = 2048

// reserved answers the paths that no container ever sees.
func (h *Handler) reserved(w http.ResponseWriter, r *http.Request, v *visit) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		h.problem(w, r, v, wire.Problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed",
			Detail: "This address answers GET and HEAD only."})
		return
	}
	switch r.URL.Path {
	case wire.TicketPath:
		h.exchange(w, r, v)
	case wire.StatusPath:
		h.status(w, r, v)
	default:
		h.stranger(w, r, v)
	}
}

// exchange turns a one-time code into a ticket in a cookie. The code alone is of no use: it is bound to the nonce that
// this browser was given.
func (h *Handler) exchange(w http.ResponseWriter, r *http.Request, v *visit) {
	code := r.URL.Query().Get("code")
	nonce := h.nonce(r)
	refused := wire.Problem{Status: http.StatusBadRequest, Code: "code_refused",
		Detail: "This sign-in link is used up, too old, or was opened in another browser. Open the challenge's address again."}
	if code == "" || len(code) > maxCode || nonce == "" {
		h.problem(w, r, v, refused)
		return
	}
	var reply wire.TicketResponse
	problem, err := h.sidecar.call(r.Context(), wire.PathTicket, callTimeout,
		wire.TicketRequest{Host: v.host, Code: code, Nonce: nonce}, &reply, nil)
	if err != nil {
		h.unavailable(w, r, v)
		return
	}
	if problem != nil {
		h.problem(w, r, v, refused)
		return
	}
	h.setCookie(w, ticketCookie, reply.Ticket, ticketAge)
	h.setCookie(w, nonceCookie, "", -1)
	noStore(w)
	w.Header().Set("Referrer-Policy", "no-referrer") // the address holds the code
	http.Redirect(w, r, host.LocalPath(r.URL.Query().Get("path")), http.StatusSeeOther)
}
