package plugintest

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/shared/wire"
)

// hostilePlayer is what a player tries who wants in where another one is.
var hostilePlayer = map[string]func(t *testing.T, w *world){
	"ForgedTicketsAreRefused":                     forged,
	"AnExpiredTicketIsRefused":                    expired,
	"ATruncatedTicketIsRefused":                   truncated,
	"ATicketOfAnotherHostIsRefused":               foreign,
	"ATicketThatEndedSignsNobodyIn":               revoked,
	"ACodeIsOfNoUseInAnotherBrowser":              codeInjection,
	"ForgedAndTruncatedCodesAreRefused":           forgedCodes,
	"StatusBodyAndHeadersTellNoHostsApart":        enumeration,
	"TimeTellsNoHostsApartBecauseTheSameIsAsked":  sameQuestions,
	"AStrangerWakesAndWatchesNothing":             strangerWakes,
	"ATicketOfAStrangerDoesNotComeOutOfTheMemory": rememberedFor,
}

func TestHostilePlayerAgainstThePluginCompiled(t *testing.T) { attack(t, compiled, hostilePlayer) }

func TestHostilePlayerAgainstThePluginInterpreted(t *testing.T) {
	attack(t, interpreted(t), hostilePlayer)
}

func (w *world) refusesTicket(what, host, token string) {
	w.t.Helper()
	for _, header := range [][]string{{wire.TicketHeader, token}, {"Cookie", "whaley=" + token}} {
		if got := w.get(host, "/", header...); got.Status != 401 {
			w.t.Errorf("%s in %s: %d %.200s", what, header[0], got.Status, got.Body)
		}
	}
}

func forged(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	good := w.ticket(web)
	payload, signature, _ := strings.Cut(good, ".")
	claims := ticket.Claims{Host: web, Owner: owner, Player: owner, Expires: time.Now().Add(time.Hour).Unix()}
	_, other, _ := ed25519.GenerateKey(nil)
	own, err := ticket.Sign(other, claims)
	if err != nil {
		t.Fatal(err)
	}
	claims.Owner = "team_admin"
	text, _ := json.Marshal(claims)
	changed := base64.RawURLEncoding.EncodeToString(text)
	plain := ed25519.Sign(signing, text) // of the same key, for something else
	for what, token := range map[string]string{
		"signed with an own key": own, "another owner": changed + "." + signature, "no signature": payload,
		"an empty signature":            payload + ".",
		"zeros":                         payload + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"alg none":                      "eyJhbGciOiJub25lIn0." + payload + ".",
		"a signature of something else": changed + "." + base64.RawURLEncoding.EncodeToString(plain),
		"three parts":                   good + "." + signature, "padding": good + "==",
		"another alphabet": strings.NewReplacer("-", "+", "_", "/").Replace(good) + "+", "swapped": signature + "." + payload,
	} {
		w.refusesTicket(what, web, token)
	}
}

func expired(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	sign := func(expires time.Time) string {
		token, err := ticket.Sign(signing, ticket.Claims{Host: web, Owner: owner, Player: owner, Expires: expires.Unix()})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	w.refusesTicket("an expired one", web, sign(time.Now().Add(-time.Second)))
	w.refusesTicket("one without an end", web, sign(time.Unix(0, 0)))
	soon := sign(time.Now().Add(4 * time.Second))
	if got := w.get(web, "/", wire.TicketHeader, soon); got.Status != 200 {
		t.Errorf("before its end: %d", got.Status)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if w.get(web, "/", wire.TicketHeader, soon).Status == 401 {
			return // though it was verified and remembered before
		}
		if time.Now().After(deadline) {
			t.Fatal("it is good for longer than it says")
		}
	}
}

func truncated(_ *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	good := w.ticket(web)
	for n := 0; n < len(good); n += 7 {
		w.refusesTicket("cut off", web, good[:n])
	}
	w.refusesTicket("one letter less", web, good[:len(good)-1])
	w.refusesTicket("without the first", web, good[1:])
}

func foreign(_ *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	for _, other := range []string{pwn, "a--" + web, strings.ToUpper(web), web + ".", web + ":8080", ""} {
		w.refusesTicket("of "+other, web, w.ticket(other))
	}
}

func revoked(t *testing.T, w *world) {
	for _, access := range []string{"owner", "link"} {
		w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
			s := w.running(access)(q)
			s.Mine, s.Revoked = false, q.Session == "over"
			return s
		})
		token, err := ticket.Sign(
			signing,
			ticket.Claims{Host: web, Owner: owner, Player: owner, Session: "over", Expires: time.Now().Add(time.Hour).Unix()},
		)
		if err != nil {
			t.Fatal(err)
		}
		program, person := w.get(web, "/", wire.TicketHeader, token), w.get(
			web, "/", "Cookie", "whaley="+token, "Accept", "text/html",
		)
		if access == "link" {
			if program.Status != 200 || person.Status != 200 {
				t.Errorf("whoever has the address of a linked host: %d %d", program.Status, person.Status)
			}
			continue
		}
		if program.Status != 401 || program.problem(t).Code != "ticket_required" {
			t.Errorf("%d %s", program.Status, program.Body)
		}
		if person.Status != 303 || !strings.HasPrefix(person.Header.Get("Location"), dashboard+wire.SignInPath) {
			t.Errorf("a person is not sent to sign in: %d %v", person.Status, person.Header)
		}
		time.Sleep(1600 * time.Millisecond) // what is known of a running host is old then
	}
	w.on(wire.PathWake, func(wire.HostRequest) wire.HostStatus {
		return wire.HostStatus{State: wire.StateUnknown, Revoked: true, Version: "unknown"}
	})
	if got := w.get(pwn, "/", wire.TicketHeader, w.ticket(pwn)); got.Status != 401 {
		t.Errorf("a sleeping one: %d", got.Status)
	}
}

func codeInjection(t *testing.T, w *world) {
	// The code of mallory's browser, in a link that another one opens.
	link := wire.TicketPath + "?code=good&path=/"
	for what, cookie := range map[string]string{
		"no nonce": "", "an own nonce": "whaley_nonce=another-another-another",
		"an own nonce on https": "__Host-whaley_nonce=nonce-nonce-nonce-1",
		"two":                   "whaley_nonce=another-another-another; whaley_nonce=nonce-nonce-nonce-1",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			got := w.send(method, web, link, "", "Cookie", cookie, "Accept", "text/html")
			if got.Status != 400 || strings.Contains(strings.Join(got.Header["Set-Cookie"], ""), "whaley=") {
				t.Errorf("%s %s: %d %v", method, what, got.Status, got.Header)
			}
		}
	}
	if got := w.send("POST", web, link, "", "Cookie", "whaley_nonce=nonce-nonce-nonce-1"); got.Status != 405 {
		t.Errorf("by a form: %d", got.Status)
	}
}

func forgedCodes(t *testing.T, w *world) {
	const nonce = "whaley_nonce=nonce-nonce-nonce-1"
	for _, code := range []string{
		"", "goo", "good ", "goodgood", "GOOD", strings.Repeat("g", 3000), "good&code=good2", "\x00", "../good",
	} {
		got := w.get(web, wire.TicketPath+"?code="+url.QueryEscape(code)+"&path=/", "Cookie", nonce)
		if got.Status != 400 || len(got.Header["Set-Cookie"]) > 0 {
			t.Errorf("%.20q: %d %v", code, got.Status, got.Header)
		}
	}
}

func enumeration(t *testing.T, w *world) {
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		if q.Host == web {
			return mine(wire.StateAsleep)(q)
		}
		return wire.HostStatus{State: wire.StateUnknown, Version: "unknown"}
	})
	for _, path := range []string{"/", "/deep?x=1", wire.StatusPath, wire.TicketPath, wire.ReservedPrefix + "x"} {
		for _, accept := range []string{"*/*", "text/html", "text/event-stream", "application/json"} {
			for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS"} {
				ask := func(host string) reply {
					return w.send(method, host, path, "", "Accept", accept, "X-Request-Id", "the-same-request-id")
				}
				want := ask(pwn)
				for _, host := range []string{web, "nothing-abcdefghijklm." + base, "malformed." + base} {
					got := ask(host)
					names := func(r reply) string {
						var all []string
						for name := range r.Header {
							if name != "Date" {
								all = append(all, name)
							}
						}
						return strings.Join(sorted(all), " ")
					}
					same := got.Status == want.Status && shape(got, host) == shape(want, pwn) && names(got) == names(want)
					if host == "malformed."+base && strings.HasPrefix(path, wire.ReservedPrefix) {
						same = true // no host of anybody, which its name says
					}
					if !same {
						t.Errorf(
							"%s %s %s as %s: %d %q, want %d %q", method, host, path, accept, got.Status, shape(got, host), want.Status,
							shape(want, pwn),
						)
					}
				}
			}
		}
	}
}

func sameQuestions(t *testing.T, w *world) {
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		if q.Host == web {
			return mine(wire.StateAsleep)(q)
		}
		return wire.HostStatus{State: wire.StateUnknown, Version: "unknown"}
	})
	for _, host := range []string{web, pwn, "nothing-abcdefghijklm." + base} {
		before := w.called(wire.PathWake)
		for range 3 {
			w.get(host, "/")
		}
		if asked := w.called(wire.PathWake) - before; asked != 3 {
			t.Errorf("%s was asked about %d times of 3: what was remembered tells it from the others", host, asked)
		}
	}
}

func strangerWakes(t *testing.T, w *world) {
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		if q.Owner == owner {
			t.Error("a stranger asks as the owner")
		}
		return mine(wire.StateAsleep)(q)
	})
	w.on(wire.PathStatus, mine(wire.StateStarting))
	for _, header := range [][]string{
		{}, {wire.TicketHeader, w.ticket(pwn)}, {"X-Whaley-Owner", owner, "X-Whaley-Player", owner},
		{"Authorization", "Bearer " + key},
	} {
		for _, path := range []string{"/", wire.StatusPath} {
			if got := w.get(web, path, header...); got.Status != 401 || strings.Contains(got.Body, "Notes") {
				t.Errorf("%s %q: %d %s", path, header, got.Status, got.Body)
			}
		}
	}
}

func rememberedFor(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	if got := w.get(web, "/", wire.TicketHeader, w.ticket(web)); got.Status != 200 {
		t.Fatalf("%d", got.Status)
	}
	// Right after the owner's answer, which is remembered for a moment.
	if got := w.get(web, "/"); got.Status != 401 {
		t.Errorf("without a ticket: %d", got.Status)
	}
	w.refusesTicket("another's", web, w.ticket(pwn))
}
