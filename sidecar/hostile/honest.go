package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

const (
	player     = "127.0.0.1" // has a running instance and looks at the dashboard
	gaveUp     = 30 * time.Second
	startEvery = 70 // players who start by turns, so that none meets a limit of their own
)

// honest is what players do who mean no harm, all of it at once, and how long each took. What fails counts as gaveUp.
type honest struct {
	*rig.Sidecar
	sni     string // host of the instance's echo by TLS
	starter int

	mu     sync.Mutex
	took   map[string][]time.Duration
	failed map[string]error // the last of each kind
}

func newHonest(ctx context.Context, s *rig.Sidecar) (*honest, error) {
	h := &honest{Sidecar: s}
	h.forget()
	var ch struct {
		Routes []struct{ Name, Host string }
	}
	if err := s.Call(player, http.MethodGet, "/challenges/honest", &ch); err != nil {
		return nil, err
	}
	for _, r := range ch.Routes {
		if r.Name == "sni" {
			h.sni = r.Host
		}
	}
	return h, s.Until(ctx, "the honest instance answers", func() error {
		return errors.Join(s.Get(s.URLs["honest"], player), h.echo())
	})
}

// forget begins anew.
func (h *honest) forget() {
	h.took, h.failed = map[string][]time.Duration{}, map[string]error{}
}

// act does everything that honest players do for a while.
func (h *honest) act(ctx context.Context, lasts time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	var all sync.WaitGroup
	for what, do := range map[string]func() error{
		"page":    func() error { return h.Get(h.Dashboard+"/", player) },
		"api":     func() error { return h.Call(player, http.MethodGet, "/instances", nil) },
		"request": func() error { return h.Get(h.URLs["honest"], player) },
		"echo":    h.echo,
	} {
		all.Go(func() {
			for ctx.Err() == nil {
				h.time(what, do)
				pause(ctx, 20*time.Millisecond)
			}
		})
	}
	all.Go(func() {
		for ctx.Err() == nil {
			h.starter++
			who := fmt.Sprintf("127.0.1.%d", 1+h.starter%startEvery)
			h.time("start", func() error { return h.start(who) })
			_ = rig.Poll(
				context.WithoutCancel(ctx), gaveUp, 100*time.Millisecond, time.Second, func() error { return h.Stop(who) },
			)
		}
	})
	all.Wait()
}

func (h *honest) time(what string, do func() error) {
	began := time.Now()
	err := do()
	took := time.Since(began)
	if err != nil {
		took = max(took, gaveUp)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.took[what] = append(h.took[what], took)
	if err != nil {
		h.failed[what] = err
	}
}

// start starts a challenge that is built, and waits until it runs.
func (h *honest) start(who string) error {
	r, err := http.NewRequest(
		http.MethodPost, h.Dashboard+"/instances/spawn?wait=60", strings.NewReader(`{"challenge_id":"start"}`),
	)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := (&http.Client{Transport: h.Transport(who), Timeout: 2 * time.Minute}).Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("start: %s %.300s", answer.Status, text)
	}
	return nil
}

// echo connects to the instance by TLS and gets back what it says.
func (h *honest) echo() error {
	c, err := (&net.Dialer{Timeout: gaveUp}).Dial("tcp", h.TLS)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(gaveUp))
	// the edge's own certificate
	t := tls.Client(c, &tls.Config{ServerName: h.sni, InsecureSkipVerify: true}) //nolint:gosec
	word := []byte("whales sing in tune")
	if _, err := t.Write(word); err != nil {
		return err
	}
	got := make([]byte, len(word))
	if _, err := io.ReadFull(t, got); err != nil {
		return err
	}
	if !slices.Equal(word, got) {
		return fmt.Errorf("the echo says %q", got)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
