package plugintest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// hostileContainer is what whoever owns the inside of a container tries against the players of other hosts, against
// the dashboard and against the plugin itself.
var hostileContainer = map[string]func(t *testing.T, w *world){
	"CookieTossingDoesNotReplaceATicket":       tossing,
	"SetCookieForAParentDomainIsDropped":       parentDomains,
	"SetCookieInATrailerIsNoHeader":            trailers,
	"ItCannotSignThePlayerOutElsewhere":        clearSiteData,
	"ItsRedirectsDoNotBecomeOurs":              openRedirect,
	"ATicketIsNotReflected":                    reflected,
	"AServiceWorkerNeverServesOurPaths":        serviceWorker,
	"HostAndForwardedHeadersMakeNobodyElse":    hostGames,
	"ASmuggledRequestNeverArrives":             smuggling,
	"OversizedAndMalformedCookiesAreNoTickets": malformedCookies,
	"ABrokenAnswerIsAProblemAndNotACrash":      brokenAnswers,
	"ALinkedContainerLearnsNothingOfTheOwner":  linked,
}

func TestHostileContainerAgainstThePluginCompiled(t *testing.T) {
	attack(t, compiled, hostileContainer)
}

func TestHostileContainerAgainstThePluginInterpreted(t *testing.T) {
	attack(t, interpreted(t), hostileContainer)
}

func attack(t *testing.T, make maker, attacks map[string]func(t *testing.T, w *world)) {
	for name, try := range attacks {
		t.Run(name, func(t *testing.T) { try(t, newWorld(t, make)) })
	}
}

func tossing(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	good := w.ticket(web)
	// What a sibling can set with Domain=.localhost comes before or after the own one, with any path.
	for _, cookies := range []string{
		"whaley=tossed; whaley=" + good, "whaley=" + w.ticket(pwn) + "; whaley=" + good, "whaley=" + good + "; whaley=tossed",
	} {
		if got := w.get(web, "/", "Cookie", cookies); got.Status != 200 || strings.Contains(got.Body, "tossed") ||
			strings.Contains(got.Body, good) {
			t.Errorf("%.40s…: %d %s", cookies, got.Status, got.Body)
		}
	}
	if got := w.get(web, "/", "Cookie", "whaley="+w.ticket(pwn)); got.Status != 401 {
		t.Errorf("a sibling's own ticket: %d", got.Status)
	}
	// A nonce that was tossed is not the one a code is bound to.
	if got := w.get(web, wire.TicketPath+"?code=good&path=/", "Cookie", "whaley_nonce=tossed-tossed-tossed"); got.Status != 400 {
		t.Errorf("a tossed nonce: %d", got.Status)
	}
}

func parentDomains(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	for _, line := range []string{
		"a=1; Domain=" + base, "a=1; Domain=." + base, "a=1; domain=LOCALHOST", "a=1; DOMAIN=\"" + base + "\"",
		"a=1; Domain=" + web + "; Domain=" + base,
		"a=1; Domain=" + base + "; Domain=" + web, "a=1;Domain\t=\t" + base, "a=1; Domain=" + base + ".",
		"a=1; Path=/; Domain=whaley." + base, "a=1; Domain=b." + web,
		"whaley=x", "__Host-whaley=x; Secure; Path=/", "__HOST-WHALEY_NONCE=x", "whaley_nonce=x; Max-Age=0", "=whaley=x",
		"; Domain=" + base,
	} {
		w.cookie = []string{"own=1", line}
		if got := w.get(web, "/"); strings.Join(got.Header["Set-Cookie"], "|") != "own=1" {
			t.Errorf("%q passes: %q", line, got.Header["Set-Cookie"])
		}
	}
}

func trailers(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	w.hostile = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Trailer", "Set-Cookie")
		rw.WriteHeader(200)
		io.WriteString(rw, "body")
		rw.Header().Set("Set-Cookie", "trailing=1; Domain="+base)
	}
	if got := w.get(web, "/"); len(got.Header["Set-Cookie"]) > 0 {
		t.Errorf("in the trailer: %v", got.Header)
	}
}

func clearSiteData(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	w.hostile = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Clear-Site-Data", `"cookies", "storage"`) // of the whole registrable domain
		rw.Header().Set("X-Own", "1")
	}
	if got := w.get(web, "/"); got.Header.Get("Clear-Site-Data") != "" || got.Header.Get("X-Own") != "1" {
		t.Errorf("%v", got.Header)
	}
}

func openRedirect(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	const nonce = "whaley_nonce=nonce-nonce-nonce-1"
	for _, path := range []string{
		"//evil.example", "/\\evil.example", "\\/evil.example", "https:evil.example", "https://evil.example",
		"/%09/evil.example", "javascript:alert(1)", "/\r\nLocation: https://evil.example", " //evil.example",
		"/.//evil.example", "/x/..//evil.example", "/%2e//evil.example", "/./\\evil.example",
	} {
		got := w.get(web, wire.TicketPath+"?code=good&path="+url.QueryEscape(path), "Cookie", nonce)
		if to := got.Header.Get("Location"); got.Status != 303 || !strings.HasPrefix(to, "/") ||
			strings.HasPrefix(to, "//") || strings.HasPrefix(to, "/\\") || strings.ContainsAny(to, "\t\r\n") {
			t.Errorf("%q leads to %q", path, to)
		}
	}
	// The way to the dashboard carries the path of this host and nothing else decides where it leads.
	for _, path := range []string{"//evil.example/", "/?next=https://evil.example", "/\\evil.example"} {
		answer := w.raw("GET " + path + " HTTP/1.1\r\nHost: " + web +
			"\r\nAccept: text/html\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n")
		if !strings.Contains(answer, "\r\nLocation: "+dashboard+wire.SignInPath+"?") {
			t.Errorf("%s: %.300s", path, answer)
		}
	}
}

func reflected(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	token := w.ticket(web)
	w.hostile = func(rw http.ResponseWriter, r *http.Request) { // says all that it was sent
		fmt.Fprintf(rw, "%s\n", r.RequestURI)
		r.Header.Write(rw)
	}
	for _, header := range [][]string{
		{wire.TicketHeader, token}, {"Cookie", "whaley=" + token},
		{"Cookie", "a=1; whaley=" + token, "Connection", "Cookie, " + wire.TicketHeader},
		{wire.TicketHeader, token, "Connection", "keep-alive, X-Other"}, {"cookie", "x=y;whaley=" + token + ";"},
		{"x-whaley-ticket", token, "X-WHALEY-EXTRA", token},
		{wire.TicketHeader, token, "Cookie", " WHALEY=" + token + "; __host-whaley=" + token},
	} {
		got := w.get(web, "/page", header...)
		if got.Status != 200 && got.Status != 401 || strings.Contains(got.Body, token) ||
			strings.Contains(strings.ToLower(got.Body), "x-whaley") {
			t.Errorf("%q: %d %s", header, got.Status, got.Body)
		}
	}
	// The page that gets the code says nothing of it to what is opened next.
	got := w.get(web, wire.TicketPath+"?code=good&path=/", "Cookie", "whaley_nonce=nonce-nonce-nonce-1")
	if got.Header.Get("Referrer-Policy") != "no-referrer" || strings.Contains(got.Header.Get("Location"), "code") ||
		strings.Contains(got.Body, "good") {
		t.Errorf("%v %s", got.Header, got.Body)
	}
}

func serviceWorker(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	w.hostile = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/javascript")
		rw.Header().Set("Service-Worker-Allowed", "/")
		io.WriteString(rw, "self.addEventListener('fetch', steal)")
	}
	for _, path := range []string{"", "ticket", "status", "sw.js", "../whaley/sw.js", "%73w.js", "a/b/sw.js"} {
		got := w.get(web, wire.ReservedPrefix+path, "Service-Worker", "script")
		if strings.Contains(got.Body, "steal") {
			t.Errorf("%s is the container's: %d %s", path, got.Status, got.Body)
		}
	}
	if w.asked(wire.ReservedPrefix) {
		t.Errorf("the container was asked for one of our paths: %q", w.seen)
	}
}

func (w *world) asked(what string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(strings.Join(w.seen, "\n"), what)
}

func hostGames(t *testing.T, w *world) {
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		if q.Host != web {
			return wire.HostStatus{State: wire.StateUnknown, Version: "unknown"}
		}
		return w.running("owner")(q)
	})
	token := w.ticket(web)
	for what, lines := range map[string]string{
		"an address of another host in the request line": "GET http://" + pwn + "/ HTTP/1.1\r\nHost: " + web,
		"another Host with ours forwarded": "GET / HTTP/1.1\r\nHost: " + pwn + "\r\nX-Forwarded-Host: " +
			web + "\r\nX-Original-Host: " + web + "\r\nForwarded: host=" + web,
		"two Hosts":            "GET / HTTP/1.1\r\nHost: " + pwn + "\r\nHost: " + web,
		"a Host with a path":   "GET / HTTP/1.1\r\nHost: " + web + "/" + pwn,
		"a Host with a user":   "GET / HTTP/1.1\r\nHost: x@" + web,
		"a Host with a suffix": "GET / HTTP/1.1\r\nHost: " + web + ".evil.example",
		"a Host with a null":   "GET / HTTP/1.1\r\nHost: " + web + "\x00" + pwn,
	} {
		answer := w.raw(lines + "\r\nX-Whaley-Ticket: " + token + "\r\nConnection: close\r\n\r\n")
		if strings.Contains(answer, "container") {
			t.Errorf("%s: %.300s", what, answer)
		}
	}
	for _, name := range []string{strings.ToUpper(web), web + ":8080", web + "."} {
		if got := w.get(name, "/", wire.TicketHeader, token); got.Status != 200 {
			t.Errorf("the same host as %s: %d", name, got.Status)
		}
	}
	got := w.get(
		web, "/", wire.TicketHeader, token, "X-Forwarded-For", "6.6.6.6", "X-Forwarded-Host", "evil.example",
		"X-Forwarded-Proto", "gopher", "X-Forwarded-Port", "1", "X-Real-Ip", "6.6.6.6", "Forwarded", "for=6.6.6.6",
	)
	if got.Status != 200 || strings.Contains(got.Body, "evil.example") ||
		strings.Contains(got.Body, "X-Forwarded-For: 6.6.6.6") || strings.Contains(got.Body, "gopher") {
		t.Errorf("%s", got.Body)
	}
}

func smuggling(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	const hidden = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	begin := "POST /first HTTP/1.1\r\nHost: " + web + "\r\nConnection: close\r\n"
	for what, request := range map[string]string{
		"length and chunks": begin +
			fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", len(hidden)+5, hidden),
		"two lengths": begin +
			fmt.Sprintf("Content-Length: 0\r\nContent-Length: %d\r\n\r\n%s", len(hidden), hidden),
		"an unknown encoding": begin + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
		"two encodings": begin + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" +
			hidden,
		"a space before the colon":  begin + "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden,
		"a tab in the value":        begin + "Transfer-Encoding: \tchunked\x0b\r\n\r\n0\r\n\r\n" + hidden,
		"a signed length":           begin + fmt.Sprintf("Content-Length: +%d\r\n\r\n%s", len(hidden), hidden),
		"a line that goes on":       begin + "X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n" + hidden,
		"a chunk with a wrong size": begin + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + hidden,
		"a bare line feed":          begin + "X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n" + hidden,
		"a query with a line break": "POST /first?a=%0d%0a%0d%0aGET%20/smuggled HTTP/1.1\r\nHost: " + web +
			"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		"a header with a request": begin + "X-A: b\rGET /smuggled HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"an old protocol upgrade": "GET /first HTTP/1.1\r\nHost: " + web +
			"\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n" +
			hidden,
	} {
		w.raw(request)
		if w.asked(" /smuggled") {
			t.Errorf("%s: the container was asked %q", what, w.seen)
		}
	}
}

func malformedCookies(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	good := w.ticket(web)
	for _, cookie := range []string{
		"whaley", "whaley=", "=whaley", ";;;whaley=;", "whaley=\"", "whaley=\"" + good, "whaley=" + good + good, "whaley=%00",
		"whaley=.", "whaley=..", "whaley=" + strings.Repeat(".", 2000),
		"whaley=" + strings.Repeat("A", 30000), strings.Repeat("a=b; ", 5000) + "whaley=x",
		"whaley=" + strings.ReplaceAll(good, ".", "%2e"), "whaley[]=" + good, "Whaley=" + good,
		"whaley=" + good[:len(good)/2] + " " + good[len(good)/2:], "whaley=" + good + "\xff",
	} {
		if got := w.get(web, "/", "Cookie", cookie); got.Status != 401 {
			t.Errorf("%.60q: %d %.200s", cookie, got.Status, got.Body)
		}
	}
	answer := w.raw("GET / HTTP/1.1\r\nHost: " + web + "\r\nCookie: whaley=" + strings.Repeat("A", 2<<20) +
		"\r\nConnection: close\r\n\r\n")
	if strings.Contains(answer, "container") {
		t.Errorf("two megabytes: %.200s", answer)
	}
	if got := w.get(web, "/", wire.TicketHeader, good); got.Status != 200 {
		t.Errorf("and then the good one: %d", got.Status)
	}
}

func brokenAnswers(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	for what, answer := range map[string]string{
		"no HTTP": "hello", "nothing": "", "a status of letters": "HTTP/1.1 abc OK\r\n\r\n",
		"two lengths":             "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"a header without a name": "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
		"too much":                "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 12<<20) + "\r\n\r\n",
	} {
		w.hostile = func(rw http.ResponseWriter, _ *http.Request) {
			conn, _, err := rw.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, answer)
		}
		if got := w.get(web, "/"); got.Status != 502 || got.problem(t).Code != "no_answer" ||
			strings.Contains(got.Body, w.container.URL) {
			t.Errorf("%s: %d %.200s", what, got.Status, got.Body)
		}
	}
	w.hostile = nil
	if got := w.get(web, "/"); got.Status != 200 {
		t.Errorf("and then a good one: %d", got.Status)
	}
}

func linked(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	token := w.ticket(web)
	for _, header := range [][]string{
		{}, {wire.TicketHeader, token}, {"Cookie", "whaley=" + token + "; whaley_nonce=nonce-nonce-nonce-1"},
	} {
		got := w.get(web, "/", header...)
		if got.Status != 200 || strings.Contains(got.Body, owner) || strings.Contains(got.Body, token) ||
			strings.Contains(got.Body, "nonce") {
			t.Errorf("%q: %d %s", header, got.Status, got.Body)
		}
	}
}

// raw sends bytes that no client would and returns what comes back.
func (w *world) raw(request string) string { return w.rawTo(w.front.Listener.Addr().String(), request) }

func (w *world) rawTo(address, request string) string {
	w.t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	go io.WriteString(conn, request)
	text, _ := io.ReadAll(bufio.NewReader(conn))
	return string(text)
}
