package canary

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	early     = 3 * time.Second // in which policies that come late are found; they were seen to take one second
	askTime   = 5 * time.Second // for one question and its answer
	mostAsked = 64 << 10        // bytes of a question
)

// Question are further targets, which are not known from the beginning: other canaries, Whaley's own.
type Question struct {
	Targets []Target `json:"targets"`
}

// Report is what a canary answers.
type Report struct {
	Early bool      `json:"early"` // the first tries are over, so First is whole
	First []Reached `json:"first"` // what answered in the first seconds, each target once
	Now   []Reached `json:"now"`   // what answers by now, of the first targets and those that were asked for
}

// Canary tries.
type Canary struct {
	began   time.Time
	targets []Target

	mu     sync.Mutex
	first  []Reached
	tested bool
}

// New makes one; Serve begins its tries.
func New(targets []Target) *Canary { return &Canary{began: time.Now(), targets: targets} }

// Serve tries at once, again and again for some seconds, and answers questions at a listener until ctx ends.
func (c *Canary) Serve(ctx context.Context, listener net.Listener) error {
	go c.tryFirst(ctx)
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	for {
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("answer what was reached: %w", err)
		}
		go func() {
			defer conn.Close()
			_ = c.answer(ctx, conn) // who asked asks again
		}()
	}
}

func (c *Canary) tryFirst(ctx context.Context) {
	for round := time.Now(); time.Since(c.began) < early && ctx.Err() == nil; round = round.Add(dialFor) {
		seen := try(ctx, c.targets, c.began)
		c.mu.Lock()
		for _, r := range seen {
			if !slices.ContainsFunc(c.first, func(f Reached) bool { return f.Target == r.Target }) {
				c.first = append(c.first, r)
			}
		}
		c.mu.Unlock()
		select {
		case <-time.After(time.Until(round.Add(dialFor))): // all may have been refused at once
		case <-ctx.Done():
		}
	}
	c.mu.Lock()
	c.tested = true
	c.mu.Unlock()
}

func (c *Canary) answer(ctx context.Context, conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(askTime)); err != nil {
		return err
	}
	var q Question
	if err := json.NewDecoder(io.LimitReader(conn, mostAsked)).Decode(&q); err != nil {
		return err
	}
	now := try(ctx, slices.Concat(c.targets, q.Targets), c.began)
	c.mu.Lock()
	report := Report{Early: c.tested, First: slices.Clone(c.first), Now: now}
	c.mu.Unlock()
	return json.NewEncoder(conn).Encode(report)
}

// Ask asks the canary at an address.
func Ask(ctx context.Context, address string, q Question) (report Report, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return report, fmt.Errorf("ask the canary at %s: %w", address, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err = json.NewEncoder(conn).Encode(q); err == nil {
		err = json.NewDecoder(io.LimitReader(conn, mostAsked)).Decode(&report)
	}
	if err != nil {
		return report, fmt.Errorf("ask the canary at %s: %w", address, err)
	}
	return report, nil
}
