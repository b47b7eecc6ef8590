package rehearse

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	wakeFor   = 3 * time.Minute // until a team gives up
	mostBody  = 1 << 20
	bannerFor = 300 * time.Millisecond
)

// begun is a rehearsal as the other side has begun it.
type begun struct {
	ID    string
	Chaos bool
	Teams []struct {
		Challenges []target
	}
}

// target is a team's copy of a challenge.
type target struct {
	Challenge, Type, URL, Ticket string
	Memory                       int64
}

// team is one that plays.
type team struct {
	*Client
	number  int
	id      string // of the rehearsal
	targets []target
	seen    *figures
	web     *http.Client
	pause   time.Duration // between two requests
}

// play is all that a team does.
func (t *team) play(ctx context.Context, arrives time.Duration, sessions []session, loads int) {
	if sleep(ctx, arrives) != nil {
		return
	}
	for _, s := range sessions {
		on := t.targets[s.challenge]
		t.look(ctx, on, loads)
		if s.restart && ctx.Err() == nil {
			t.stop(ctx, on)
			t.look(ctx, on, loads/2)
		}
		if !s.leave && ctx.Err() == nil {
			t.stop(ctx, on)
		}
	}
}

// look starts a challenge as its type wants it, and uses it.
func (t *team) look(ctx context.Context, on target, loads int) {
	if on.URL == "" {
		t.connect(ctx, on, loads)
		return
	}
	if !t.wake(ctx, on) {
		return
	}
	for n := range loads {
		if sleep(ctx, t.pause) != nil {
			return
		}
		began := time.Now()
		_, err := t.get(ctx, on, n == 0)
		if ctx.Err() == nil {
			t.seen.answered(on.Challenge, began, err)
		}
	}
}

// wake opens an address until something answers there.
func (t *team) wake(ctx context.Context, on target) bool {
	began := time.Now()
	for time.Since(began) < wakeFor {
		refused, err := t.get(ctx, on, false)
		switch {
		case ctx.Err() != nil:
			return false
		case err != nil:
			t.seen.answered(on.Challenge, began, err)
		case refused == nil:
			t.seen.woke(on.Challenge, began)
			return true
		case !waits(refused):
			t.seen.refuse(refused.Code, began)
			return false
		}
		if sleep(ctx, time.Second) != nil {
			return false
		}
	}
	t.seen.refuse("not_ready_in_time", began)
	return false
}

// waits says whether a refusal only means that it is not there yet.
func waits(a *answer) bool {
	return slices.Contains([]string{"still_starting", "sidecar_unavailable", "no_answer", "standby", "shutting_down"}, a.Code)
}

// get asks for the first page; socket: as one that wants a websocket. A problem of Whaley's own is no error.
func (t *team) get(ctx context.Context, on target, socket bool) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, on.URL, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Whaley-Ticket", on.Ticket)
	if socket {
		for name, value := range map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
		} {
			r.Header.Set(name, value)
		}
	}
	resp, err := t.web.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil, nil
	}
	if resp.StatusCode == http.StatusMisdirectedRequest { // what listens there is not the edge
		return &answer{Status: resp.StatusCode, Code: "address_leads_elsewhere"}, nil
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostBody))
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		problem := &answer{}
		if json.Unmarshal(text, problem) == nil {
			problem.Status = resp.StatusCode
			return problem, nil
		}
	}
	return nil, err
}

// connect starts what is no web page as the dashboard does, and connects to its port.
func (t *team) connect(ctx context.Context, on target, loads int) {
	var in struct {
		State string
		Port  int
	}
	began := time.Now()
	for {
		err := t.act(ctx, on, "start", &in)
		var refused *answer
		if errors.As(err, &refused) && refused.Code == "too_fast" {
			if sleep(ctx, 5*time.Second) != nil {
				return
			}
			continue
		}
		if refused != nil && refused.Code != "instance_exists" {
			t.seen.refuse(refused.Code, began)
			return
		}
		if err != nil && refused == nil {
			if ctx.Err() != nil || time.Since(began) > wakeFor {
				return
			}
			t.seen.answered(on.Challenge, began, err)
			if sleep(ctx, time.Second) != nil {
				return
			}
			continue
		}
		break
	}
	if in.State != "running" {
		return
	}
	t.seen.woke(on.Challenge, began)
	for range loads {
		if in.Port == 0 || sleep(ctx, t.pause) != nil {
			return
		}
		dialled := time.Now()
		err := banner(ctx, local(net.JoinHostPort(hostOf(t.To), strconv.Itoa(in.Port))))
		if ctx.Err() == nil {
			t.seen.answered(on.Challenge, dialled, err)
		}
	}
}

// banner connects, and waits a moment for what the other side says first; nothing is as good.
func banner(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(bannerFor))
	_, _ = conn.Read(make([]byte, 256))
	return nil
}

func (t *team) stop(ctx context.Context, on target) {
	began := time.Now()
	err := t.act(ctx, on, "stop", nil)
	if err != nil && ctx.Err() == nil {
		var refused *answer
		if errors.As(err, &refused) {
			t.seen.refuse("stop_"+refused.Code, began)
		}
	}
}

func (t *team) act(ctx context.Context, on target, do string, into any) error {
	return t.Call(ctx, http.MethodPost, "/admin/api/rehearsal/"+t.id+"/act", map[string]any{
		"team": t.number, "challenge": on.Challenge, "do": do,
	}, into)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
