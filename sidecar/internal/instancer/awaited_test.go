package instancer

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

// listener is an engine that knows what listens in its containers.
type listener struct {
	Engine
	ports map[string][]int
}

func (l listener) Listens(_ context.Context, id string) ([]int, error) {
	ports, there := l.ports[id]
	if !there {
		return nil, errors.New("there is no cat")
	}
	return ports, nil
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func TestAStartThatTakesTooLongSaysWhatItWaitsFor(t *testing.T) {
	at := closedPort(t)
	route := Route{Type: RouteHTTP, Port: int(at.Port())}
	other := int(at.Port())%60000 + 1
	for what, c := range map[string]struct {
		ports map[string][]int
		want  string
	}{
		"another port":       {map[string][]int{"id": {other}}, " to open port @ (it listens on "},
		"no port":            {map[string][]int{"id": {}}, " to open port @ (nothing in it listens on any port)"},
		"nothing to be seen": {nil, " to open port @. Try again"},
	} {
		i := &Instancer{Needs: Needs{Engine: listener{ports: c.ports}}}
		i.policy.Store(&Policy{StartTimeout: time.Minute})
		u := &unit{service: Service{Name: "web"}, id: "id", address: at.Addr()}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Millisecond, startTimeout(time.Minute, ""))
		err := i.untilAnswers(ctx, u, route)
		err = timedOut(ctx, i.notReady(ctx, map[string]*unit{"web": u, "done": {}}, err))
		cancel()
		want := "within 1m0s: it still waits for web" + strings.ReplaceAll(c.want, "@", strconv.Itoa(route.Port))
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeStartTimeout || !strings.Contains(e.Detail, want) {
			t.Errorf("%s: %v, want …%s…", what, err, want)
		}
	}
}
