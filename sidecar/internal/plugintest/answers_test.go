package plugintest

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// answers are what a container may send back, whatever it sends. Inputs are made anew at each run.
var answers = map[string]func(t *testing.T, w *world){
	"AFloodOfHeadersIsABadGateway":             headerFloods,
	"ManyFloodsAtOnceCostLittle":               floodsAtOnce,
	"WhoWaitsForAContainerWaitsForThemselves":  unreachedAtOnce,
	"AnHonestAnswerWithManyHeadersPasses":      manyHeaders,
	"InterimAnswersAreFilteredAsAnswersAre":    interim,
	"InterimAnswersEnd":                        interimFlood,
	"TrailersAreFilteredAsHeadersAre":          filteredTrailers,
	"AStatusThatIsNoneIsABadGatewayAndNoPanic": statuses,
	"AnAnswerSaysNothingInOurName":             inOurName,
	"ManyCookiesCostLittle":                    manyCookies,
	"AnAnswerBeforeAllIsReadIsPassedOn":        answeredEarly,
}

func TestAnswersOfContainersCompiled(t *testing.T)    { attack(t, compiled, answers) }
func TestAnswersOfContainersInterpreted(t *testing.T) { attack(t, interpreted(t), answers) }

// send lets the container write exactly this, and end the connection.
func (w *world) sends(parts ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hostile = func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			w.t.Error(err)
			return
		}
		defer conn.Close()
		for _, part := range parts {
			if _, err := io.WriteString(conn, part); err != nil {
				return // it was read no further
			}
		}
	}
}

// refused holds what the player is told of such an answer, and that the next one is served.
func (w *world) refused(t *testing.T, what string) {
	t.Helper()
	if got := w.get(web, "/"); got.Status != http.StatusBadGateway || got.problem(t).Code != "no_answer" ||
		strings.Contains(got.Body, w.container.URL) {
		t.Errorf("%s: %d %.200s", what, got.Status, got.Body)
	}
}

const tokenBytes = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"

// flood is a head of about that many bytes: of lines as long as they please, names that repeat or do not.
func flood(random *rand.Rand, size int) string {
	var b strings.Builder
	names, length := 1+random.IntN(1<<(1+random.IntN(20))), 1+random.IntN(1<<random.IntN(12))
	for b.Len() < size {
		number := random.IntN(names)
		for ; number > 0; number /= len(tokenBytes) {
			b.WriteByte(tokenBytes[number%len(tokenBytes)])
		}
		b.WriteString("x:" + strings.Repeat("v", random.IntN(length)) + "\r\n")
	}
	return b.String()
}

func headerFloods(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	for range 12 {
		size := 70_000 + random.IntN(1<<(8+random.IntN(14)))
		text := flood(random, size)
		for what, head := range map[string]string{
			"an answer": "HTTP/1.1 200 OK\r\n", "an interim answer": "HTTP/1.1 103 Early Hints\r\n",
			"a switch": "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: x\r\n",
		} {
			w.sends(head, text, "\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			w.refused(t, fmt.Sprintf("%s with %d bytes of headers (seed %d)", what, size, seed))
		}
	}
	w.sends("HTTP/1.1 200 "+strings.Repeat("O", 70_000)+"\r\n", "\r\n")
	w.refused(t, "a long reason")
	w.hostile = nil
	testkit.Eventually(t, 30*time.Second, "a good answer comes through", func() error {
		if got := w.get(web, "/"); got.Status != http.StatusOK {
			return fmt.Errorf("%d", got.Status)
		}
		return nil
	})
}

// floodsAtOnce holds many unfinished heads open at once, each as expensive as may be.
func floodsAtOnce(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	var cheap bytes.Buffer // three bytes a line, no name twice
	for n := 0; cheap.Len() < 1<<20; n++ {
		fmt.Fprintf(&cheap, "%c%c%c:\n", tokenBytes[n%51], tokenBytes[n/51%51], tokenBytes[n/51/51%51])
	}
	w.sends("HTTP/1.1 200 OK\r\n", cheap.String())
	// First alone, because Yaegi fills in its types as it runs, without a lock: one is decided, another one repeats it,
	// and on a busy machine a container may not even be reached in time.
	w.unreachedOnce(t)
	w.refused(t, "one of the many")
	w.refused(t, "one that repeats")
	before := heap()
	most := before
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			if got := w.get(web, "/"); got.Status != http.StatusBadGateway {
				t.Errorf("%d", got.Status)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	for {
		select {
		case <-done:
			// 60 heads of a million lines were 20 GB; of the 64 KiB that are read of each, everything is garbage or less than 2
			// MB.
			if grown := most - before; grown > 60*4<<20 {
				t.Errorf("the heap grew by %d MB", grown>>20)
			}
			return
		default:
			most = max(most, heap())
		}
	}
}

// unreachedOnce goes alone through all that happens when no connection to a container comes about, and leaves things as
// they were.
func (w *world) unreachedOnce(t *testing.T) {
	t.Helper()
	before := w.script[wire.PathWake]
	gone := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "soon gone") }))
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		s := w.running("link")(q)
		s.Backend = gone.URL
		return s
	})
	for range 2 { // the second one repeats the first
		if got := w.get(web, "/"); got.Body != "soon gone" {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	gone.Close()
	w.refused(t, "one whose container is gone")
	w.on(wire.PathWake, before)
}

// brokenOnce goes alone through what happens when a container gives no answer that is one, as when a client goes away.
func (w *world) brokenOnce(t *testing.T) {
	t.Helper()
	before, hostile := w.script[wire.PathWake], w.hostile
	w.on(wire.PathWake, w.running("link"))
	w.sends("nonsense\r\n\r\n")
	for range 3 {
		if got := w.get("broken-abcdefghijklm."+base, "/"); got.Status != http.StatusBadGateway {
			t.Fatalf("one without an answer: %d %s", got.Status, got.Body)
		}
	}
	w.hostile = hostile
	w.on(wire.PathWake, before)
}

// unreachedAtOnce has many requests wait for a container at the same time, of which some are given up: the others go on
// waiting, each for itself.
func unreachedAtOnce(t *testing.T, w *world) {
	w.unreachedOnce(t)
	w.brokenOnce(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	backend := "http://" + l.Addr().String()
	l.Close()
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		s := w.running("link")(q)
		s.Backend = backend
		return s
	})
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() {
			if n%2 == 0 {
				w.refused(t, "one that waits")
				return
			}
			r, err := http.NewRequestWithContext(t.Context(), "GET", w.front.URL+"/", nil)
			if err != nil {
				t.Error(err)
				return
			}
			r.Host = web
			impatient := &http.Client{Timeout: time.Duration(n) * 10 * time.Millisecond}
			if resp, err := impatient.Do(r); err == nil {
				resp.Body.Close()
			}
		})
	}
	all.Wait()
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func manyHeaders(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	w.hostile = func(rw http.ResponseWriter, _ *http.Request) {
		for n := range 200 {
			rw.Header().Set(fmt.Sprintf("X-Own-%d", n), strings.Repeat("v", 200))
			rw.Header().Add("Set-Cookie", fmt.Sprintf("own%d=1", n))
		}
	}
	got := w.get(web, "/")
	if got.Status != http.StatusOK || len(got.Header["Set-Cookie"]) != 200 || got.Header.Get("X-Own-199") == "" {
		t.Errorf("%d, %d headers, %d cookies", got.Status, len(got.Header), len(got.Header["Set-Cookie"]))
	}
}

// forbidden are lines that must come through nowhere; allowed, those that must wherever headers do.
const (
	forbidden = "Set-Cookie: whaley=tossed\r\nSet-Cookie: a=tossed; Domain=" + base +
		"\r\nClear-Site-Data: \"cookies\"\r\nX-Whaley-Request: tossed\r\n"
	allowed = "Set-Cookie: own=kept\r\nX-Own: kept\r\n"
)

func interim(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	for _, status := range []string{"100 Continue", "102 Processing", "103 Early Hints", "199 Anything"} {
		// Also a second time, when such a request was decided before.
		for range 2 {
			w.sends(
				"HTTP/1.1 "+status+"\r\n"+forbidden+allowed+"Link: </a.css>\r\n\r\n", "HTTP/1.1 "+status+"\r\n"+forbidden+"\r\n",
				"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
			)
			got := w.raw("GET / HTTP/1.1\r\nHost: " + web + "\r\nConnection: close\r\n\r\n")
			if strings.Contains(got, "tossed") || strings.Contains(got, "Clear-Site-Data") {
				t.Errorf("%s brings what it must not:\n%s", status, got)
			}
			if !strings.HasPrefix(got, "HTTP/1.1 "+status[:3]) || !strings.Contains(got, "X-Own: kept") ||
				!strings.Contains(got, "own=kept") || !strings.Contains(got, "Link: </a.css>") || !strings.HasSuffix(got, "body") {
				t.Errorf("%s does not come through whole:\n%s", status, got)
			}
		}
	}
}

func interimFlood(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	const answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
	w.sends(strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", 20), answer)
	if got := w.get(web, "/"); got.Body != "body" {
		t.Errorf("twenty: %d %s", got.Status, got.Body)
	}
	w.sends(strings.Repeat("HTTP/1.1 102 Processing\r\nX: y\r\n\r\n", 20_000), answer)
	if got := w.raw("GET / HTTP/1.1\r\nHost: " + web + "\r\nConnection: close\r\n\r\n"); !strings.Contains(
		got, "HTTP/1.1 502",
	) ||
		strings.Count(got, " 102 ") > 100 {
		t.Errorf("twenty thousand: %d interim answers, then %.300s", strings.Count(got, " 102 "), got[max(0, len(got)-300):])
	}
}

func filteredTrailers(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	const body = "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n"
	for what, head := range map[string]string{
		"announced":       "Trailer: Set-Cookie, Clear-Site-Data, X-Whaley-Request, X-Own\r\n",
		"partly":          "Trailer: X-Own\r\n",
		"not announced":   "",
		"wrongly":         "Trailer: X-Other, Set-Cookie\r\n",
		"with a length":   "Trailer: Content-Length\r\n",
		"in other letter": "trailer: SET-COOKIE, x-whaley-request\r\n",
	} {
		for range 2 {
			w.sends("HTTP/1.1 200 OK\r\n"+head+body, forbidden+allowed+"\r\n")
			got := w.raw("GET / HTTP/1.1\r\nHost: " + web + "\r\nTE: trailers\r\nConnection: close\r\n\r\n")
			_, after, _ := strings.Cut(got, "4\r\nbody\r\n0\r\n")
			if what == "with a length" {
				if strings.Contains(got, "tossed") {
					t.Errorf("%s: %s", what, got)
				}
				continue // such an answer is none, and may end anywhere
			}
			if strings.Contains(got, "tossed") || strings.Contains(after, "Clear-Site-Data") {
				t.Errorf("trailers %s bring what they must not:\n%s", what, got)
			}
			if !strings.Contains(after, "X-Own: kept") || !strings.Contains(after, "own=kept") {
				t.Errorf("trailers %s do not come through:\n%s", what, got)
			}
		}
	}
	// A body that is read in pieces, by a client that goes on.
	w.hostile = func(rw http.ResponseWriter, _ *http.Request) {
		for n := range 3 {
			fmt.Fprintf(rw, "part %d ", n)
			rw.(http.Flusher).Flush()
		}
	}
	for range 3 {
		if got := w.get(web, "/"); got.Body != "part 0 part 1 part 2 " {
			t.Errorf("%q", got.Body)
		}
	}
}

func statuses(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	var said lockedBuffer
	w.front.Config.ErrorLog = log.New(&said, "", 0)
	for n := range 100 {
		w.sends(fmt.Sprintf("HTTP/1.1 %03d OK\r\nContent-Length: 0\r\n\r\n", n))
		w.refused(t, fmt.Sprintf("status %03d", n))
	}
	for _, status := range []string{"+99", "-10", "1e2", "0x1", "٣٠٠", "１００", "99 ", "1000", "", " ", "2\x0000"} {
		w.sends("HTTP/1.1 " + status + " OK\r\nContent-Length: 0\r\n\r\n")
		w.refused(t, fmt.Sprintf("status %q", status))
	}
	for _, status := range []int{200, 204, 299, 304, 418, 599, 600, 777, 999} {
		w.sends(fmt.Sprintf("HTTP/1.1 %d Mine\r\nContent-Length: 0\r\n\r\n", status))
		if got := w.get(web, "/"); got.Status != status {
			t.Errorf("%d becomes %d", status, got.Status)
		}
	}
	if said.String() != "" {
		t.Errorf("the front door's log: %.500s", said.String())
	}
}

// lockedBuffer is a log that several goroutines write to.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func inOurName(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	for range 3 {
		w.sends("HTTP/1.1 200 OK\r\n" + forbidden + allowed +
			"x-whaley-anything: tossed\r\nX-WHALEY-TICKET: tossed\r\nContent-Length: 0\r\n\r\n")
		got := w.get(web, "/")
		for name, lines := range got.Header {
			if strings.HasPrefix(name, "X-Whaley") || strings.Contains(strings.Join(lines, ""), "tossed") {
				t.Errorf("%s: %q", name, lines)
			}
		}
		if got.Header.Get("X-Own") != "kept" || got.Header.Get("Set-Cookie") != "own=kept" {
			t.Errorf("%v", got.Header)
		}
	}
}

func manyCookies(t *testing.T, w *world) {
	w.on(wire.PathWake, w.running("link"))
	w.sends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"+strings.Repeat("Set-Cookie: a=b\r\n", 3000), "\r\n")
	if got := w.get(web, "/"); got.Status != http.StatusOK || len(got.Header["Set-Cookie"]) > 300 {
		t.Errorf("3,000 cookies: %d, %d are passed on", got.Status, len(got.Header["Set-Cookie"]))
	}
	w.sends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=b"+strings.Repeat(";", 60_000), "\r\n\r\n")
	if got := w.get(web, "/"); got.Status != http.StatusOK || len(got.Header["Set-Cookie"]) > 0 {
		t.Errorf("a cookie of 60,000 attributes: %d, %d cookies", got.Status, len(got.Header["Set-Cookie"]))
	}
}
