package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"time"
)

var serves = map[string]map[string]string{"hostile-web": folder("serve")}

// fromContainers are answers that hurt whoever passes them on.
var fromContainers = []attack{
	{name: "response_headers", folders: serves, run: requests(6, func(r *rand.Rand) string {
		return fmt.Sprintf("/headers?n=%d&name=%d&value=%d", upTo(r, 1_000_000), upTo(r, 40), upTo(r, 200))
	})},
	{name: "early_answers", folders: serves, run: requests(6, func(r *rand.Rand) string {
		return fmt.Sprintf("/early?n=%d&value=%d", upTo(r, 100_000), upTo(r, 2000))
	})},
	{name: "endless_headers", folders: serves, run: requests(300, func(*rand.Rand) string { return "/trickle" })},
	{name: "silence", folders: serves, run: requests(300, func(*rand.Rand) string { return "/hang" })},
	{name: "slow_readers", folders: serves, run: slowReaders},
	{name: "greedy_readers", folders: serves, run: greedyReaders},
}

// upTo is a number from 1 to most, large and small ones alike.
func upTo(r *rand.Rand, most int) int { return int(math.Exp(r.Float64() * math.Log(float64(most)))) }

// requests lets so many ask a hostile container for something.
func requests(count int, path func(*rand.Rand) string) func(context.Context, *strike) error {
	return func(ctx context.Context, s *strike) error {
		return s.with(ctx, "hostile-web", func(url string) {
			c := s.client(attacker, time.Minute)
			s.many(ctx, count, 20*time.Millisecond, func(ctx context.Context, r *rand.Rand) string {
				return s.send(ctx, c, http.MethodGet, url+path(r), "")
			})
		})
	}
}

// greedyReaders ask for a lot and take it in as fast as it comes.
func greedyReaders(ctx context.Context, s *strike) error {
	return s.with(ctx, "hostile-web", func(url string) {
		c := s.client(attacker, 0)
		s.many(ctx, 100, 20*time.Millisecond, func(ctx context.Context, r *rand.Rand) string {
			answer, err := get(ctx, c, fmt.Sprintf("%s/bytes?mb=%d", url, 1+r.IntN(200)))
			if err != nil {
				return "no answer"
			}
			defer answer.Body.Close()
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				return "dropped"
			}
			return "read"
		})
	})
}

func get(ctx context.Context, c *http.Client, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return c.Do(request)
}

// slowReaders ask for a lot and take in little.
func slowReaders(ctx context.Context, s *strike) error {
	return s.with(ctx, "hostile-web", func(url string) {
		c := s.client(attacker, 0)
		s.many(ctx, 200, time.Second, func(ctx context.Context, r *rand.Rand) string {
			answer, err := get(ctx, c, fmt.Sprintf("%s/bytes?mb=%d", url, 50+r.IntN(200)))
			if err != nil {
				return "no answer"
			}
			defer answer.Body.Close()
			for part := make([]byte, 1+r.IntN(2000)); ; time.Sleep(time.Second) {
				if _, err := io.ReadFull(answer.Body, part); err != nil {
					return "dropped"
				}
				if ctx.Err() != nil {
					return ""
				}
			}
		})
	})
}
