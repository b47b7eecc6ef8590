package plugintest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/shared/wire"
)

// renewing is what becomes of tickets that end while a page is open.
var renewing = map[string]func(t *testing.T, w *world){
	"AnOpenPageOutlivesItsTicketWhileTheSignInLasts":      outlives,
	"ATicketThatHasEndedCountsOnlyIfItIsRenewed":          endedForGood,
	"OnlyTicketsInCookiesAndNearTheirEndAreToBeRenewed":   nearTheEnd,
	"WhatAContainerSetsStaysBesideTheTicketThatIsRenewed": besides,
}

func TestRenewedTicketsCompiled(t *testing.T)    { attack(t, compiled, renewing) }
func TestRenewedTicketsInterpreted(t *testing.T) { attack(t, interpreted(t), renewing) }

// until is a ticket of the sign-in "lasts" that ends in a while, or has ended before one.
func (w *world) until(session string, left time.Duration) string {
	w.t.Helper()
	token, err := ticket.Sign(signing, ticket.Claims{
		Host: web, Owner: owner, Player: owner, Session: session, Expires: time.Now().Add(left).Unix(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// renewed answers as a sidecar that knows the sign-in "lasts" only.
func (w *world) renewed(next string) func(wire.HostRequest) wire.HostStatus {
	return func(q wire.HostRequest) wire.HostStatus {
		s := w.running("owner")(q)
		if q.Session != "lasts" {
			s.Mine, s.Revoked = false, true
		} else if q.Expires != 0 {
			s.Ticket, s.TicketExpires = next, time.Now().Add(12*time.Hour).Unix()
		}
		return s
	}
}

func outlives(t *testing.T, w *world) {
	next := w.until("lasts", 12*time.Hour)
	w.on(wire.PathWake, w.renewed(next))
	for _, ended := range []time.Duration{-time.Second, -10 * time.Hour} {
		got := w.send("POST", web, "/api", "kept", "Cookie", "a=b; whaley="+w.until("lasts", ended))
		cookies := (&http.Response{Header: got.Header}).Cookies()
		if got.Status != 200 || !strings.HasPrefix(got.Body, "container POST /api 4 ") || len(cookies) != 1 ||
			cookies[0].Value != next || !cookies[0].HttpOnly || cookies[0].MaxAge < 24*3600 {
			t.Errorf("%s: %d %v %.80s", ended, got.Status, got.Header, got.Body)
		}
	}
	if got := w.get(web, "/", "Cookie", "whaley="+next); got.Status != 200 || len(got.Header["Set-Cookie"]) != 0 {
		t.Errorf("with the new one: %d %v", got.Status, got.Header)
	}
}

func endedForGood(t *testing.T, w *world) {
	w.on(wire.PathWake, w.renewed(w.until("lasts", 12*time.Hour)))
	over := w.until("over", -time.Minute)
	if got := w.get(web, "/", "Cookie", "whaley="+over); got.Status != 401 || len(got.Header["Set-Cookie"]) != 0 {
		t.Errorf("signed out since: %d %v", got.Status, got.Header)
	}
	if got := w.get(web, "/", "Cookie", "whaley="+over, "Accept", "text/html"); got.Status != 303 {
		t.Errorf("a person is not sent to sign in: %d", got.Status)
	}
	if got := w.get(web, "/", wire.TicketHeader, w.until("lasts", -time.Minute)); got.Status != 401 {
		t.Errorf("a tool's ticket ends when it says: %d", got.Status)
	}
	w.on(wire.PathWake, w.running("owner")) // a sidecar that renews nothing
	w.refusesTicket("not renewed", web, w.until("lasts", -2*time.Minute))
	w.away(true)
	if got := w.get(web, "/", "Cookie", "whaley="+w.until("lasts", -3*time.Minute)); got.Status == 200 {
		t.Error("let in though nobody could be asked")
	}
	w.away(false)
}

func nearTheEnd(t *testing.T, w *world) {
	asked := make(chan int64, 1)
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		asked <- q.Expires
		return mine(wire.StateAsleep)(q)
	})
	for what, c := range map[string]struct {
		header []string
		want   bool
	}{
		"fresh":           {[]string{"Cookie", "whaley=" + w.until("lasts", 11*time.Hour)}, false},
		"near its end":    {[]string{"Cookie", "whaley=" + w.until("lasts", 5*time.Hour)}, true},
		"of a tool":       {[]string{wire.TicketHeader, w.until("lasts", time.Hour)}, false},
		"of no sign-in":   {[]string{"Cookie", "whaley=" + w.until("", time.Hour)}, false},
		"a good one, too": {[]string{"Cookie", "whaley=" + w.until("lasts", -time.Hour) + "; whaley=" + w.until("lasts", 11*time.Hour)}, false},
	} {
		w.get(web, "/", c.header...)
		if got := <-asked; (got != 0) != c.want {
			t.Errorf("%s: %d", what, got)
		}
	}
}

func besides(t *testing.T, w *world) {
	next := w.until("lasts", 12*time.Hour)
	w.on(wire.PathWake, w.renewed(next))
	w.mu.Lock()
	w.cookie = []string{"session=1", "whaley=" + w.until("evil", time.Hour), "b=2"}
	w.mu.Unlock()
	got := w.get(web, "/", "Cookie", "whaley="+w.until("lasts", time.Hour))
	all := strings.Join(got.Header["Set-Cookie"], "\n")
	if got.Status != 200 || strings.Count(all, "whaley=") != 1 || !strings.Contains(all, "whaley="+next) ||
		!strings.Contains(all, "session=1") || !strings.Contains(all, "b=2") {
		t.Errorf("%d %s", got.Status, all)
	}
}
