package simulated

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type labelSet = labels.Set

// attendant is a guest. The environment that it is told says what its program does: EXIT=n ends at once with that code,
// OPENS=1s is when it answers; OPENS=never is never. PRINT=text is what it prints.
type attendant struct {
	at      netip.AddrPort
	hash    string
	state   guest.State
	told    *guest.Message
	halted  bool
	started time.Time
	over    chan struct{} // closed when no program runs
	code    int
}

func (g *attendant) end(code int) {
	if g.state == guest.Running {
		close(g.over)
	}
	g.state, g.code = guest.Ended, code
}

// Ask asks a guest as guest.Ask does.
func (c *Cluster) Ask(ctx context.Context, at netip.AddrPort, k guest.Key, r guest.Request) (guest.Reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.guestAt(at)
	if g == nil || g.hash != k.Hash() || ctx.Err() != nil {
		return guest.Reply{}, fmt.Errorf("%w at %s", guest.ErrAway, at)
	}
	switch r.Do {
	case guest.Start:
		if err := g.start(r.Message); err != nil {
			return guest.Reply{}, err
		}
	case guest.Stop:
		if g.state == guest.Running {
			g.end(143)
		}
	case guest.Halt:
		if g.state != guest.Running {
			return guest.Reply{}, guest.Outcome{Code: 1, Text: "its program does not run"}
		}
		g.halted = true
	case guest.Exec:
		code := 0
		if !g.open() {
			code = 1
		}
		return guest.Reply{State: g.state, Code: code}, nil
	case guest.Wait:
		if g.state == guest.Running {
			over := g.over
			c.mu.Unlock()
			select {
			case <-over:
			case <-ctx.Done():
			}
			c.mu.Lock()
			if ctx.Err() != nil || c.guestAt(at) != g {
				return guest.Reply{}, fmt.Errorf("%w at %s", guest.ErrAway, at)
			}
		}
	}
	return guest.Reply{State: g.state, Code: g.code}, nil
}

func (g *attendant) start(m *guest.Message) error {
	switch {
	case g.state == guest.Running:
		g.halted = false
		return nil
	case g.told == nil && m == nil:
		return guest.Outcome{Code: 1, Text: "it was not told what it is"}
	case g.told == nil:
		g.told = m
	}
	g.state, g.started, g.over, g.code = guest.Running, time.Now(), make(chan struct{}), 0
	if text, ends := g.variable("EXIT"); ends {
		code, _ := strconv.Atoi(text)
		g.end(code)
	}
	return nil
}

func (g *attendant) variable(name string) (string, bool) {
	if g.told == nil {
		return "", false
	}
	n := slices.IndexFunc(g.told.Env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	if n < 0 {
		return "", false
	}
	return strings.TrimPrefix(g.told.Env[n], name+"="), true
}

func (g *attendant) open() bool {
	if g.state != guest.Running || g.halted {
		return false
	}
	text, late := g.variable("OPENS")
	after, err := time.ParseDuration(text)
	return !late || err == nil && time.Since(g.started) >= after
}

func (c *Cluster) guestAt(at netip.AddrPort) *attendant {
	for _, g := range c.guests {
		if g.at == at {
			return g
		}
	}
	return nil
}

// Told is what a service's guest was told; nil: nothing yet, or there is none.
func (c *Cluster) Told(service string) *guest.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := c.guests[service]; g != nil {
		return g.told
	}
	return nil
}

// Printed is what a service's environment says with PRINT=text.
func (c *Cluster) Printed(service string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.guests[service]
	if g == nil {
		return "", missing()
	}
	text, prints := g.variable("PRINT")
	if !prints {
		return "", nil
	}
	return text + "\n", nil
}

// Answers says that a service that is open speaks as it is asked.
func (c *Cluster) Answers(_ context.Context, t instancer.Target) (whaley.Scheme, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := c.guests[t.Container]; g == nil || !g.open() {
		return "", instancer.ErrClosed
	}
	return t.Scheme, nil
}
