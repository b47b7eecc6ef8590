package instancer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// closed is a prober of services that do not answer, and knows what listens in their containers.
type closed struct {
	ports map[string][]int
	asked []Readiness
}

func (c *closed) Answers(_ context.Context, t Target) (Scheme, error) {
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
			i.policy.Store(&Policy{StartTimeout: time.Minute})
			u := &unit{service: Service{Name: "web"}, id: "id"}
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, startTimeout(time.Minute, ""))
			defer cancel()
			err := i.untilAnswers(ctx, u, Route{Type: RouteHTTP, Port: 80})
			err = timedOut(ctx, i.notReady(ctx, map[string]*unit{"web": u, "done": {}}, err))
			want := "within 1m0s: it still waits for web" + c.want
			var e *Error
			if !errors.As(err, &e) || e.Code != CodeStartTimeout || !strings.Contains(e.Detail, want) {
				t.Errorf("%s: %v, want …%s…", what, err, want)
			}
		})
	}
}

func TestReadinessIsAskedForAsRouteAndHealthCheckWantIt(t *testing.T) {
	check := &Health{}
	for _, c := range []struct {
		route  Route
		health *Health
		want   Readiness // empty: nothing is asked
	}{
		{Route{Type: RouteHTTP}, nil, ReadyHTTP},
		{Route{Type: RouteHTTP, Ready: ReadyTCP}, nil, ReadyTCP},
		{Route{Type: RouteHTTP, Ready: ReadyNone}, nil, ""},
		{Route{Type: RouteHTTP}, check, ReadyTCP},
		{Route{Type: RouteHTTP, Ready: ReadyHTTP}, check, ReadyHTTP},
		{Route{Type: RoutePort}, nil, ReadyTCP},
		{Route{Type: RoutePort, Ready: ReadyHTTP}, nil, ReadyHTTP},
		{Route{Type: RoutePort, UDP: true}, nil, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			prober := &closed{}
			i := &Instancer{Needs: Needs{Prober: prober}}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := i.untilAnswers(ctx, &unit{health: c.health}, c.route)
			if asked := slices.Compact(prober.asked); (err == nil) != (c.want == "") || c.want != "" && !slices.Equal(asked, []Readiness{c.want}) {
				t.Errorf("%+v, health check %v: asked for %q, %v", c.route, c.health != nil, asked, err)
			}
		})
	}
}
