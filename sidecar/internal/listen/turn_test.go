package listen

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/whaley-ctf/whaley/shared/turn"
)

// TestAHeadIsReadInItsAddresssTurnAndABodyAtOnce has somebody else of an address hold its turn.
func TestAHeadIsReadInItsAddresssTurnAndABodyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := turn.New(1)
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error)
		got := make(chan string, 10)
		go func() {
			served <- Serve(
				ctx, around(p, Options{Turns: turns, Log: slog.New(slog.DiscardHandler)}),
				http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					got <- "head"
					body, _ := io.ReadAll(r.Body)
					got <- string(body)
				}), slog.New(slog.DiscardHandler),
			)
		}()
		has := func(want int) {
			t.Helper()
			synctest.Wait()
			if len(got) != want {
				t.Fatalf("%d things have come, want %d", len(got), want)
			}
		}
		take := func() func() {
			t.Helper()
			end, err := turns.Take(t.Context(), netip.Prefix{}.String())
			if err != nil {
				t.Fatal(err)
			}
			return end
		}
		ours, theirs := net.Pipe()
		p.conns <- theirs
		go io.Copy(io.Discard, ours)
		for n := range 2 { // the second request of a connection is like its first
			end := take()
			fmt.Fprint(ours, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
			has(2 * n)
			end()
			has(2*n + 1)
			end = take()
			fmt.Fprint(ours, "body")
			has(2*n + 2)
			end()
		}
		end := take() // and nothing is left of the turns of either
		end()
		ours.Close()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
