package standby_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/standby"
)

const key = "a key of one takeover"

// waiting is a sidecar that stands by.
type waiting struct {
	*standby.Standby
	url string
	end context.CancelFunc
}

func newStandby(t *testing.T, hold time.Duration) waiting {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	s := standby.New(ctx, standby.Options{
		Refuse: api.Standby, Own: api.AboutProcess, Log: slog.New(slog.DiscardHandler), Hold: hold,
	})
	server := httptest.NewServer(s)
	t.Cleanup(func() { end(); s.Close(); server.Close() })
	return waiting{Standby: s, url: server.URL, end: end}
}

// newActive is a sidecar that standbys pass requests on to.
func newActive(t *testing.T, key string, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(standby.Receive(key, answer, api.Standby(standby.Err)))
	t.Cleanup(server.Close)
	return server
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	text   string
}

func send(t *testing.T, method, url, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n+1 < len(header); n += 2 {
		if header[n] == "Host" {
			r.Host = header[n+1]
		}
		r.Header.Add(header[n], header[n+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func (a answer) wantRefused(t *testing.T, says string) {
	t.Helper()
	var p wire.Problem
	if err := json.Unmarshal([]byte(a.text), &p); err != nil || a.status != http.StatusServiceUnavailable ||
		p.Code != wire.CodeStandby || !strings.Contains(p.Detail, says) || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %v %q %v instead of a refusal with %q", a.status, a.header, a.text, err, says)
	}
}

func TestTheActiveOneSeesARequestAsTheStandbyDid(t *testing.T) {
	type seen struct {
		Method, Target, Host, Body string
		Header                     http.Header
		FromSelf                   bool
	}
	active := newActive(t, key, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		from, _, _ := net.SplitHostPort(r.RemoteAddr)
		r.Header.Del("User-Agent")
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(http.StatusTeapot)
		_ = json.NewEncoder(w).Encode(seen{
			r.Method, r.RequestURI, r.Host, string(body), r.Header, from == "127.0.0.1" && r.RemoteAddr != "",
		})
	})
	s := newStandby(t, time.Minute)
	s.Follow(standby.Active{URL: active.URL, Key: key})
	for name, c := range map[string]struct{ method, target, body string }{
		"a page":             {"GET", "/?a=1;b=%zz", ""},
		"a path as it is":    {"GET", "/challenges/a%2Fb//c", ""},
		"what changes":       {"POST", "/instances/spawn", `{"challenge_id":"web"}`},
		"a deletion":         {"DELETE", "/instances/web-1", ""},
		"more than is small": {"PUT", "/admin/api/challenges/web/files/a", strings.Repeat("0123456789", 20_000)},
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, c.method, s.url+c.target, c.body, "Host", "whaley.example.org", "Cookie", "whaley_session=abc",
				"Authorization", "Bearer token", "X-Forwarded-For", "203.0.113.9, 198.51.100.7", "X-Forwarded-Proto", "https",
				"Forwarded", "for=203.0.113.9", "X-Whaley-Standby-From", "192.0.2.1:1", "Accept-Encoding", "br",
				"Connection", "X-Forwarded-For, X-Whaley-Standby")
			var sees seen
			if err := json.Unmarshal([]byte(got.text), &sees); err != nil {
				t.Fatalf("%v: %d %s", err, got.status, got.text)
			}
			want := seen{c.method, c.target, "whaley.example.org", c.body, http.Header{
				"Cookie": {"whaley_session=abc"}, "Authorization": {"Bearer token"}, "Accept-Encoding": {"br"},
				"X-Forwarded-For": {"203.0.113.9, 198.51.100.7"}, "X-Forwarded-Proto": {"https"}, "Forwarded": {"for=203.0.113.9"},
			}, true}
			if c.body != "" || c.method == "PUT" {
				want.Header.Set("Content-Length", fmt.Sprint(len(c.body)))
			}
			sees.Header.Del("Host")
			if d := cmp.Diff(want, sees); d != "" {
				t.Error(d)
			}
			if got.status != http.StatusTeapot || len(got.header["Set-Cookie"]) != 2 {
				t.Errorf("%d %v", got.status, got.header)
			}
		})
	}
}

func TestTheAddressOfAPlayerIsTheOneThatTheStandbySaw(t *testing.T) {
	saw := make(chan string, 2)
	active := newActive(t, key, func(_ http.ResponseWriter, r *http.Request) { saw <- r.RemoteAddr })
	s := newStandby(t, time.Minute)
	s.Follow(standby.Active{URL: active.URL, Key: key})
	player := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 77)}}).DialContext,
	}}
	resp, err := player.Get(s.url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if from := <-saw; !strings.HasPrefix(from, "127.0.0.77:") {
		t.Errorf("the active one saw %s", from)
	}
}

func TestEventsAndUploadsFlow(t *testing.T) {
	goOn := make(chan struct{})
	active := newActive(t, key, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: first\n\n")
			w.(http.Flusher).Flush()
			<-goOn
			fmt.Fprint(w, "data: last\n\n")
			return
		}
		first := make([]byte, 1)
		_, _ = io.ReadFull(r.Body, first)
		goOn <- struct{}{}
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n+1)
	})
	s := newStandby(t, time.Minute)
	s.Follow(standby.Active{URL: active.URL, Key: key})
	resp, err := http.Get(s.url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); line != "data: first\n" || err != nil {
		t.Errorf("%q %v", line, err)
	}
	goOn <- struct{}{}
	if rest, err := io.ReadAll(lines); string(rest) != "\ndata: last\n\n" || err != nil {
		t.Errorf("%q %v", rest, err)
	}
	body, upload := io.Pipe()
	go func() {
		_, _ = upload.Write([]byte("a"))
		<-goOn // the active one has it, though the rest is still to come
		_, _ = upload.Write(make([]byte, 1<<20))
		upload.Close()
	}()
	resp, err = http.Post(s.url+"/admin/api/challenges/upload", "application/zip", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); string(text) != fmt.Sprint(1<<20+1) || err != nil {
		t.Errorf("%q %v", text, err)
	}
}

// TestWhatIsHeldIsAnsweredByWhicheverBecomesActive begins while none is.
func TestWhatIsHeldIsAnsweredByWhicheverBecomesActive(t *testing.T) {
	echo := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprint(w, name, len(body), r.Header.Get("X-Forwarded-For"))
		}
	}
	for _, size := range []int{10, 200_000} {
		for name, become := range map[string]func(t *testing.T, s waiting){
			"another": func(t *testing.T, s waiting) {
				s.Follow(standby.Active{URL: newActive(t, key, echo("another")).URL, Key: key})
			},
			"itself": func(_ *testing.T, s waiting) { s.Serve(key, echo("itself")) },
		} {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				gone := httptest.NewServer(nil)
				gone.Close()
				s := newStandby(t, time.Minute)
				s.Follow(standby.Active{URL: gone.URL, Key: key})
				got := make(chan answer)
				go func() { got <- send(t, "POST", s.url, strings.Repeat("x", size), "X-Forwarded-For", "1.2.3.4") }()
				select {
				case early := <-got:
					t.Fatalf("answered while none is active: %d %s", early.status, early.text)
				case <-time.After(50 * time.Millisecond): // likely held by now; if not, the test is easier
				}
				become(t, s)
				if a := <-got; a.text != fmt.Sprint(name, size, "1.2.3.4") {
					t.Errorf("%d %q", a.status, a.text)
				}
			})
		}
	}
}

func TestNothingIsPassedOnTwice(t *testing.T) {
	one, two := newStandby(t, 300*time.Millisecond), newStandby(t, 300*time.Millisecond)
	one.Follow(standby.Active{URL: two.url, Key: key})
	two.Follow(standby.Active{URL: one.url, Key: key})
	send(t, "GET", one.url, "").wantRefused(t, "No sidecar is active")
	itself := newStandby(t, 300*time.Millisecond)
	itself.Follow(standby.Active{URL: itself.url, Key: key})
	send(t, "POST", itself.url, "x").wantRefused(t, "No sidecar is active")
}

func TestOnlyTheKeyIsBelieved(t *testing.T) {
	s := newStandby(t, time.Minute)
	s.Serve(key, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr) }))
	send(t, "GET", s.url, "", "X-Whaley-Standby", "guessed", "X-Whaley-Standby-From", "203.0.113.9:1").wantRefused(t, "")
	if got := send(t, "GET", s.url, "", "X-Whaley-Standby-From", "203.0.113.9:1"); strings.HasPrefix(got.text, "203.") {
		t.Errorf("a stranger is %s", got.text)
	}
	if got := send(t, "GET", s.url, "", "X-Whaley-Standby", key, "X-Whaley-Standby-From", "203.0.113.9:1"); got.text != "203.0.113.9:1" {
		t.Errorf("a player of the standby is %d %s", got.status, got.text)
	}
	without := newStandby(t, time.Minute)
	without.Serve("", http.NotFoundHandler())
	send(t, "GET", without.url, "", "X-Whaley-Standby", "").wantNotFound(t)
}

func (a answer) wantNotFound(t *testing.T) {
	t.Helper()
	if a.status != http.StatusNotFound {
		t.Errorf("%d %s", a.status, a.text)
	}
}

// TestWhatMayHaveTakenEffectIsNotSentAgain has the active one end in the middle of a request.
func TestWhatMayHaveTakenEffectIsNotSentAgain(t *testing.T) {
	var asked atomic.Int32
	dying := func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		panic(http.ErrAbortHandler)
	}
	lives := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "answered") }
	for _, method := range []string{"POST", "DELETE", "PUT", "GET"} {
		t.Run(method, func(t *testing.T) {
			asked.Store(0)
			s := newStandby(t, time.Minute)
			next := newActive(t, key, lives)
			s.Follow(standby.Active{URL: newActive(t, key, func(w http.ResponseWriter, r *http.Request) {
				s.Follow(standby.Active{URL: next.URL, Key: key})
				dying(w, r)
			}).URL, Key: key})
			got := send(t, method, s.url, "")
			if method == "GET" {
				if got.text != "answered" {
					t.Errorf("%d %s", got.status, got.text)
				}
				return
			}
			got.wantRefused(t, "Look whether it took effect")
			if n := asked.Load(); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

func TestWhatWasRefusedForNotBeingActiveIsAskedOfTheNext(t *testing.T) {
	s := newStandby(t, time.Minute)
	next := newActive(t, "next key", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s", body)
	})
	refuses := api.Standby(standby.Err)
	first := newActive(t, key, func(w http.ResponseWriter, r *http.Request) {
		s.Follow(standby.Active{URL: next.URL, Key: "next key"})
		refuses.ServeHTTP(w, r)
	})
	s.Follow(standby.Active{URL: first.URL, Key: key})
	if got := send(t, "POST", s.url, "spawn"); got.text != "spawn" {
		t.Errorf("%d %s", got.status, got.text)
	}
}

// TestOneThatHangsKeepsNobody stops answering, as a process does that is stopped, until another has taken over.
func TestOneThatHangsKeepsNobody(t *testing.T) {
	s := newStandby(t, time.Minute)
	arrived, end := make(chan struct{}, 2), make(chan struct{})
	hangs := newActive(t, key, func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-end })
	defer close(end)
	s.Follow(standby.Active{URL: hangs.URL, Key: key})
	got := map[string]chan answer{"GET": make(chan answer), "POST": make(chan answer)}
	for method, c := range got {
		go func() { c <- send(t, method, s.url, "") }()
		<-arrived
	}
	s.Serve(key, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "answered") }))
	if a := <-got["GET"]; a.text != "answered" {
		t.Errorf("%d %s", a.status, a.text)
	}
	(<-got["POST"]).wantRefused(t, "Look whether it took effect")
}

func TestHealthIsTheStandbysOwnAndNothingIsHeldWhenItEnds(t *testing.T) {
	s := newStandby(t, time.Minute)
	s.Follow(standby.Active{URL: newActive(t, key, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "no") }).URL, Key: key})
	if got := send(t, "GET", s.url+"/health/ready", ""); got.status != http.StatusServiceUnavailable ||
		!strings.Contains(got.text, `"standby"`) {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := send(t, "GET", s.url+"/health/live", ""); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.text)
	}
	send(t, "GET", s.url+"/health/active", "").wantRefused(t, "")
	s.Follow(standby.Active{})
	got := make(chan answer)
	go func() { got <- send(t, "GET", s.url+"/challenges", "") }()
	s.end()
	(<-got).wantRefused(t, "No sidecar is active")
}
