package instancer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// closed is a prober of services that do not answer, and knows what listens in their containers.
type closed struct {
	ports map[string][]int
	asked []whaley.Readiness
}

func (c *closed) Answers(_ context.Context, t Target) (whaley.Scheme, error) {
	c.asked = append(c.asked, t.Ready)
	return "", ErrClosed
}

func (c *closed) Exec(context.Context, string, []string) (int, error) { return 1, nil }

func (c *closed) Listens(_ context.Context, id string) ([]int, error) {
	ports, there := c.ports[id]
	if !there {
		return nil, errors.New("there is no cat")
	}
	return ports, nil
}

func TestAStartThatTakesTooLongSaysWhatItWaitsFor(t *testing.T) {
	for what, c := range map[string]struct {
		ports map[string][]int
		want  string
	}{
		"another port":       {map[string][]int{"id": {90}}, " to open port 80 (it listens on 90)"},
		"its own, but no":    {map[string][]int{"id": {80}}, " to open port 80 (it listens on 80, but at 127.0.0.1 only"},
		"no port":            {map[string][]int{"id": {}}, " to open port 80 (nothing in it listens on any port)"},
		"nothing to be seen": {nil, " to open port 80. Try again"},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := &Instancer{Needs: Needs{Prober: &closed{ports: c.ports}}}
			i.policy.Store(&whaley.Policy{StartTimeout: time.Minute})
			u := &unit{service: whaley.Service{Name: "web"}, id: "id"}
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, startTimeout(time.Minute, ""))
			defer cancel()
			err := i.untilAnswers(ctx, u, whaley.Route{Type: whaley.RouteHTTP, Port: 80})
			err = timedOut(ctx, i.notReady(ctx, map[string]*unit{"web": u, "done": {}}, err))
			want := "within 1m0s: it still waits for web" + c.want
			var e *whaley.Error
			if !errors.As(err, &e) || e.Code != whaley.CodeStartTimeout || !strings.Contains(e.Detail, want) {
				t.Errorf("%s: %v, want …%s…", what, err, want)
			}
		})
	}
}

func TestReadinessIsAskedForAsRouteAndHealthCheckWantIt(t *testing.T) {
	check := &whaley.Health{}
	for _, c := range []struct {
		route  whaley.Route
		health *whaley.Health
		want   whaley.Readiness // empty: nothing is asked
	}{
		{whaley.Route{Type: whaley.RouteHTTP}, nil, whaley.ReadyHTTP},
		{whaley.Route{Type: whaley.RouteHTTP, Ready: whaley.ReadyTCP}, nil, whaley.ReadyTCP},
		{whaley.Route{Type: whaley.RouteHTTP, Ready: whaley.ReadyNone}, nil, ""},
		{whaley.Route{Type: whaley.RouteHTTP}, check, whaley.ReadyTCP},
		{whaley.Route{Type: whaley.RouteHTTP, Ready: whaley.ReadyHTTP}, check, whaley.ReadyHTTP},
		{whaley.Route{Type: whaley.RoutePort}, nil, whaley.ReadyTCP},
		{whaley.Route{Type: whaley.RoutePort, Ready: whaley.ReadyHTTP}, nil, whaley.ReadyHTTP},
		{whaley.Route{Type: whaley.RoutePort, UDP: true}, nil, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			prober := &closed{}
			i := &Instancer{Needs: Needs{Prober: prober}}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := i.untilAnswers(ctx, &unit{health: c.health}, c.route)
			if asked := slices.Compact(prober.asked); (err == nil) != (c.want == "") ||
				c.want != "" && !slices.Equal(asked, []whaley.Readiness{c.want}) {
				t.Errorf("%+v, health check %v: asked for %q, %v", c.route, c.health != nil, asked, err)
			}
		})
	}
}
