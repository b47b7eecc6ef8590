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
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/webhook"
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

type world struct {
	*receiver
	*outcomes
	sender *webhook.Sender
	log    *bytes.Buffer
}

const secretPath = "/hooks/token-hunter2"

func newWorld(t *testing.T, change func(*webhook.Options), script ...func(http.ResponseWriter, *http.Request)) *world {
	t.Helper()
	w := &world{receiver: &receiver{script: script, got: make(chan struct{}, 100)}, outcomes: &outcomes{n: map[string]int{}, ch: make(chan string, 100)}, log: &bytes.Buffer{}}
	server := httptest.NewServer(w.receiver)
	opts := webhook.Options{
		Target: "test", URL: func() string { return server.URL + secretPath }, Wants: func(ev instancer.Event) bool { return ev.Type != "unwanted" },
		Encode: webhook.Encode, Sign: webhook.Signer(func() string { return "whsec_" + base64.StdEncoding.EncodeToString([]byte("key")) }),
	}
	if change != nil {
		change(&opts)
	}
	w.sender = webhook.New(opts, w.done, slog.New(slog.NewTextHandler(w.log, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = w.sender.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		server.CloseClientConnections()
		server.Close()
		if strings.Contains(w.log.String(), "hunter2") {
			t.Errorf("the URL is in the log:\n%s", w.log)
		}
	})
	return w
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
	w := newWorld(t, nil)
	w.sender.Tell(instancer.Event{ID: "1", Type: "unwanted"})
	w.sender.Tell(instancer.Event{ID: "2", Type: "instance_stop", Instance: "web-1", Message: "stopped: \"player\"\n"})
	w.await(t, webhook.Sent)
	var sent struct {
		Events []struct{ ID, Type, Message string }
	}
	if err := json.Unmarshal([]byte(w.bodies[0]), &sent); err != nil || len(sent.Events) != 1 || sent.Events[0].ID != "2" || sent.Events[0].Message != "stopped: \"player\"\n" {
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
	w := newWorld(t, nil, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Retry-After", "7")
		rw.WriteHeader(429)
		fmt.Fprint(rw, `{"message": "slow down", "retry_after": 0.4}`)
	})
	w.sender.Tell(instancer.Event{ID: "1"})
	w.await(t, webhook.Sent)
	if len(w.bodies) != 2 || w.bodies[0] != w.bodies[1] || w.header[0].Get("Webhook-Id") != w.header[1].Get("Webhook-Id") {
		t.Errorf("not the same message twice: %q", w.bodies)
	}
	if d := w.at[1].Sub(w.at[0]); d < 400*time.Millisecond || d > 3*time.Second {
		t.Errorf("again after %s instead of 0.4 s", d)
	}
}

func TestAServerErrorIsTriedAgain(t *testing.T) {
	w := newWorld(t, nil, status(500))
	w.sender.Tell(instancer.Event{ID: "1"})
	w.await(t, webhook.Sent)
	if len(w.bodies) != 2 {
		t.Errorf("%d tries", len(w.bodies))
	}
}

func TestRedirectsAreNotFollowedAndRefusalsNotRepeated(t *testing.T) {
	for _, code := range []int{302, 307, 401, 404} {
		w := newWorld(t, nil, func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "http://127.0.0.1:1/elsewhere", code)
		})
		w.sender.Tell(instancer.Event{ID: "1"})
		w.await(t, webhook.Refused)
		w.sender.Tell(instancer.Event{ID: "2"}) // the next message has its own chance
		w.await(t, webhook.Sent)
		if len(w.bodies) != 2 {
			t.Errorf("%d: %d tries", code, len(w.bodies))
		}
	}
}

func TestAReceiverThatHangsKeepsNobodyWaiting(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, nil, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	w.sender.Tell(instancer.Event{ID: "0"})
	for len(w.sent()) == 0 {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	for n := range 1500 {
		w.sender.Tell(instancer.Event{ID: fmt.Sprint(n)})
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("telling took %s", took)
	}
	w.outcomes.mu.Lock()
	defer w.outcomes.mu.Unlock()
	if w.sender.Waiting() != 1000 || w.n[webhook.Dropped] != 500 {
		t.Errorf("%d wait, %v", w.sender.Waiting(), w.n)
	}
}

func (w *world) sent() []string {
	w.receiver.mu.Lock()
	defer w.receiver.mu.Unlock()
	return w.bodies
}

func TestWhatNobodyTakesIsDroppedAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outcomes{n: map[string]int{}, ch: make(chan string, 1)}
		s := webhook.New(webhook.Options{
			Target: "test", URL: func() string { return "http://127.0.0.1:1" + secretPath }, Wants: func(instancer.Event) bool { return true }, Encode: webhook.Encode,
		}, o.done, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = s.Run(ctx) }()
		began := time.Now()
		s.Tell(instancer.Event{ID: "1"})
		if got := <-o.ch; got != webhook.Dropped {
			t.Errorf("%s", got)
		}
		if took := time.Since(began); took < 10*time.Minute || took > 15*time.Minute {
			t.Errorf("given up after %s", took)
		}
		cancel()
		<-ended
	})
}
