package plugintest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/shared/wire"
)

var promises = map[string]func(t *testing.T, w *world){
	"AWakeSaysWhichRequestItIsFor":                  wakeSaysWhich,
	"AHostOfSomebodyElseGoesOn":                     otherHosts,
	"ARunningHostIsServedAndRemembered":             runningHost,
	"AnOwnersHostWantsATicket":                      ownersHost,
	"UnknownForeignAndSleepingHostsAnswerAlike":     alike,
	"AHostIsWokenAndTheRequestArrivesWhole":         woken,
	"APersonIsShownThatItStarts":                    waiting,
	"ARefusalSaysWhyToPeopleAndPrograms":            refusals,
	"ThePagesHaveTheEventsFace":                     eventsFace,
	"AFaceThatIsNoneChangesNothing":                 wrongFace,
	"ThePagesSpeakTheReadersLanguage":               languages,
	"ABadTicketIsNoTicket":                          badTickets,
	"ACodeBecomesACookieOnce":                       exchange,
	"AContainerSeesNothingOfOurs":                   stripped,
	"AContainerSetsNoCookieBeyondItsHost":           setCookie,
	"TheStatusIsToldToWhoMayKnow":                   status,
	"StatusStreamsOfOneAskerAreBounded":             statusStreams,
	"WithoutTheSidecarOnlyRunningHostsAreServed":    sidecarDown,
	"ARestartOfTheSidecarLosesNoHeldRequest":        sidecarRestarts,
	"AnotherSidecarIsAskedWhenOneIsAway":            severalSidecars,
	"AContainerThatIsGoneIsAskedForAgain":           goneContainer,
	"WhatIsOnlyRememberedCostsNoPause":              rememberedAndGone,
	"WhereAnAddressIsEnoughNoTicketIsAskedFor":      byAddress,
	"TheAddressOfAStrangersHeaderCountsForNothing":  forwarded,
	"ARequestThatRepeatsIsTreatedAlike":             repeated,
	"WhatWasReadyIsAskedForAgain":                   readyAndGone,
	"AContainerSpeaksHTTP2OrTLS":                    schemes,
	"WhoTookOverAnAddressGetsAConnectionOfTheirOwn": takenOver,
	"AHandshakeThatFailsIsTriedAgain":               handshakes,
	"StrangersOfOneAddressWaitForEachOther":         strangersAtOnce,
	"WaitingForAStartGivesTheTurnUp":                waitingGivesTurnsUp,
	"AColdWakeIsOneCallOfTheSidecar":                coldWake,
	"WebsocketsOfOneAddressWaitForEachOther":        websocketsAtOnce,
	"LargeAnswersArriveWhole":                       largeAnswers,
	"AConnectionIsNotKeptLongForABody":              keptShortly,
	"AHeldRequestGoesOnAtTheStandby":                standby,
}

func TestCompiled(t *testing.T) { all(t, compiled) }

func TestInterpreted(t *testing.T) { all(t, interpreted(t)) }

func all(t *testing.T, make maker) {
	for name, check := range promises {
		t.Run(name, func(t *testing.T) { check(t, newWorld(t, make)) })
	}
	t.Run("AConfigurationThatCannotWorkIsRefused", func(t *testing.T) {
		good := settings{internal: "http://127.0.0.1:1", key: key, base: base, dashboard: dashboard}
		for what, change := range map[string]func(*settings){
			"internal": func(s *settings) { s.internal = "127.0.0.1:8001" }, "key": func(s *settings) { s.key = "" },
			"base": func(s *settings) { s.base = "" }, "dashboard": func(s *settings) { s.dashboard = "javascript:alert(1)" },
		} {
			bad := good
			change(&bad)
			if _, err := make(t, http.NotFoundHandler(), bad); err == nil {
				t.Errorf("%s: taken", what)
			}
		}
		if _, err := make(t, http.NotFoundHandler(), good); err != nil {
			t.Errorf("without a sidecar: %v", err)
		}
	})
}

func otherHosts(t *testing.T, w *world) {
	for _, host := range []string{"example.org", base, "whaley.localhost", "evil" + base} {
		if got := w.get(host, "/"); got.Body != "next" {
			t.Errorf("%s: %d %q", host, got.Status, got.Body)
		}
	}
}

func runningHost(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	for range 5 {
		got := w.get(web, "/a%2Fb?q=1;2&c")
		if got.Status != 200 || !strings.HasPrefix(got.Body, "container GET /a%2Fb?q=1;2&c 0 ") ||
			!strings.Contains(got.Body, "Host: "+web) {
			t.Fatalf("%d %q", got.Status, got.Body)
		}
	}
	if n := w.called(wire.PathWake); n != 1 {
		t.Errorf("asked %d times for one host in a second", n)
	}
	if n := w.called(wire.PathKeys); n != 1 {
		t.Errorf("asked %d times for the keys", n)
	}
}

func ownersHost(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	if got := w.get(web, "/"); got.Status != 401 || got.problem(t).Code != "ticket_required" ||
		!strings.Contains(got.Body, wire.TicketHeader) {
		t.Errorf("without: %d %q", got.Status, got.Body)
	}
	if got := w.get(web, "/", wire.TicketHeader, w.ticket(web)); got.Status != 200 {
		t.Errorf("in the header: %d %q", got.Status, got.Body)
	}
	for range 2 {
		if got := w.get(web, "/", "Cookie", "a=b; whaley="+w.ticket(web)); got.Status != 200 {
			t.Errorf("in the cookie: %d %q", got.Status, got.Body)
		}
	}
}

func alike(t *testing.T, w *world) {
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		if q.Owner != "" {
			t.Errorf("a stranger asks as %s", q.Owner)
		}
		return mine(wire.StateAsleep)(q)
	})
	script := w.script
	for _, mode := range []string{wire.AuthCTFd, wire.AuthNone} {
		w = newWorld(t, w.make) // keys are fetched once
		w.mode, w.script = mode, script
		for _, accept := range []string{"*/*", "text/html"} {
			want := w.get(pwn, "/", "Accept", accept, "X-Request-Id", "the-same-request-id")
			for _, host := range []string{
				web, "nothing-abcdefghijklm." + base, "malformed." + base, "a.b." + base, "x--" + web, "--" + web,
			} {
				got := w.get(host, "/", "Accept", accept, "X-Request-Id", "the-same-request-id")
				if got.Status != want.Status || shape(got, host) != shape(want, pwn) {
					t.Errorf("%s %s: %d %q, want %d %q", mode, host, got.Status, shape(got, host), want.Status, shape(want, pwn))
				}
			}
		}
	}
}

func shape(r reply, host string) string {
	text := r.Body + r.Header.Get("Location") + r.Header.Get("Content-Type") + r.Header.Get("Cache-Control")
	for _, nonce := range []string{between(r.Body, `nonce="`, `"`), between(r.Header.Get("Location"), "nonce=", "&")} {
		if nonce != "" {
			text = strings.ReplaceAll(text, nonce, "nonce")
		}
	}
	return strings.ReplaceAll(text, url.QueryEscape(host), "host")
}

func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	found, _, _ := strings.Cut(rest, after)
	return found
}

func woken(t *testing.T, w *world) {
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		if q.WaitMS < 20_000 || q.WaitMS > 45_000 { // 45 s but for what has gone by already
			t.Errorf("a program's request is held %d ms", q.WaitMS)
		}
		time.Sleep(300 * time.Millisecond)
		return w.running("link")(q)
	})
	w.holds = true
	body := strings.Repeat("whale", 250_000)
	got := w.send("POST", web, "/upload", body, wire.TicketHeader, w.ticket(web), "Accept", "text/html")
	if got.Status != 200 || !strings.Contains(got.Body, "container POST /upload 1250000 ") {
		t.Errorf("%d %.200q", got.Status, got.Body)
	}
}

// coldWake counts what is asked from the first request to a sleeping instance until its answer, and for those after it.
func coldWake(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	w.holds = true
	for range 3 {
		if got := w.get(web, "/", wire.TicketHeader, w.ticket(web)); got.Status != 200 {
			t.Errorf("%d %q", got.Status, got.Body)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.calls) != 2 || w.calls[wire.PathKeys] != 1 || w.calls[wire.PathWake] != 1 {
		t.Errorf("more than one call beside that for the keys: %v", w.calls)
	}
}

func waiting(t *testing.T, w *world) {
	w.on(wire.PathWake, mine(wire.StateStarting))
	cookie := "whaley=" + w.ticket(web)
	got := w.get(web, "/page", "Cookie", cookie, "Sec-Fetch-Mode", "navigate", "Accept", "text/html")
	for _, want := range []string{
		"Notes &lt;b&gt; is starting", "Setting up the network", "Number 3 in the queue · about 7 s</p>", `role="status"`,
		"<noscript>", wire.StatusPath,
	} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if got.Status != 503 || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", got.Status, got.Header)
	}
	policy := got.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	for _, outside := range []string{"http://", "https://", "//"} {
		if strings.Contains(got.Body, outside) {
			t.Errorf("the page names %q", outside)
		}
	}
	for what, header := range map[string][]string{
		"a script": {"Sec-Fetch-Mode", "cors", "Accept", "text/html"}, "a program": {"Accept", "*/*"},
	} {
		got := w.get(web, "/page", append(header, "Cookie", cookie)...)
		if got.Status != 503 || got.problem(t).Code != "still_starting" || got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %q", what, got.Status, got.Body)
		}
	}
	if got := w.send("POST", web, "/form", "a=b", "Cookie", cookie, "Sec-Fetch-Mode", "navigate"); got.Header.Get(
		"Content-Type",
	) != wire.ProblemType {
		t.Errorf("a form that was sent got a page that cannot send it again: %v", got.Header)
	}
}

func eventsFace(t *testing.T, w *world) {
	w.look = wire.Keys{
		EventName: "Fox <CTF>", EventHome: "https://ctf.example.org/", EventFooter: "Help: <b>@fox</b>",
		EventLogo: "data:image/png;base64,iVBORw0KGgo=", EventColours: []string{"#ffaa00", "#000000", "#884400", "#ffffff"},
	}
	w.on(wire.PathWake, mine(wire.StateStarting))
	waiting := w.get(web, "/", wire.TicketHeader, w.ticket(web), "Accept", "text/html")
	w.on(wire.PathWake, func(wire.HostRequest) wire.HostStatus {
		return wire.HostStatus{
			State: wire.StateFailed, Mine: true, Version: "3",
			Problem: &wire.Problem{Status: 429, Code: "quota_reached", Detail: "Stop one."},
		}
	})
	refused := w.get(web, "/", wire.TicketHeader, w.ticket(web), "Accept", "text/html")
	for what, body := range map[string]string{"waiting": waiting.Body, "refused": refused.Body} {
		for _, want := range []string{
			"Fox &lt;CTF&gt;</title>", "<span>Fox &lt;CTF&gt;</span>", "Help: &lt;b&gt;@fox",
			`<img src="data:image/png;base64,iVBORw0KGgo=" alt="">`, ":root { --accent: #ffaa00; --on: #000000 }",
			":root { --accent: #884400; --on: #ffffff }",
		} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the page does not have %s:\n%.3000s", what, want, body)
			}
		}
	}
	if !strings.Contains(refused.Body, `<a href="https://ctf.example.org/">Scoreboard</a>`) ||
		!strings.Contains(refused.Header.Get("Content-Security-Policy"), "img-src data:;") {
		t.Errorf("%v %s", refused.Header, refused.Body)
	}
}

func wrongFace(t *testing.T, w *world) {
	w.look = wire.Keys{
		EventName: "Fox", EventHome: "javascript:alert(1)", EventLogo: `data:image/svg+xml;base64,AAAA" onload="x`,
		EventColours: []string{"#fff", "red;} body{", "", ""},
	}
	w.on(wire.PathWake, func(wire.HostRequest) wire.HostStatus {
		return wire.HostStatus{
			State: wire.StateFailed, Mine: true, Version: "3",
			Problem: &wire.Problem{Status: 429, Code: "quota_reached", Detail: "Stop one."},
		}
	})
	body := w.get(web, "/", wire.TicketHeader, w.ticket(web), "Accept", "text/html").Body
	for _, never := range []string{"javascript:", "svg", "onload", "red;", "Scoreboard", "<img"} {
		if strings.Contains(body, never) {
			t.Errorf("the page has %q", never)
		}
	}
	if !strings.Contains(body, "<span>Fox</span>") {
		t.Errorf("%s", body)
	}
}

func refusals(t *testing.T, w *world) {
	w.on(wire.PathWake, func(wire.HostRequest) wire.HostStatus {
		return wire.HostStatus{State: wire.StateFailed, Mine: true, Version: "3",
			Problem: &wire.Problem{Status: 429, Code: "quota_reached", Detail: "Stop one <first>.", RetryAfter: 7}}
	})
	got := w.get(web, "/", wire.TicketHeader, w.ticket(web))
	if p := got.problem(t); got.Status != 429 || p.Code != "quota_reached" || p.RequestID == "" ||
		got.Header.Get("Retry-After") != "7" {
		t.Errorf("%d %+v", got.Status, p)
	}
	page := w.get(web, "/", wire.TicketHeader, w.ticket(web), "Accept", "text/html")
	if page.Status != 429 || !strings.Contains(page.Body, "Stop one &lt;first&gt;.") ||
		!strings.Contains(page.Body, "Try again") || !strings.Contains(page.Body, dashboard) {
		t.Errorf("%d %q", page.Status, page.Body)
	}
}

func badTickets(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	good := w.ticket(web)
	expired, err := ticket.Sign(
		signing, ticket.Claims{Host: web, Owner: owner, Player: owner, Expires: time.Now().Unix() - 1},
	)
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range map[string]string{
		"an expired one": expired,
		"another host's": w.ticket(pwn), "changed": "A" + good[1:], "cut off": good[:len(good)-1],
		"long": strings.Repeat("A", 5000), "empty": "",
	} {
		if got := w.get(web, "/", wire.TicketHeader, token); got.Status != 401 {
			t.Errorf("%s in the header: %d", what, got.Status)
		}
		if got := w.get(web, "/", "Cookie", "whaley="+token); got.Status != 401 {
			t.Errorf("%s in the cookie: %d", what, got.Status)
		}
	}
	tossed := "whaley=tossed; whaley=too; "
	if got := w.get(web, "/", "Cookie", tossed+"whaley="+good); got.Status != 200 {
		t.Errorf("the good one behind two that another host set: %d", got.Status)
	}
	if got := w.get(web, "/", "Cookie", strings.Repeat("whaley=x; ", 1000)); got.Status != 401 {
		t.Errorf("a thousand: %d", got.Status)
	}
}

func exchange(t *testing.T, w *world) {
	navigate := []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate"}
	first := w.get(web, "/deep?x=1", navigate...)
	to, err := url.Parse(first.Header.Get("Location"))
	if err != nil || first.Status != 303 || !strings.HasPrefix(to.String(), dashboard+wire.SignInPath) ||
		to.Query().Get("path") != "/deep?x=1" || to.Query().Get("host") != web {
		t.Errorf("sent to %s with %d", to, first.Status)
	}
	if set := first.Header.Get("Set-Cookie"); !strings.Contains(set, "HttpOnly") ||
		!strings.Contains(set, "SameSite=Lax") || strings.Contains(set, "Domain") ||
		!strings.HasPrefix(set, "whaley_nonce="+to.Query().Get("nonce")) {
		t.Errorf("nonce's cookie %q", set)
	}
	const path = wire.TicketPath + "?code=good&path="
	for _, cookie := range []string{"", "whaley_nonce=other-other-other-1", "whaley_nonce=<>"} {
		if got := w.get(web, path+"/", "Cookie", cookie); got.Status != 400 || got.problem(t).Code != "code_refused" {
			t.Errorf("with the nonce %q: %d", cookie, got.Status)
		}
	}
	const nonce = "whaley_nonce=nonce-nonce-nonce-1"
	for given, want := range map[string]string{
		"/deep%3Fx=1": "/deep?x=1", "https://evil.example/": "/", "//evil.example": "/", "/%5Cevil.example": "/", "": "/",
	} {
		got := w.get(web, path+given, "Cookie", nonce)
		if got.Status != 303 || got.Header.Get("Location") != want || got.Header.Get("Referrer-Policy") != "no-referrer" ||
			got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("path %q: %d to %q", given, got.Status, got.Header.Get("Location"))
		}
		if set := got.Header["Set-Cookie"]; len(set) != 2 || !strings.HasPrefix(set[0], "whaley=") ||
			!strings.HasPrefix(set[1], "whaley_nonce=;") {
			t.Errorf("cookies %q", set)
		}
	}
	if got := w.send("POST", web, path, "", "Cookie", nonce); got.Status != 405 {
		t.Errorf("POST: %d", got.Status)
	}
}

func stripped(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	token := w.ticket(web)
	got := w.get(
		web, "/", "Cookie", "a=1; whaley="+token+"; b=2", "Cookie", "__Host-whaley=x; WHALEY_nonce=y; whaley_language=de; whaley2=z",
		wire.TicketHeader, token, "X-Whaley-Owner", "admin", "X-Forwarded-For", "6.6.6.6", "X-Forwarded-Host", "evil",
		"Forwarded", "for=6.6.6.6", "Authorization", "Basic eDp5",
	)
	if got.Status != 200 {
		t.Fatalf("%d %q", got.Status, got.Body)
	}
	for _, secret := range []string{token, "__Host-whaley", "nonce", "whaley_language", "X-Whaley", "6.6.6.6", "evil"} {
		if strings.Contains(got.Body, secret) {
			t.Errorf("the container was sent %q:\n%s", secret, got.Body)
		}
	}
	for _, want := range []string{
		"Cookie: a=1; b=2", "Cookie: whaley2=z", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: " + web,
		"Authorization: Basic eDp5",
	} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("the container was not sent %q:\n%s", want, got.Body)
		}
	}
}

func setCookie(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	good := []string{"session=1; Path=/; HttpOnly", "own=2; Domain=" + web, "own=3; domain=." + web, "whaley_fan=4"}
	bad := []string{
		"whaley=x", "WHALEY=x; Path=/", " whaley_nonce=x", "__Host-whaley=x; Secure; Path=/", "__host-Whaley_nonce=x",
		"=whaley=x", "whaley", "a=1; Domain=" + base, "a=1; DOMAIN = .localhost", "a=1; Domain=whaley.localhost",
	}
	w.cookie = append(append([]string{}, good...), bad...)
	got := w.get(web, "/")
	if strings.Join(got.Header["Set-Cookie"], "\n") != strings.Join(good, "\n") {
		t.Errorf("%q", got.Header["Set-Cookie"])
	}
}

func status(t *testing.T, w *world) {
	w.on(wire.PathStatus, func(q wire.HostRequest) wire.HostStatus {
		if q.Seen == "2" {
			return w.running("owner")(q)
		}
		return mine(wire.StateStarting)(q)
	})
	if got := w.get(web, wire.StatusPath); got.Status != 401 {
		t.Errorf("to a stranger: %d %q", got.Status, got.Body)
	}
	got := w.get(web, wire.StatusPath, wire.TicketHeader, w.ticket(web))
	if got.Status != 200 || !strings.Contains(got.Body, `"state":"starting"`) ||
		!strings.Contains(got.Body, `"position":3`) || strings.Contains(got.Body, "backend") {
		t.Errorf("%d %q", got.Status, got.Body)
	}
	events := w.get(web, wire.StatusPath, wire.TicketHeader, w.ticket(web), "Accept", "text/event-stream")
	first, second := strings.Index(events.Body, `"starting"`), strings.Index(events.Body, `"running"`)
	if events.Header.Get("Content-Type") != "text/event-stream" || first < 0 || second < first ||
		strings.Contains(events.Body, w.container.URL) {
		t.Errorf("%q", events.Body)
	}
	if w.called(wire.PathWake) != 0 {
		t.Error("asking for the status woke it")
	}
	if got := w.get(web, wire.ReservedPrefix+"else", wire.TicketHeader, w.ticket(web)); got.Status != 404 {
		t.Errorf("a reserved path without meaning: %d", got.Status)
	}
}

func sidecarDown(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	if got := w.get(web, "/"); got.Status != 200 {
		t.Fatalf("%d", got.Status)
	}
	w.away(true)
	time.Sleep(1600 * time.Millisecond) // longer than a running host is remembered while the sidecar answers
	for range 3 {
		if got := w.get(web, "/"); got.Status != 200 {
			t.Errorf("a running host: %d %q", got.Status, got.Body)
		}
	}
	if got := w.get(pwn, "/"); got.Status != 503 || got.problem(t).Code != "sidecar_unavailable" ||
		got.Header.Get("Retry-After") == "" {
		t.Errorf("another: %d %q", got.Status, got.Body)
	}
	if got := w.get(pwn, "/", "Accept", "text/html"); got.Status != 503 || !strings.Contains(got.Body, "<html") {
		t.Errorf("another, to a person: %d %q", got.Status, got.Body)
	}
}

// sidecarRestarts lets the sidecar let go of a held request, be away, and come back.
func sidecarRestarts(t *testing.T, w *world) {
	wakes := 0
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		if wakes++; wakes > 1 {
			return w.running("link")(q)
		}
		w.away(true)
		time.AfterFunc(700*time.Millisecond, func() { w.away(false) })
		status := mine(wire.StateStarting)(q)
		status.Ending = true
		return status
	})
	got := w.send("POST", web, "/", "whole", wire.TicketHeader, w.ticket(web))
	if got.Status != 200 || !strings.Contains(got.Body, "container POST / 5 ") || wakes != 2 {
		t.Errorf("%d %q after %d wakes", got.Status, got.Body, wakes)
	}
}

// standby lets the active sidecar end in the middle of a wake, and the standby, which is named first, take over later.
func standby(t *testing.T, w *world) {
	var active atomic.Bool
	first := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if active.Load() {
			w.serveInternal(rw, r)
			return
		}
		rw.Header().Set("Content-Type", wire.ProblemType)
		rw.WriteHeader(http.StatusServiceUnavailable)
		json.NewEncoder(rw).Encode(wire.Problem{Status: http.StatusServiceUnavailable, Code: wire.CodeStandby, RetryAfter: 1})
	}))
	defer first.Close()
	wakes := 0
	w.holds = true
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		if wakes++; wakes > 1 {
			return w.running("link")(q)
		}
		w.internal.Listener.Close()
		time.AfterFunc(700*time.Millisecond, func() { active.Store(true) })
		panic(http.ErrAbortHandler)
	})
	front, err := w.make(
		t, http.NotFoundHandler(),
		settings{internal: first.URL + "," + w.internal.URL, key: key, base: base, dashboard: dashboard},
	)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(front)
	defer server.Close()
	r, err := http.NewRequest("POST", server.URL+"/", strings.NewReader("whole"))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = web
	r.Header.Set(wire.TicketHeader, w.ticket(web))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || !strings.Contains(string(body), "container POST / 5 ") || wakes != 2 {
		t.Errorf("%d %q after %d wakes", resp.StatusCode, body, wakes)
	}
}

// severalSidecars puts one that is away before one that answers.
func severalSidecars(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	front, err := w.make(
		t, http.NotFoundHandler(),
		settings{internal: "http://127.0.0.1:1, " + w.internal.URL, key: key, base: base, dashboard: dashboard},
	)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := httptest.NewRequest("GET", "http://"+web+"/", nil)
		out := httptest.NewRecorder()
		front.ServeHTTP(out, r)
		if out.Code != 200 {
			t.Errorf("%d %s", out.Code, out.Body)
		}
	}
}

func goneContainer(t *testing.T, w *world) {
	gone := "http://127.0.0.1:1"
	moved := false
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		s := w.running("link")(q)
		if !moved {
			s.Backend, moved = gone, true
		}
		return s
	})
	if got := w.send("POST", web, "/", "whole"); got.Status != 200 || !strings.Contains(got.Body, "container POST / 5 ") {
		t.Errorf("%d %q", got.Status, got.Body)
	}
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		s := w.running("link")(q)
		s.Backend = gone
		return s
	})
	if got := w.get(pwn, "/"); got.Status != 502 || got.problem(t).Code != "no_answer" {
		t.Errorf("%d %q", got.Status, got.Body)
	}
}

func byAddress(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		if q.Address != "127.0.0.1" {
			t.Errorf("the address is %q", q.Address)
		}
		return w.running("link")(q)
	})
	if got := w.get(web, "/"); got.Status != 200 {
		t.Errorf("%d %q", got.Status, got.Body)
	}
	w.on(wire.PathWake, mine(wire.StateAsleep))
	if got := w.get(pwn, "/", "Accept", "text/html"); got.Status != 404 {
		t.Errorf("a stranger is sent to sign in, where there is nothing to sign in with: %d", got.Status)
	}
}

func forwarded(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	var asked string
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		asked = q.Address
		return w.running("link")(q)
	})
	w.get(web, "/", "X-Forwarded-For", "198.51.100.1", "X-Real-Ip", "198.51.100.1", "Forwarded", "for=198.51.100.1")
	if asked != "127.0.0.1" {
		t.Errorf("127.0.0.1, which is no trusted proxy, was taken for %s", asked)
	}
}

func wakeSaysWhich(t *testing.T, w *world) {
	w.on(wire.PathWake, mine(wire.StateStarting))
	seen := map[string]bool{}
	form := regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`)
	for range 2 {
		got := w.get(
			web, "/", "X-Whaley-Ticket", w.ticket(web), "Traceparent", "00-11111111111111111111111111111111-2222222222222222-01",
		)
		w.mu.Lock()
		header := w.header[wire.PathWake]
		w.mu.Unlock()
		if id := header.Get("X-Request-Id"); len(id) < 16 || id != got.problem(t).RequestID {
			t.Errorf("the wake is for %q, the answer %q", id, got.Body)
		}
		trace := header.Get("Traceparent")
		if !form.MatchString(trace) || strings.Contains(trace, strings.Repeat("1", 32)) || seen[trace] {
			t.Errorf("traceparent %q", trace)
		}
		seen[trace] = true
	}
	w.get(web, "/", "X-Whaley-Ticket", w.ticket(web), "X-Request-Id", "chosen-by-the-proxy-before")
	w.mu.Lock()
	defer w.mu.Unlock()
	if id := w.header[wire.PathWake].Get("X-Request-Id"); id != "chosen-by-the-proxy-before" {
		t.Errorf("%q", id)
	}
}
