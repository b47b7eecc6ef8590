package plugintest

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/ticket"
	"github.com/whaley-ctf/whaley/shared/wire"
)

// statusStreams: who opens too many is told where things stand, and to ask again; others have theirs.
func statusStreams(t *testing.T, w *world) {
	over := make(chan struct{})
	defer close(over)
	w.on(wire.PathStatus, func(q wire.HostRequest) wire.HostStatus {
		if q.WaitMS > 0 {
			<-over
		}
		q.Owner = owner // all of them are
		return mine(wire.StateStarting)(q)
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// open returns what the stream says first, and whether it goes on.
	open := func(ctx context.Context, owner string) (string, bool) {
		t.Helper()
		token, err := ticket.Sign(
			signing, ticket.Claims{Host: web, Owner: owner, Player: owner, Expires: time.Now().Add(time.Hour).Unix()},
		)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(ctx, "GET", w.front.URL+wire.StatusPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = web
		r.Header.Set("Accept", "text/event-stream")
		r.Header.Set(wire.TicketHeader, token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body := bufio.NewReader(resp.Body)
		said := ""
		for !strings.HasSuffix(said, "\n\n") {
			line, err := body.ReadString('\n')
			if err != nil {
				t.Fatalf("%d %v after %q", resp.StatusCode, err, said)
			}
			said += line
		}
		if strings.HasPrefix(said, "retry: ") {
			if _, err := body.ReadByte(); err == nil {
				t.Errorf("goes on after %q", said)
			}
			return said, false
		}
		return said, true
	}
	first, leave := context.WithCancel(ctx)
	for n := range 20 {
		of := ctx
		if n == 0 {
			of = first
		}
		if said, on := open(of, "user_many"); !on || !strings.Contains(said, `"starting"`) {
			t.Fatalf("stream %d: %q", n, said)
		}
	}
	if said, on := open(ctx, "user_many"); on || !strings.Contains(said, `"starting"`) {
		t.Errorf("one too many: %q", said)
	}
	if said, on := open(ctx, "user_other"); !on {
		t.Errorf("of somebody else: %q", said)
	}
	leave()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, on := open(ctx, "user_many"); on {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the place of one that ended stays taken")
		}
	}
}
