package api_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/portwake"
	"github.com/whaley-ctf/whaley/sidecar/internal/sni"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestBeforeTheEventThePageListsNothing(t *testing.T) {
	h := newHourBefore(t)
	var list struct {
		Challenges []struct{ ID string }
		Event      struct {
			Begins time.Time `json:"begins_at"`
		}
	}
	shown := func(token string) int {
		t.Helper()
		list.Challenges = nil
		h.into(h.call(alice, "GET", "/challenges", "", bearer(token)...), &list)
		return len(list.Challenges)
	}
	if n := shown(h.aliceToken); n != 0 || !list.Event.Begins.Equal(h.begins) {
		t.Errorf("a player is shown %+v", list)
	}
	// The link in CTFd leads to the page with the countdown, not to an address.
	in := asBrowser(h.signIn(h.aliceToken))
	if w := h.call(alice, "GET", "/go/quick", "", in...); w.Code != 303 || w.Header().Get("Location") != "/?challenge=quick" {
		t.Errorf("the link: %d %v", w.Code, w.Header())
	}
	organiser := h.ctfd.Token(h.ctfd.AddUser(ctfdtest.User{Name: "author", Type: "admin", Team: h.blue}))
	if n := shown(organiser); n != 1 {
		t.Errorf("an organiser is shown %+v", list)
	}
	h.nothingRuns()
	h.start("")
	if n := shown(h.aliceToken); n != 1 {
		t.Errorf("once it has begun a player is shown %+v", list)
	}
}

func TestBeforeTheEventTheAPIStartsNothing(t *testing.T) {
	h := newHourBefore(t)
	player := bearer(h.aliceToken)
	h.refused(h.call(alice, "GET", "/challenges/quick", "", player...), 404, "challenge_not_found")
	h.refused(h.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`, player...), 403, whaley.CodeNotBegun)
	h.nothingRuns()
	organiser := h.ctfd.Token(h.ctfd.AddUser(ctfdtest.User{Name: "author", Type: "admin", Team: h.blue}))
	if w := h.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`, bearer(organiser)...); w.Code != 202 {
		t.Errorf("an organiser starts it: %d %s", w.Code, w.Body)
	}
}

func TestBeforeTheEventTheAddressStartsNothing(t *testing.T) {
	h := newHourBefore(t)
	var made struct{ Ticket string }
	h.into(
		h.call(alice, "POST", "/auth/ticket", fmt.Sprintf(`{"host":%q}`, h.host), bearer(h.aliceToken)...), &made,
	)
	var status wire.HostStatus
	h.into(h.call(alice, "POST", "/internal/wake", fmt.Sprintf(
		`{"host":%q,"player":%q,"owner":%q,"wait_ms":2000}`, h.host, h.team().ID, h.team().Owner.ID,
	), "Authorization", "Bearer "+pluginKey), &status)
	if made.Ticket == "" || status.State != wire.StateFailed || status.Problem == nil ||
		!strings.HasPrefix(status.Problem.Detail, "The event begins on ") {
		t.Errorf("with a ticket: %+v %+v", status, status.Problem)
	}
	h.nothingRuns()
}

// TestBeforeTheEventNoConnectionStartsAnything connects by TLS and to a port of the host, as who may start it.
func TestBeforeTheEventNoConnectionStartsAnything(t *testing.T) {
	h := newHourBefore(t)
	name := strings.Replace(h.host, "quick-", "sni--quick-", 1)
	tls := &sni.Opener{
		BaseDomain: "instances.localhost", Rules: h.rules, Challenges: h.challenges, Owners: everybodyIs{h.team()},
		Log: slog.New(slog.DiscardHandler),
	}
	if to, leads := tls.Open(t.Context(), name, netip.MustParseAddr("192.0.2.7")); leads {
		t.Errorf("by TLS: it leads to %+v", to)
	}
	h.nothingRuns()
	ports := &portwake.Server{
		Meant:      func(net.Conn) (netip.AddrPort, error) { return netip.MustParseAddrPort("192.0.2.1:24000"), nil },
		Book:       everyPortIs(whaley.PortMapping{Owner: h.team().Owner.ID, Challenge: "quick", Internal: 9000}),
		Challenges: h.challenges, Rules: h.rules, Owners: everybodyIs{h.team()}, Turns: turn.New(0),
		Dashboard: dashboardURL, Log: slog.New(slog.DiscardHandler),
	}
	if text := connected(t, ports); !strings.HasPrefix(text, "The event begins on ") || strings.Count(text, "\n") != 1 {
		t.Errorf("to its port: it says %q", text)
	}
	h.nothingRuns()
	h.start("")
	if _, leads := tls.Open(t.Context(), name, netip.MustParseAddr("192.0.2.7")); !leads {
		t.Error("by TLS, once it has begun: it leads nowhere")
	}
}
