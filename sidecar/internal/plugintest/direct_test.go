package plugintest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// direct is what the middleware of a route promises that knows its container's address and asks nobody anything.
var direct = map[string]func(t *testing.T, w *world){
	"NoClaimOfAPlayersReachesAContainer":     identityHeaders,
	"OnlyOurCookiesAreTakenOff":              otherCookies,
	"ARequestThatIsReadyAsksNobody":          asksNobody,
	"AContainerThatIsGoneIsLookedForAnew":    movedOn,
	"NoBodyIsLostWhereAContainerIsGone":      movedOnWithBody,
	"ARequestOfEndlessHeadersIsRefused":      endlessHeaders,
	"HeadersForOneHopEndHere":                oneHop,
	"ItIsNotServedBeforeTheOthersAreThere":   tooEarly,
	"WebsocketsOfOneAddressWaitForEachOther": websocketsAtOnce,
	"WebsocketsOfOneAddressHaveABound":       websocketsHaveABound,
	"LargeAnswersArriveWhole":                largeAnswers,
	"InterimAnswersAreFilteredAsAnswersAre":  interim,
}

func TestDirectCompiled(t *testing.T)    { attack(t, compiled, directly()) }
func TestDirectInterpreted(t *testing.T) { attack(t, interpreted(t), directly()) }

// directly adds what is promised of every container's answer, but for what many do at once.
func directly() map[string]func(t *testing.T, w *world) {
	all := maps.Clone(answers)
	delete(all, "ManyFloodsAtOnceCostLittle")
	delete(all, "WhoWaitsForAContainerWaitsForThemselves")
	maps.Copy(all, direct)
	for name, try := range all {
		all[name] = func(t *testing.T, w *world) {
			if name != "ItIsNotServedBeforeTheOthersAreThere" {
				w.goDirect()
			}
			try(t, w)
		}
	}
	return all
}

// goDirect lets all further requests take the way of a running instance's own router.
func (w *world) goDirect() { w.t.Helper(); w.goDirectTo("test", w.container.URL) }

func (w *world) goDirectTo(name, backend string) {
	w.t.Helper()
	middleware, err := w.make(w.t, http.NotFoundHandler(), settings{name: name, backend: backend})
	if err != nil {
		w.t.Fatal(err)
	}
	before := w.front
	w.t.Cleanup(before.Close)
	w.front = httptest.NewServer(middleware)
}

func asksNobody(t *testing.T, w *world) {
	w.down = true
	for _, path := range []string{"/", "/a?b=c", "/x;y?z;", "/%41", "//x/y"} {
		for _, header := range [][]string{
			nil, {"Cookie", "whaley=x; own=1"}, {"Connection", "keep-alive"}, {"X-Real-Ip", "10.1.1.1"},
		} {
			if got := w.get(web, path, header...); got.Status != http.StatusOK || !strings.Contains(got.Body, path) {
				t.Errorf("%s %q: %d %s", path, header, got.Status, got.Body)
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calls[wire.PathWake] > 0 {
		t.Errorf("the sidecar was asked: %v", w.calls)
	}
}

func movedOn(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	w.on(wire.PathWake, func(wire.HostRequest) wire.HostStatus {
		return wire.HostStatus{State: wire.StateRunning, Mine: true, Access: "link", Backend: w.second.URL, Version: "1"}
	})
	w.container.Close()
	for _, path := range []string{"/", "/a;b"} {
		if got := w.get(web, path); got.Body != "second" {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
}

// movedOnWithBody has a container that is not there any more, and a body: where the request goes then, all of it
// arrives.
func movedOnWithBody(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	counts := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(rw, n, err)
	}))
	t.Cleanup(counts.Close)
	w.on(wire.PathWake, func(wire.HostRequest) wire.HostStatus {
		return wire.HostStatus{State: wire.StateRunning, Mine: true, Access: "link", Backend: counts.URL, Version: "1"}
	})
	w.container.Close()
	body := strings.Repeat("body", 1<<16)
	want := fmt.Sprint(int64(len(body)), nil)
	for _, path := range []string{"/", "/a;b", "//x|y"} {
		if got := w.send("POST", web, path, body); got.Body != want {
			t.Errorf("%s: %d %.200s, not %s", path, got.Status, got.Body, want)
		}
	}
}

func oneHop(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	for _, named := range []string{"X-Own", "x-own, X-Forwarded-Host", "keep-alive, X-Own"} {
		got := w.get(web, "/", "Connection", named, "X-Own", "for one hop", "X-Other", "kept")
		if strings.Contains(got.Body, "for one hop") || !strings.Contains(got.Body, "X-Other: kept") ||
			!strings.Contains(got.Body, "X-Forwarded-Host: "+web) {
			t.Errorf("%s: %d %s", named, got.Status, got.Body)
		}
	}
}

// tooEarly is when Traefik has a route of the store, and not yet the file that says where the sidecar is.
func tooEarly(t *testing.T, w *world) {
	w.goDirect()
	if got := w.get("web.elsewhere."+base, "/?a;b"); got.Status != http.StatusServiceUnavailable ||
		got.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", got.Status, got.Header)
	}
}
