package plugintest

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/shared/wire"
)

// claims are what requests say of who they are from.
var claims = map[string]func(t *testing.T, w *world){
	"NoClaimOfAPlayersReachesAContainer":     identityHeaders,
	"NeitherDoesOneBehindABody":              claimingTrailers,
	"TheRightTicketIsFoundAmongFakes":        fakeTickets,
	"ForgeriesAreCheckedFewAtATime":          manyForgeries,
	"OnlyOurCookiesAreTakenOff":              otherCookies,
	"ARequestOfEndlessHeadersIsRefused":      endlessHeaders,
	"AConnectionThatIsHeldHoldsUpNobodyElse": heldConnections,
	"AForgeryDoesNotMakeThePluginAskForKeys": sameForgery,
}

// These wait for half a minute, which is how long a body may pause, and do nothing meanwhile.
func TestABodyThatStallsIsToldSoCompiled(t *testing.T) {
	t.Parallel()
	stalledBodies(t, newWorld(t, compiled), newWorld(t, compiled))
}

func TestABodyThatStallsIsToldSoInterpreted(t *testing.T) {
	t.Parallel()
	stalledBodies(t, newWorld(t, interpreted(t)), newWorld(t, interpreted(t)))
}

// stalledBodies are requests of which the rest never comes, each in a world of its own: Yaegi fills in its types as it
// runs, without a lock.
func stalledBodies(t *testing.T, one, two *world) {
	var both sync.WaitGroup
	both.Go(func() { stalledBody(t, one, "Content-Length: 100") })
	both.Go(func() { stalledBody(t, two, "Transfer-Encoding: chunked") })
	both.Wait()
	if got := one.send("POST", web, "/", "whole"); !strings.HasPrefix(got.Body, "container POST / 5 ") {
		t.Errorf("and then a whole one: %d %s", got.Status, got.Body)
	}
}

func stalledBody(t *testing.T, w *world, head string) {
	w.on(wire.PathWake, w.running("link"))
	impatient := httptest.NewUnstartedServer(w.front.Config.Handler)
	impatient.Config.ReadTimeout = 2 * time.Second // of the entry point, which the plugin knows better
	impatient.Start()
	defer impatient.Close()
	conn, err := net.Dial("tcp", impatient.Listener.Addr().String())
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n1\r\n{\r\n", web, head)
	text, _ := io.ReadAll(conn)
	got := string(text)
	if !strings.HasPrefix(got, "HTTP/1.1 408 ") || !strings.Contains(got, "body_too_slow") ||
		!strings.Contains(got, "Connection: close") {
		t.Errorf("%s: %s", head, got)
	}
}

func TestClaimsCompiled(t *testing.T)    { attack(t, compiled, claims) }
func TestClaimsInterpreted(t *testing.T) { attack(t, interpreted(t), claims) }

// claiming are headers as they are in use, each of which some server believes.
var claiming = strings.Fields(
	`X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Server X-Forwarded-By
	X-Forwarded-Prefix X-Forwarded-Scheme X-Forwarded-Ssl X-Forwarded-User X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Tls-Client-Cert
	X-Forwarded X-Forwarded-Client-Cert Forwarded Forwarded-For Forwarded-For-Ip X-Original-Forwarded-For X-Vercel-Forwarded-For
	X-Real-Ip X-Client-Ip Client-Ip X-Cluster-Client-Ip True-Client-Ip X-True-Ip Cf-Connecting-Ip Cf-Connecting-Ipv6 Cf-Pseudo-Ipv4 Fastly-Client-Ip
	Fly-Client-Ip X-Originating-Ip X-Remote-Ip X-Remote-Addr X-Remote-Address X-Azure-Clientip X-Azure-Socketip X-Appengine-User-Ip
	X-Nf-Client-Connection-Ip X-Envoy-External-Address Wl-Proxy-Client-Ip Proxy-Client-Ip X-Proxyuser-Ip Ali-Cdn-Real-Ip Cdn-Src-Ip
	X-Custom-Ip-Authorization X-Original-Host Remote-User X-Remote-User Remote-Email Remote-Groups X-Auth-Request-User X-Auth-Request-Email
	X-Authenticated-User X-Webauth-User X-Ms-Client-Principal-Name X-Goog-Iap-Jwt-Assertion X-Amzn-Oidc-Identity Cf-Access-Authenticated-User-Email
	Tailscale-User-Login X-Ssl-Client-Verify Ssl-Client-Cert X-Ssl-Client-S-Dn X-Client-Cert X-Admin-Key X-Whaley-Owner X-Whaley-Ticket X-Whaley-New`,
)

// honest are headers that challenges and browsers use, of which none says who asks.
var honest = strings.Fields(
	`X-Own X-Api-Key X-Csrf-Token X-Requested-With X-Http-Method-Override X-Original-Url X-Rewrite-Url X-Description X-Zip
	X-Shipping Accept-Language Authorization Sec-Gpc X-User-Agent X-Clip Priority Referer Origin If-None-Match X-Flag X-Role X-Host Skip-Auth`,
)

func identityHeaders(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	w.on(wire.PathWake, w.running("link"))
	random := rand.New(rand.NewPCG(rand.Uint64(), 1))
	for range 4 { // decided anew at first, then ready
		var header []string
		for _, name := range claiming {
			if name == wire.TicketHeader {
				continue // a bad one is refused
			}
			spelt := []rune(name)
			for n, letter := range spelt {
				switch {
				case letter == '-' && random.IntN(3) == 0:
					spelt[n] = '_'
				case random.IntN(2) == 0:
					spelt[n] = []rune(strings.ToUpper(string(letter)))[0]
				}
			}
			header = append(header, string(spelt), "tossed")
		}
		for _, name := range honest {
			header = append(header, name, "kept")
		}
		got := w.get(web, "/", header...)
		if got.Status != http.StatusOK {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		for line := range strings.Lines(got.Body) {
			if strings.Contains(line, "tossed") {
				t.Errorf("a container is told %s", line)
			}
		}
		for _, name := range honest {
			if !strings.Contains(got.Body, name+": kept") {
				t.Errorf("a container is not told %s:\n%s", name, got.Body)
			}
		}
		for _, want := range []string{
			"X-Forwarded-For: 127.0.0.1\r\n", "X-Forwarded-Host: " + web + "\r\n", "X-Forwarded-Proto: http\r\n",
		} {
			if strings.Count(got.Body, want) != 1 {
				t.Errorf("%q is not there once:\n%s", want, got.Body)
			}
		}
	}
}

// claimingTrailers sends behind a body what it may not send before it.
func claimingTrailers(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	w.hostile = func(rw http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(rw, "%d bytes\n", n)
		r.Header.Write(rw)
		r.Trailer.Write(rw)
	}
	for _, announced := range []string{"X-Own", "X-Own, X-Forwarded-For, X-Whaley-Owner", "X-Own, X-Real-Ip, Cookie"} {
		got := w.raw("POST / HTTP/1.1\r\nHost: " + web +
			"\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: " + announced + "\r\n\r\n" +
			"5\r\nwhole\r\n0\r\nX-Own: kept\r\nX-Forwarded-For: tossed\r\nX-Real-Ip: tossed\r\nX-Whaley-Owner: tossed\r\nCookie: whaley=tossed\r\nX-Admin-Key: tossed\r\n\r\n")
		if strings.Contains(got, "tossed") || !strings.Contains(got, "X-Own: kept") || !strings.Contains(got, "5 bytes") {
			t.Errorf("with %s announced:\n%s", announced, got)
		}
	}
}

// fakes are cookies of the ticket's name that are none: what other instances, or other tabs of theirs, can set.
func fakes(t *testing.T, w *world, random *rand.Rand, count int) []string {
	t.Helper()
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	good := w.ticket(web)
	var all []string
	for n := range count {
		var fake string
		switch random.IntN(7) {
		case 0:
			fake = strings.Repeat("x", random.IntN(300))
		case 1:
			fake = w.ticket(pwn)
		case 2:
			fake = good[:random.IntN(len(good))]
		case 3:
			fake = good + "A"
		case 4:
			fake = ""
		case 5:
			fake = strings.Repeat(".", random.IntN(300))
		case 6:
			if n > 12 {
				continue // whoever knows the very host can make some that have to be checked
			}
			fake, err = ticket.Sign(
				other, ticket.Claims{Host: web, Owner: fmt.Sprint(n), Expires: time.Now().Add(time.Hour).Unix()},
			)
			if err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, "whaley="+fake)
	}
	return all
}

func fakeTickets(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	for _, count := range []int{1, 5, 12, 60, 180, 400} {
		cookies := fakes(t, w, random, count)
		at := random.IntN(len(cookies) + 1)
		if count == 5 {
			at = len(cookies) // all of them before it
		}
		cookies = append(cookies[:at:at], append([]string{"own=1", "whaley=" + w.ticket(web)}, cookies[at:]...)...)
		got := w.get(web, "/", "Cookie", strings.Join(cookies, "; "))
		if got.Status != http.StatusOK || !strings.Contains(got.Body, "Cookie: own=1\r\n") {
			t.Errorf("%d fakes (seed %d): %d %.300s", count, seed, got.Status, got.Body)
		}
	}
}

// manyForgeries are all for this very host: too many to be checked at once, none of which is checked twice.
func manyForgeries(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	var cookies []string
	for n := range 100 {
		fake, err := ticket.Sign(
			other, ticket.Claims{Host: web, Owner: fmt.Sprint(n), Expires: time.Now().Add(time.Hour).Unix()},
		)
		if err != nil {
			t.Fatal(err)
		}
		cookies = append(cookies, "whaley="+fake)
	}
	line := strings.Join(append(cookies, "whaley="+w.ticket(web)), "; ")
	tries := 1
	for ; w.get(web, "/", "Cookie", line).Status != http.StatusOK; tries++ {
		if tries > 20 {
			t.Fatal("the right one is never found")
		}
	}
	if tries < 3 {
		t.Errorf("a hundred forgeries were checked in %d requests", tries)
	}
	// One that is known to be good is found at once, whatever else there is.
	for n := range cookies {
		cookies[n] += "x"
	}
	if got := w.get(web, "/", "Cookie", strings.Join(cookies, "; ")+"; whaley="+w.ticket(web)); got.Status != http.StatusOK {
		t.Errorf("one that was checked before: %d", got.Status)
	}
}

func otherCookies(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	for given, want := range map[string]string{
		"a=1;b=2;  c = 3 ;d":                         "a=1;b=2;  c = 3 ;d", // as it was sent
		"a=\"x;y\"; whaleyx=1; xwhaley=2; whaley2=3": "a=\"x;y\"; whaleyx=1; xwhaley=2; whaley2=3",
		"whaley=t":                     "",
		"whaley=t; a=1":                "a=1",
		"a=1; whaley=t":                "a=1",
		"a=1;WHALEY = t;b=2":           "a=1;b=2",
		"a=1; __Host-whaley=t=u ; b=2": "a=1; b=2",
		"__host-WHALEY_NONCE=t;whaley_nonce=u;whaley=v;a=1": "a=1",
		";;whaley=t;;a=1": "a=1",
		"a=whaley=t":      "a=whaley=t",
	} {
		got := w.get(web, "/", "Cookie", given)
		_, line, there := strings.Cut(got.Body, "\nCookie: ")
		line, _, _ = strings.Cut(line, "\r\n")
		if line != want || there != (want != "") {
			t.Errorf("%q becomes %q, want %q", given, line, want)
		}
	}
}

// endlessHeaders are more of everything than is looked at in an interpreted loop.
func endlessHeaders(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	var header []string
	for n := range 300 {
		header = append(header, fmt.Sprintf("X-%d", n), "x")
	}
	for range 2 {
		if got := w.get(web, "/", header...); got.Status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("300 headers: %d", got.Status)
		}
	}
	if got := w.get(web, "/", header[:400]...); got.Status != http.StatusOK {
		t.Errorf("200 headers: %d", got.Status)
	}
	if got := w.get(web, "/", "X"+strings.Repeat("-a", 10_000), "x", "Cookie", strings.Repeat("a;", 10_000)+"whaley=x"); got.Status != http.StatusOK {
		t.Errorf("a name of many words: %d", got.Status)
	}
}

// heldConnections holds all that one container is granted; another one's players notice nothing.
func heldConnections(t *testing.T, w *world) {
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		s := w.running("link")(q)
		if q.Host == pwn {
			s.Backend = w.second.URL
		}
		return s
	})
	w.unreachedOnce(t)
	w.brokenOnce(t)
	// A few requests before many: Yaegi fills in its types when a line is first run, and guards that with no lock. The
	// first is decided, those after it are ready, and some find a buffer that was used before.
	for range 20 {
		if got := w.get(web, "/"); got.Status != http.StatusOK {
			t.Fatalf("one of the first: %d", got.Status)
		}
	}
	const held = 140
	arrived := make(chan struct{}, held)
	release := make(chan struct{})
	w.hostile = func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}
	done := make(chan int, held)
	for range held {
		go func() { done <- w.get(web, "/").Status }()
	}
	for range 128 {
		<-arrived
	}
	if got := w.get(pwn, "/"); got.Body != "second" {
		t.Errorf("another container: %d %s", got.Status, got.Body)
	}
	if len(arrived) > 0 {
		t.Errorf("%d more than 128 connections", len(arrived))
	}
	close(release)
	for range held {
		if status := <-done; status != http.StatusOK {
			t.Errorf("one that waited for its turn: %d", status)
		}
	}
}

// sameForgery shows one ticket that no known key has signed, again and again.
func sameForgery(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("owner"))
	if got := w.get(web, "/", wire.TicketHeader, w.ticket(web)); got.Status != http.StatusOK {
		t.Fatalf("%d", got.Status)
	}
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	fake, err := ticket.Sign(other, ticket.Claims{Host: web, Owner: owner, Expires: time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	before := w.called(wire.PathKeys)
	for range 20 {
		if got := w.get(web, "/", wire.TicketHeader, fake); got.Status != http.StatusUnauthorized {
			t.Fatalf("%d", got.Status)
		}
	}
	if asked := w.called(wire.PathKeys) - before; asked > 3 {
		t.Errorf("the keys were asked for %d times because of one forgery", asked)
	}
}
