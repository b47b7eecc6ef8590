package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// attack is one kind of hostility. What it sends is drawn anew in every run, from a seed that is printed.
type attack struct {
	name string
	// folders are challenges that it needs: id → file → content. They are built before anything is measured.
	folders map[string]map[string]string
	files   int    // descriptors that the sidecar may have; 0: as many as it likes
	crowd   bool   // what counts is how long many wait who start at the same time
	only    string // the one edge it can be made on; empty: both
	// run goes on until ctx ends, and leaves nothing behind. It says when it has begun.
	run func(ctx context.Context, s *strike) error
}

var attacks = slices.Concat(fromContainers, fromPlayers, insideContainers, amongStarts, fromFiles)

// target is what an attacker knows of a Whaley.
type target struct {
	Edge, TLS, Public, Dashboard string
	Challenges                   string // the folder
	Program                      string // what runs in hostile containers
	AdminKey                     string
	Seed                         uint64
}

// strike is one attack under way, in a process of its own.
type strike struct {
	target
	begun func()

	mu     sync.Mutex
	counts map[string]int
}

const attacker = "127.0.3.1"

// random is a source for one of many that do the same.
func (s *strike) random(n int) *rand.Rand { return rand.New(rand.NewPCG(s.Seed, uint64(n))) }

// count is what became of what was tried: an attack that reaches nothing proves nothing.
func (s *strike) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[what]++
}

// told is all counts, for people.
func (s *strike) told() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for what, n := range s.counts {
		all = append(all, fmt.Sprintf("%d × %s", n, what))
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}

// many lets so many do something over and over, with a pause between, until ctx ends.
func (s *strike) many(
	ctx context.Context, count int, pause time.Duration, do func(ctx context.Context, r *rand.Rand) string,
) {
	var all sync.WaitGroup
	for n := range count {
		all.Go(func() {
			for r := s.random(n); ctx.Err() == nil; {
				if what := do(ctx, r); ctx.Err() == nil {
					s.count(what)
				}
				select {
				case <-time.After(pause):
				case <-ctx.Done():
				}
			}
		})
	}
	s.begun()
	all.Wait()
}

// client speaks from an address to the edge, whatever the name.
func (s *strike) client(from string, timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return s.dial(ctx, from, s.Edge)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *strike) dial(ctx context.Context, from, to string) (net.Conn, error) {
	return (&net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(
		ctx, "tcp", to,
	)
}

// send sends a request and says what came back, without the body.
func (s *strike) send(ctx context.Context, c *http.Client, method, url, body string, header ...string) string {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "no request"
	}
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Add(header[n], header[n+1])
	}
	answer, err := c.Do(r)
	if err != nil {
		return "no answer"
	}
	answer.Body.Close()
	return fmt.Sprint(answer.StatusCode)
}

// ask sends a request to the dashboard and decodes the answer.
func (s *strike) ask(ctx context.Context, from, method, path, body string, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, s.Dashboard+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, "/admin/") {
		r.Header.Set("X-Admin-Key", s.AdminKey)
	}
	answer, err := s.client(from, 90*time.Second).Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusTooManyRequests {
		after, err := strconv.Atoi(answer.Header.Get("Retry-After"))
		return limited{time.Duration(after) * time.Second, errors.Join(fmt.Errorf("%s %s: %s", method, path, answer.Status), err)}
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// limited is the refusal of who has asked too often of late.
type limited struct {
	after time.Duration
	error
}
