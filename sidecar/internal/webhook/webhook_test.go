package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/webhook"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// receiver answers as its script says, then with 204.
type receiver struct {
	mu     sync.Mutex
	script []func(w http.ResponseWriter, r *http.Request)
	bodies []string
	header []http.Header
	at     []time.Time
	got    chan struct{}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	r.bodies, r.header, r.at = append(r.bodies, string(body)), append(r.header, request.Header), append(r.at, time.Now())
	var next func(http.ResponseWriter, *http.Request)
	if len(r.script) > 0 {
		next, r.script = r.script[0], r.script[1:]
	}
	r.mu.Unlock()
	if next == nil {
		next = status(204)
	}
	next(w, request)
	r.got <- struct{}{}
}

func status(code int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

type outcomes struct {
	mu sync.Mutex
	n  map[string]int
	ch chan string
}

func (o *outcomes) done(_, outcome string, n int) {
	o.mu.Lock()
	o.n[outcome] += n
	o.mu.Unlock()
	select {
	case o.ch <- outcome:
	default:
	}
}

// world is a sidecar on a real database, and a receiver.
type world struct {
	t testing.TB
	*receiver
	*outcomes
	server *httptest.Server
	dir    string
	opts   webhook.Options
	db     *store.Store
	log    *bytes.Buffer
	end    func() // of the sidecar
}

const secretPath = "/hooks/token-hunter2"

func newWorld(t *testing.T, change func(*webhook.Options), script ...func(http.ResponseWriter, *http.Request)) *world {
	t.Helper()
	w := &world{
		receiver: &receiver{script: script, got: make(chan struct{}, 100)},
		outcomes: &outcomes{n: map[string]int{}, ch: make(chan string, 100)}, log: &bytes.Buffer{},
	}
	server := httptest.NewServer(w.receiver)
	opts := webhook.Options{
		Target: "test", URL: func() string { return server.URL + secretPath },
		Wants:  func(ev whaley.Event) bool { return ev.Type != "unwanted" },
		Encode: webhook.Encode,
		Sign:   webhook.Signer(func() string { return "whsec_" + base64.StdEncoding.EncodeToString([]byte("key")) }),
	}
	if change != nil {
		change(&opts)
	}
	w.t, w.server, w.opts, w.dir = t, server, opts, storetest.Ready(t)
	w.begin()
	t.Cleanup(func() {
		w.end()
		server.CloseClientConnections()
		server.Close()
		if strings.Contains(w.log.String(), "hunter2") {
			t.Errorf("the URL is in the log:\n%s", w.log)
		}
	})
	return w
}

// begin starts the sidecar; what another one left in the outbox is still there.
func (w *world) begin() {
	w.t.Helper()
	db, err := store.Open(context.Background(), "", w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	w.db = db
	sender := webhook.New(db, w.opts, w.done, slog.New(slog.NewTextHandler(w.log, nil)))
	db.OnOwed(func(ev whaley.Event) []string {
		if w.opts.Owed(ev) {
			return []string{w.opts.Target}
		}
		return nil
	})
	db.OnEvents(func(events []whaley.Event) {
		for _, ev := range events {
			sender.Tell(ev)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = sender.Run(ctx) }()
	w.end = sync.OnceFunc(func() {
		cancel()
		<-ended
		db.Close()
	})
}

// happens writes an event.
func (w *world) happens(kind, message string) {
	w.t.Helper()
	if err := w.db.Record(context.Background(), whaley.Event{Type: kind, Message: message, At: time.Now()}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) await(t *testing.T, outcome string) {
	t.Helper()
	select {
	case got := <-w.ch:
		if got != outcome {
			t.Fatalf("%s instead of %s", got, outcome)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("nothing instead of %s", outcome)
	}
}

func TestAMessageIsSignedAndHoldsWhatHappened(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.happens("unwanted", "")
	w.happens("instance_stop", "stopped: \"player\"\n")
	w.await(t, webhook.Sent)
	var sent struct {
		Events []struct{ ID, Type, Message string }
	}
	if err := json.Unmarshal([]byte(w.bodies[0]), &sent); err != nil || len(sent.Events) != 1 ||
		sent.Events[0].ID == "" || sent.Events[0].Type != "instance_stop" ||
		sent.Events[0].Message != "stopped: \"player\"\n" {
		t.Errorf("%s %v", w.bodies[0], err)
	}
	h := w.header[0]
	mac := hmac.New(sha256.New, []byte("key"))
	fmt.Fprintf(mac, "%s.%s.%s", h.Get("webhook-id"), h.Get("webhook-timestamp"), w.bodies[0])
	if h.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		t.Errorf("signature %q", h.Get("webhook-signature"))
	}
}

func TestAReceiverThatAsksForLessGetsLess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Retry-After", "7")
		rw.WriteHeader(429)
		fmt.Fprint(rw, `{"message": "slow down", "retry_after": 0.4}`)
	})
	w.happens("wanted", "1")
	w.await(t, webhook.Sent)
	if len(w.bodies) != 2 || w.bodies[0] != w.bodies[1] || w.header[0].Get("Webhook-Id") != w.header[1].Get("Webhook-Id") {
		t.Errorf("not the same message twice: %q", w.bodies)
	}
	if d := w.at[1].Sub(w.at[0]); d < 400*time.Millisecond || d > 3*time.Second {
		t.Errorf("again after %s instead of 0.4 s", d)
	}
}

func TestAServerErrorIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, status(500))
	w.happens("wanted", "1")
	w.await(t, webhook.Sent)
	if len(w.bodies) != 2 {
		t.Errorf("%d tries", len(w.bodies))
	}
}

func TestRedirectsAreNotFollowedAndRefusalsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, code := range []int{302, 307, 401, 404} {
		w := newWorld(t, nil, func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "http://127.0.0.1:1/elsewhere", code)
		})
		w.happens("wanted", "1")
		w.await(t, webhook.Refused)
		w.happens("wanted", "2") // the next message has its own chance
		w.await(t, webhook.Sent)
		if len(w.bodies) != 2 {
			t.Errorf("%d: %d tries", code, len(w.bodies))
		}
	}
}

func TestAReceiverThatHangsKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	w := newWorld(t, nil, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	w.happens("wanted", "0")
	for len(w.sent()) == 0 {
		time.Sleep(time.Millisecond)
	}
	longest := time.Duration(0)
	for n := range 200 {
		began := time.Now()
		w.happens("wanted", fmt.Sprint(n))
		longest = max(longest, time.Since(began))
	}
	if longest > time.Second {
		t.Errorf("an event was held up for %s", longest)
	}
	w.end()
	if waiting, err := w.outgoing(); err != nil || waiting != 201 {
		t.Errorf("%d wait, %v", waiting, err)
	}
}

// outgoing is how many events wait in the outbox.
func (w *world) outgoing() (int, error) {
	db, err := store.Open(context.Background(), "", w.dir)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	waiting, err := db.Outgoing(context.Background(), w.opts.Target, 5000)
	return len(waiting), err
}

func (w *world) sent() []string {
	w.receiver.mu.Lock()
	defer w.receiver.mu.Unlock()
	return w.bodies
}

func TestWhatNobodyTakesIsDroppedAfterAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(
		t, func(o *webhook.Options) { o.Patience = 2500 * time.Millisecond }, status(500), status(502), status(503),
	)
	began := time.Now()
	w.happens("wanted", "1")
	w.await(t, webhook.Dropped)
	if took := time.Since(began); took < time.Second || took > 10*time.Second || len(w.sent()) != 2 {
		t.Errorf("given up after %s and %d tries", took, len(w.sent()))
	}
	w.happens("wanted", "2")
	w.await(t, webhook.Sent)
	w.end()
	if waiting, err := w.outgoing(); err != nil || waiting != 0 {
		t.Errorf("%d wait, %v", waiting, err)
	}
}

func TestWhatWasNotSentBeforeTheEndIsSentAfterwards(t *testing.T) {
	t.Parallel()
	hung := make(chan struct{})
	w := newWorld(t, nil, func(_ http.ResponseWriter, r *http.Request) { close(hung); <-r.Context().Done() })
	w.happens("wanted", "under way when it ends")
	<-hung
	w.happens("wanted", "in the outbox when it ends")
	w.end()
	w.begin()
	for told := ""; !strings.Contains(told, "under way when it ends") ||
		!strings.Contains(told, "in the outbox when it ends"); told = strings.Join(w.sent()[1:], "") {
		w.await(t, webhook.Sent)
	}
	w.end()
	if waiting, err := w.outgoing(); err != nil || waiting != 0 {
		t.Errorf("%d wait, %v", waiting, err)
	}
}

func TestTooManyThatWaitMakeTheOldestGiveWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *webhook.Options) { o.Backlog = 20 })
	w.end()
	db, err := store.Open(context.Background(), "", w.dir)
	if err != nil {
		t.Fatal(err)
	}
	db.OnOwed(func(whaley.Event) []string { return []string{"test", "another"} })
	for n := range 23 {
		if err := db.Record(
			context.Background(), whaley.Event{Type: "wanted", Message: fmt.Sprintf("event %d.", n), At: time.Now()},
		); err != nil {
			t.Fatal(err)
		}
	}
	db.Close()
	w.begin()
	w.await(t, webhook.Dropped)
	w.await(t, webhook.Sent)
	told := strings.Join(w.sent(), "")
	if strings.Contains(told, "event 2.") || !strings.Contains(told, "event 3.") || !strings.Contains(told, "event 22.") {
		t.Error(told)
	}
	if waiting, err := w.db.Outgoing(context.Background(), "another", 5000); err != nil || len(waiting) != 23 {
		t.Errorf("of another's %d wait, %v", len(waiting), err)
	}
}
