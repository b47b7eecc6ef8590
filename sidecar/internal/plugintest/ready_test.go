package plugintest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/shared/wire"
)

// repeated sends what a hostile player would, over and over: the plugin remembers what it decided the first time, and
// must not forget a thing.
func repeated(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	w.cookie = []string{"own=1", "whaley=x", "a=1; Domain=" + base}
	token := w.ticket(web)
	header := []string{
		"Cookie", "a=1; whaley=" + token, "Cookie", "whaley_nonce=y; b=2", "X-Whaley-Owner", "admin", "X-Whaley-Role",
		"admin", "X-Forwarded-For", "6.6.6.6", "X-Forwarded-Host", "evil", "X-Forwarded-Proto", "gopher", "Forwarded",
		"for=6.6.6.6", "X-Own", "kept",
	}
	first := w.get(web, "/a%2Fb/../c?q=%zz;x", header...)
	if first.Status != 200 || !strings.Contains(first.Body, "X-Own: kept") {
		t.Fatalf("%d %s", first.Status, first.Body)
	}
	for n := range 5 {
		got := w.get(web, "/a%2Fb/../c?q=%zz;x", header...)
		if got.Body != first.Body || strings.Join(got.Header["Set-Cookie"], "|") != "own=1" {
			t.Errorf("%d: %q\nfirst %q\nnow   %q", n, got.Header["Set-Cookie"], first.Body, got.Body)
		}
	}
	if n := w.called(wire.PathWake); n != 1 {
		t.Errorf("the sidecar was asked %d times", n)
	}
	// Headers for one hop only cannot take along what the plugin says.
	got := w.get(web, "/", append(header, "Connection", "X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto")...)
	for _, want := range []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: " + web, "X-Forwarded-Proto: http"} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("with headers for one hop, %q is missing:\n%s", want, got.Body)
		}
	}
	// Nobody gets by on what another was allowed.
	for what, other := range map[string][]string{
		"no ticket": {"Cookie", "a=1"}, "another's ticket": {"Cookie", "a=1; whaley=" + w.ticket(pwn)},
		"a bad one in the header": append(header, wire.TicketHeader, "bad"),
	} {
		if got := w.get(web, "/", other...); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d", what, got.Status)
		}
	}
	if got := w.get(pwn, "/", header...); got.Status != http.StatusUnauthorized {
		t.Errorf("on another host: %d", got.Status)
	}
	if got := w.get(web, wire.StatusPath, header...); strings.HasPrefix(got.Body, "container") {
		t.Errorf("a reserved path reached the container: %s", got.Body)
	}
	if got := w.send("POST", web, "/", "whole", header...); !strings.Contains(got.Body, "container POST / 5 ") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// readyAndGone lets a container go away under requests that repeat, and a ticket end.
func readyAndGone(t *testing.T, w *world) {
	var gone atomic.Bool
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		s := w.running("owner")(q)
		if !gone.Load() {
			s.Backend = w.second.URL
		}
		return s
	})
	header := []string{"Cookie", "a=1; whaley=" + w.ticket(web), "X-Forwarded-For", "6.6.6.6"}
	for range 3 {
		if got := w.get(web, "/", header...); got.Body != "second" {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	gone.Store(true)
	w.second.Close()
	got := w.get(web, "/", header...)
	if got.Status != 200 ||
		!strings.Contains(got.Body, "\nCookie: a=1\n") && !strings.Contains(got.Body, "Cookie: a=1\r\n") ||
		!strings.Contains(got.Body, "X-Forwarded-For: 127.0.0.1") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	short, err := ticket.Sign(
		signing, ticket.Claims{Host: web, Owner: owner, Player: owner, Expires: time.Now().Add(time.Second).Unix() + 1},
	)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; {
		got := w.get(web, "/", wire.TicketHeader, short)
		if got.Status == http.StatusUnauthorized {
			return
		}
		if got.Status != 200 || time.Now().After(deadline) {
			t.Fatalf("a ticket that ends: %d", got.Status)
		}
	}
}

// rememberedAndGone opens hosts that stopped a moment ago. What ran there last is remembered, refuses, and must be
// given up at once: of several tries the fastest counts, since a pause would be in all of them.
func rememberedAndGone(t *testing.T, w *world) {
	fastest := time.Hour
	for try := range 8 {
		host := fmt.Sprintf("web%d-abcdefghijklm.%s", try, base)
		header := []string{"Cookie", "whaley=" + w.ticket(host)}
		before := httptest.NewServer(http.NotFoundHandler())
		// a request on a connection that just ends would be for the container to answer
		before.Config.SetKeepAlivesEnabled(false)
		w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
			s := w.running("owner")(q)
			s.Backend = before.URL
			return s
		})
		if got := w.send("POST", host, "/", "once", header...); got.Status != http.StatusNotFound {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		before.Close()
		w.on(wire.PathWake, w.running("owner"))
		began := time.Now()
		if got := w.send("POST", host, "/", "again", header...); !strings.HasPrefix(got.Body, "container POST / 5 ") {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		fastest = min(fastest, time.Since(began))
	}
	if fastest > 100*time.Millisecond {
		t.Errorf("at best it took %v", fastest)
	}
}
