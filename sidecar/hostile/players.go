package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

// fromPlayers are what somebody outside sends. All of it comes from one address, which is also one player.
var fromPlayers = []attack{
	// what the machine itself adds from one look to the next
	{name: "none", run: func(ctx context.Context, s *strike) error {
		s.begun()
		<-ctx.Done()
		return nil
	}},
	{name: "request_headers", run: func(ctx context.Context, s *strike) error {
		c := s.client(attacker, 30*time.Second)
		s.many(ctx, 20, 20*time.Millisecond, func(ctx context.Context, r *rand.Rand) string {
			var header []string
			for range upTo(r, 5000) {
				header = append(header, "X-"+word(r, 1+r.IntN(30)), word(r, upTo(r, 3000)))
			}
			return s.send(ctx, c, http.MethodGet, s.Dashboard+"/instances", "", header...)
		})
		return nil
	}},
	{name: "slow_bodies", run: raw(500, func(c net.Conn, s *strike, r *rand.Rand) {
		path := []string{"/instances/spawn", "/auth/login", "/auth/ticket", "/admin/api/session"}[r.IntN(4)]
		fmt.Fprintf(
			c, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 50000\r\n\r\n{", path,
			hostOf(s.Dashboard),
		)
	}, " ")},
	{name: "slow_headers", run: raw(500, func(c net.Conn, s *strike, r *rand.Rand) {
		fmt.Fprintf(c, "GET /%s HTTP/1.1\r\nHost: %s\r\n", word(r, 8), hostOf(s.Dashboard))
	}, "X: y\r\n")},
	{name: "idle_connections", run: raw(500, func(net.Conn, *strike, *rand.Rand) {}, "")},
	{name: "idle_tls", run: idleTLS(1000)},
	{name: "few_descriptors", files: 512, only: "embedded", run: func(ctx context.Context, s *strike) error {
		ended := make(chan error, 1)
		begun := s.begun
		s.begun = func() {}
		go func() { ended <- idleTLS(600)(ctx, s) }()
		err := raw(600, func(net.Conn, *strike, *rand.Rand) {}, "")(
			ctx, &strike{target: s.target, begun: begun, counts: map[string]int{}},
		)
		return cmp.Or(err, <-ended)
	}},
	{name: "streams", run: streams},
	{name: "websockets", folders: serves, run: websockets},
	{name: "forged_wakes", run: func(ctx context.Context, s *strike) error {
		c := s.client(attacker, 60*time.Second)
		s.many(ctx, 30, 5*time.Millisecond, func(ctx context.Context, r *rand.Rand) string {
			challenge := []string{"start", "honest", word(r, 1+r.IntN(20))}[r.IntN(3)]
			host := fmt.Sprintf("http://%s-%s.instances.localhost:%s/", challenge, word(r, 13), portOf(s.Edge))
			return s.send(
				ctx, c, http.MethodGet, host+word(r, 5), "", "X-Whaley-Ticket", word(r, 80)+"."+word(r, 86), "Accept", "text/html",
			)
		})
		return nil
	}},
	{name: "sign_ins", run: func(ctx context.Context, s *strike) error {
		c := s.client(attacker, 30*time.Second)
		s.many(ctx, 20, 5*time.Millisecond, func(ctx context.Context, r *rand.Rand) string {
			switch r.IntN(3) {
			case 0:
				return s.send(
					ctx, c, http.MethodPost, s.Dashboard+"/admin/api/session", `{"key":"`+word(r, 30)+`"}`, "Content-Type",
					"application/json",
				)
			case 1:
				return s.send(
					ctx, c, http.MethodPost, s.Dashboard+"/auth/login", `{"token":"`+word(r, 30)+`"}`, "Content-Type",
					"application/json",
				)
			}
			return s.send(ctx, c, http.MethodGet, s.Dashboard+"/admin/api/stats", "", "X-Admin-Key", word(r, 30))
		})
		return nil
	}},
	{name: "starts_and_stops", run: func(ctx context.Context, s *strike) error {
		defer s.stopAll(attacker)
		c := s.client(attacker, 60*time.Second)
		s.many(ctx, 10, 20*time.Millisecond, func(ctx context.Context, r *rand.Rand) string {
			if r.IntN(2) == 0 {
				return s.send(
					ctx, c, http.MethodPost, s.Dashboard+"/instances/spawn", `{"challenge_id":"start"}`, "Content-Type",
					"application/json",
				)
			}
			var list listed
			if s.ask(ctx, attacker, http.MethodGet, "/instances", "", &list) != nil || len(list.Instances) == 0 {
				return "nothing to stop"
			}
			return s.send(ctx, c, http.MethodDelete, s.Dashboard+"/instances/"+list.Instances[0].ID, "")
		})
		return nil
	}},
	{name: "lost_and_reopened", folders: serves, run: func(ctx context.Context, s *strike) error {
		return s.with(ctx, "hostile-web", func(url string) {
			c := s.client(attacker, 60*time.Second)
			s.many(ctx, 4, 50*time.Millisecond, func(ctx context.Context, r *rand.Rand) string {
				return s.send(ctx, c, http.MethodGet, url+[]string{"/", "/exit"}[r.IntN(2)], "")
			})
		})
	}},
}

// streams opens a thousand streams of each kind and has the list change meanwhile.
func streams(ctx context.Context, s *strike) error {
	url, err := s.url(ctx, attacker, "start")
	if err != nil {
		return err
	}
	defer s.stopAll(attacker)
	host := hostOf(url)
	go func() {
		c := s.client(attacker, 60*time.Second)
		for ctx.Err() == nil {
			s.count("start " +
				s.send(
					ctx, c, http.MethodPost, s.Dashboard+"/instances/spawn?wait=30", `{"challenge_id":"start"}`, "Content-Type",
					"application/json",
				))
			s.stopAll(attacker)
			// the player's own limit
			_ = rig.Poll(ctx, 8*time.Second, 8*time.Second, 8*time.Second, func() error { return rig.ErrNotYet })
		}
	}()
	return raw(2000, func(c net.Conn, s *strike, r *rand.Rand) {
		name, path := hostOf(s.Dashboard), "/events"
		if r.IntN(2) == 0 {
			name, path = host, "/.well-known/whaley/status"
		}
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", path, name)
	}, "")(ctx, s)
}

func websockets(ctx context.Context, s *strike) error {
	return s.with(ctx, "hostile-web", func(url string) {
		_ = raw(2000, func(c net.Conn, _ *strike, _ *rand.Rand) {
			fmt.Fprintf(
				c,
				"GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
				hostOf(url),
			)
		}, "")(ctx, s)
	})
}

// raw holds so many connections to the edge open: each says something first, then a little now and then, and connects
// again when it is dropped.
func raw(count int, first func(net.Conn, *strike, *rand.Rand), then string) func(context.Context, *strike) error {
	return func(ctx context.Context, s *strike) error {
		s.many(ctx, count, 500*time.Millisecond, func(ctx context.Context, r *rand.Rand) string {
			c, err := s.dial(ctx, attacker, s.Edge)
			if err != nil {
				return "not connected"
			}
			defer context.AfterFunc(ctx, func() { c.Close() })()
			defer c.Close()
			first(c, s, r)
			go func() {
				for then != "" && ctx.Err() == nil {
					time.Sleep(time.Duration(500+r.IntN(2000)) * time.Millisecond)
					if _, err := c.Write([]byte(then)); err != nil {
						return
					}
				}
			}()
			return drain(c)
		})
		return nil
	}
}

// drain reads until the other side ends it, and says how it began.
func drain(c net.Conn) string {
	in := bufio.NewReader(c)
	line, err := in.ReadString('\n')
	for err == nil {
		_, err = in.ReadByte()
	}
	if fields := strings.Fields(line); len(fields) > 1 {
		return "ended after " + fields[1]
	}
	return "ended"
}

func hostOf(url string) string { return strings.TrimPrefix(url, "http://") }

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

func word(r *rand.Rand, length int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	text := make([]byte, length)
	for n := range text {
		text[n] = letters[r.IntN(len(letters))]
	}
	return string(text)
}
