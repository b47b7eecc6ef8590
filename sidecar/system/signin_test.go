package system

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
)

// startCompetition is a stack whose players come from CTFd, behind a real Traefik with TLS that it has signed itself.
// alice and bob are one team, mallory is another.
func startCompetition(t *testing.T, challenges string, settings ...string) *competition {
	t.Helper()
	ctfd := ctfdtest.New(t)
	ctfd.SetMode("teams")
	red, blue := ctfd.AddTeam(ctfdtest.Team{Name: "red"}), ctfd.AddTeam(ctfdtest.Team{Name: "blue"})
	s := &stack{secure: true, tokens: map[string]string{}}
	users := map[string]int{}
	for player, user := range map[string]ctfdtest.User{
		alice: {Name: "alice", Team: red}, bob: {Name: "bob", Team: red}, mallory: {Name: "mallory", Team: blue},
	} {
		users[player] = ctfd.AddUser(user)
		s.tokens[player] = ctfd.Token(users[player])
	}
	settings = append(
		[]string{"AUTH_MODE=ctfd", "CTFD_URL=" + ctfd.URL, "CTFD_API_KEY=" + ctfd.Admin, "MAX_INSTANCES_PER_TEAM=20"},
		settings...,
	)
	return &competition{startStack(t, s, "127.0.0.1", "traefik", challenges, settings...), func(from, to string) {
		var team int
		ctfd.ChangeUser(users[to], func(u *ctfdtest.User) { team = u.Team })
		ctfd.ChangeUser(users[from], func(u *ctfdtest.User) { u.Team = team })
	}}
}

// competition is a stack whose players come from CTFd.
type competition struct {
	*stack
	joins func(player, member string) // a player leaves their team for that of another
}

func TestAttacksThroughTheFrontDoorAreRefused(t *testing.T) {
	t.Parallel()
	s := startCompetition(t, writeFixtures(t, "echo", "guarded"))
	guarded := s.address(alice, "guarded")
	ticket := s.toolTicket(alice, guarded)
	if got := s.do(alice, "GET", guarded+"/", nil, "X-Whaley-Ticket", ticket); got.Status != http.StatusOK {
		t.Fatalf("waking with a ticket: %d %s", got.Status, got.Body)
	}
	s.awaitRouter(s.live(alice, "guarded").ID)

	t.Run("WithoutATicketAndWithAnothers", func(t *testing.T) {
		for what, header := range map[string][]string{
			"none": {}, "mallory's": {"X-Whaley-Ticket", s.toolTicket(mallory, s.address(mallory, "guarded"))},
			"cut off":                      {"X-Whaley-Ticket", ticket[:len(ticket)-2]},
			"under the name of plain http": {"Cookie", "whaley=" + ticket},
			"CTFd's token":                 {"Authorization", "Bearer " + s.tokens[alice]},
		} {
			if got := s.do(mallory, "GET", guarded+"/", nil, header...); got.Status != http.StatusUnauthorized {
				t.Errorf("%s: %d %s", what, got.Status, got.Body)
			}
		}
		if got := s.do(bob, "GET", guarded+"/", nil, "X-Whaley-Ticket", s.toolTicket(bob, guarded)); got.Status != http.StatusOK {
			t.Errorf("a member of the team: %d", got.Status)
		}
	})
	t.Run("UnknownForeignAndSleepingHostsAnswerAlike", func(t *testing.T) {
		sleeping, foreign := s.address(alice, "echo"), guarded
		unknown := strings.Replace(sleeping, hostOf(t, sleeping), "echo-aaaaaaaaaaaaa."+base, 1)
		for _, accept := range []string{"*/*", "text/html"} {
			ask := func(address string) string {
				got := s.do(mallory, "GET", address+"/", nil, "Accept", accept, "X-Request-Id", "the-same-request-id")
				text := fmt.Sprint(got.Status, shape(got.Body), nonces.ReplaceAllString(got.Header.Get("Location"), "nonce"))
				return strings.ReplaceAll(text, hostOf(t, address), "host")
			}
			if a, b, c := ask(unknown), ask(sleeping), ask(foreign); a != b || b != c {
				t.Errorf("%s\n%s\n%s\n%s", accept, a, b, c)
			}
		}
	})
	t.Run("SmuggledRequestsNeverArrive", func(t *testing.T) {
		hidden := "GET /smuggled HTTP/1.1\r\nHost: " + hostOf(t, guarded) + "\r\n\r\n"
		begin := "POST /headers HTTP/1.1\r\nHost: " + hostOf(t, guarded) + "\r\nX-Whaley-Ticket: " + ticket + "\r\n"
		for what, request := range map[string]string{
			"length and chunks": begin +
				fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", len(hidden)+5, hidden),
			"two lengths": begin +
				fmt.Sprintf("Content-Length: 0\r\nContent-Length: %d\r\n\r\n%s", len(hidden), hidden),
			"an unknown encoding":      begin + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
			"a space before the colon": begin + "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden,
			"a line that goes on":      begin + "X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n" + hidden,
		} {
			if answer := s.raw(request); strings.Contains(answer, "test server at /smuggled") {
				t.Errorf("%s: %.400s", what, answer)
			}
		}
	})
	t.Run("AContainerSeesAndSetsNothingOfOurs", func(t *testing.T) {
		got := s.do(
			alice, "GET", guarded+"/headers", nil, "Cookie", "mine=1; __Host-whaley="+ticket+"; __Host-whaley_nonce=n",
			"X-Forwarded-For", "6.6.6.6", "X-Forwarded-Host", "evil.example",
		)
		for _, secret := range []string{ticket, "__Host-whaley", "X-Whaley", "6.6.6.6", "evil.example"} {
			if got.Status != http.StatusOK || strings.Contains(got.Body, secret) {
				t.Errorf("%q: %d %s", secret, got.Status, got.Body)
			}
		}
		got = s.do(
			alice, "GET", guarded+"/setcookie?c=a%3D1%3B+Domain%3D"+base+"&c=__Host-whaley%3Dx%3B+Secure%3B+Path%3D/&c=own%3D1",
			nil, "X-Whaley-Ticket", ticket,
		)
		if set := strings.Join(got.Header["Set-Cookie"], "|"); set != "own=1" {
			t.Errorf("%s", set)
		}
	})
	t.Run("WhoLeftTheTeamHasNoTicketAnyMore", func(t *testing.T) {
		old := s.toolTicket(bob, guarded)
		s.joins(bob, mallory)
		s.eventually("the old team's host forgets who left", 90*time.Second, func() error {
			if got := s.do(bob, "GET", guarded+"/", nil, "X-Whaley-Ticket", old); got.Status != http.StatusUnauthorized {
				return fmt.Errorf("%d %s", got.Status, got.Body)
			}
			return nil
		})
		if got := s.do(alice, "GET", guarded+"/", nil, "X-Whaley-Ticket", ticket); got.Status != http.StatusOK {
			t.Errorf("who stayed: %d", got.Status)
		}
	})
}

// toolTicket is what a player's tools show to a host of theirs.
func (s *stack) toolTicket(player, address string) string {
	s.t.Helper()
	var made struct{ Ticket string }
	s.call(player, "POST", "/auth/ticket", fmt.Sprintf(`{"host":%q}`, hostOf(s.t, address)), &made)
	return made.Ticket
}

// raw sends bytes that no client would to the edge and returns what comes back within a moment.
func (s *stack) raw(request string) string {
	s.t.Helper()
	conn, err := tls.Dial("tcp", s.web, &tls.Config{InsecureSkipVerify: true, ServerName: "whaley.localhost"})
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	go io.WriteString(conn, request)
	text, _ := io.ReadAll(bufio.NewReader(conn))
	return string(text)
}
