package plugintest

import (
	"os"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// TestWhatPlayersReadOfScriptsHolds: docs/players.md says what curl gets from an address, with a sign-in and without.
func TestWhatPlayersReadOfScriptsHolds(t *testing.T) {
	text, err := os.ReadFile("../../../docs/players.md")
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(strings.Fields(string(text)), " ")
	for _, c := range []struct {
		sentence     string
		mode, access string
		runs, ticket bool
		status       int
		code         string
	}{
		{
			"Where you sign in, a script shows who you are to start a copy", wire.AuthCTFd, "link", false, false, 401,
			"ticket_required",
		},
		{"with the header `X-Whaley-Ticket`", wire.AuthCTFd, "link", false, true, 200, ""},
		{"a running one is open to whoever has its address", wire.AuthCTFd, "link", true, false, 200, ""},
		{
			"unless the challenge is for you alone", wire.AuthCTFd, "owner", true, false, 401, "ticket_required",
		},
		{"Where there is no sign-in you are known by your address", wire.AuthNone, "link", false, false, 200, ""},
		{"| 401 `ticket_required` | it is not running, or for you alone", wire.AuthCTFd, "owner", false, false, 401, "ticket_required"},
	} {
		w := newWorld(t, compiled)
		w.mode = c.mode
		w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
			if c.runs || q.Owner == owner || c.mode == wire.AuthNone { // it starts within the call
				return w.running(c.access)(q)
			}
			return mine(wire.StateAsleep)(q)
		})
		header := []string{"Accept", "*/*"}
		if c.ticket {
			header = append(header, wire.TicketHeader, w.ticket(web))
		}
		got := w.get(web, "/", header...)
		if got.Status != c.status || c.code != "" && got.problem(t).Code != c.code {
			t.Errorf("%q: %d %s", c.sentence, got.Status, got.Body)
		}
		if !strings.Contains(said, c.sentence) {
			t.Errorf("docs/players.md does not say %q", c.sentence)
		}
	}
}
