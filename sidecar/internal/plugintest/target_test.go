package plugintest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// targets are what becomes of the request line, behind a server that hands it on as it came and behind one that tidies
// it up as Traefik does.
var targets = map[string]func(t *testing.T, w *world){
	"TheTargetArrivesAsItWasSent":      asSent,
	"NoTargetIsTwoLines":               twoLines,
	"OurPathsAreOursHoweverWritten":    reservedPaths,
	"NobodyIsConnectedToSomewhereElse": connect,
}

func TestTargetsCompiled(t *testing.T)    { attack(t, compiled, targets) }
func TestTargetsInterpreted(t *testing.T) { attack(t, interpreted(t), targets) }

// hiding is a ResponseWriter around another one that does not say what it wraps.
type hiding struct {
	http.Flusher
	http.Hijacker
	rw http.ResponseWriter
}

func (h *hiding) Header() http.Header         { return h.rw.Header() }
func (h *hiding) Write(b []byte) (int, error) { return h.rw.Write(b) }
func (h *hiding) WriteHeader(status int)      { h.rw.WriteHeader(status) }

// tidied does to a request what Traefik does before any middleware sees it.
func tidied(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawPath != "" {
			r2 := *r
			r2.URL = &url.URL{
				Path: r.URL.Path, RawPath: strings.NewReplacer("%2e", ".", "%41", "A", "%2f", "%2F").Replace(r.URL.RawPath),
				RawQuery: r.URL.RawQuery,
			}
			r2.RequestURI = r2.URL.RequestURI()
			r = &r2
		}
		http.AllowQuerySemicolons(next).ServeHTTP(&hiding{w.(http.Flusher), w.(http.Hijacker), &hiding{nil, nil, w}}, r)
	})
}

func asSent(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	direct, err := w.make(t, http.NotFoundHandler(), settings{backend: w.container.URL})
	if err != nil {
		t.Fatal(err)
	}
	for name, handler := range map[string]http.Handler{
		"as it came": w.front.Config.Handler, "tidied": tidied(w.front.Config.Handler), "direct": direct,
		"direct, tidied": tidied(direct),
	} {
		front := httptest.NewServer(handler)
		for _, target := range []string{
			"/", "/a/../b//c/.", "//x", "//a|b", "//%41\xff?|", "///\\", "/%2e%2e/%41", "/%2f%2F", "/a|b\\\"<>^`{}",
			"/\xff\xc3\xa9", "/?a=1;b=%zz&&%2e", "/%2e?;", "/?", "/??", "/a?b#c", "http://" + web + "/%41|;?x", "http://" + web,
			"/;/a;b", "/whaley", "/.well-known/x", "/%2e%2e/" + strings.Repeat("%2f", 5000), "/a%20b%00",
		} {
			for range 2 { // what repeats takes a shorter way
				w.saw()
				answer := w.rawTo(
					front.Listener.Addr().String(), "GET "+target+" HTTP/1.1\r\nHost: "+web+"\r\nConnection: close\r\n\r\n",
				)
				if seen := w.saw(); fmt.Sprint(seen) != fmt.Sprint([]string{"GET " + target}) {
					t.Errorf("%s: %.60q arrived as %.200q: %.100s", name, target, seen, answer)
				}
			}
		}
		front.Close()
	}
}

// saw is what the container was asked for since it was last asked for this.
func (w *world) saw() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

// twoLines is what HTTP/2 lets through, whose targets are no lines.
func twoLines(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	for _, target := range []string{"/a b", "/a HTTP/1.1", "/?a b", "/a#b", "/a#"} {
		r := httptest.NewRequest("GET", "/", nil)
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		r.Host, r.URL, r.RequestURI = web, u, target
		answer := httptest.NewRecorder()
		w.front.Config.Handler.ServeHTTP(answer, r)
		if seen := w.saw(); answer.Code != http.StatusBadRequest || len(seen) > 0 {
			t.Errorf("%q: %d, the container saw %q", target, answer.Code, seen)
		}
	}
}

func reservedPaths(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	direct, err := w.make(t, http.NotFoundHandler(), settings{backend: w.container.URL})
	if err != nil {
		t.Fatal(err)
	}
	for name, handler := range map[string]http.Handler{
		"at once": w.front.Config.Handler, "direct": direct, "direct, tidied": tidied(direct),
	} {
		front := httptest.NewServer(handler)
		for _, target := range []string{
			"/.well-known/whaley/x", "/.well-known/whaley", "//.well-known/whaley/x", "/.well-known//whaley/x",
			"/a/../.well-known/whaley/x", "/%2ewell-known/%77haley/x", "/.well-known%2fwhaley%2fx",
			"/.well-known/whaley/../../x", "/.well-known/./whaley/x", "http://" + web + "/.well-known/whaley/x",
			"/a/%2e%2e%2f.well-known/whaley/x", "/../.well-known/whaley/x",
		} {
			w.saw()
			answer := w.rawTo(
				front.Listener.Addr().String(), "GET "+target+" HTTP/1.1\r\nHost: "+web+"\r\nConnection: close\r\n\r\n",
			)
			if seen := w.saw(); len(seen) > 0 || !strings.HasPrefix(answer, "HTTP/1.1 401 ") {
				t.Errorf("%s: %q arrived as %q: %.100s", name, target, seen, answer)
			}
		}
		front.Close()
	}
}

func connect(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	direct, err := w.make(t, http.NotFoundHandler(), settings{backend: w.container.URL})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(direct)
	defer front.Close()
	for range 3 { // from now on what says the same of itself is ready
		if got := w.get(web, "/"); got.Status != http.StatusOK {
			t.Fatal(got.Status, got.Body)
		}
	}
	w.saw()
	for _, line := range []string{"CONNECT " + web + ":80", "CONNECT /x"} {
		for _, address := range []string{w.front.Listener.Addr().String(), front.Listener.Addr().String()} {
			answer := w.rawTo(address, line+" HTTP/1.1\r\nHost: "+web+"\r\n\r\nwhat ends the connection\r\n\r\n")
			if seen := w.saw(); len(seen) > 0 || strings.HasPrefix(answer, "HTTP/1.1 2") {
				t.Errorf("%s: %q %.100s", line, seen, answer)
			}
		}
	}
}
