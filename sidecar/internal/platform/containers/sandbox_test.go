package containers

import (
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestOnlyWhatASandboxCanHoldGetsOne(t *testing.T) {
	plain := func() *whaley.Challenge {
		return &whaley.Challenge{
			Services: []whaley.Service{{Name: "web"}},
			Routes:   []whaley.Route{{Service: "web", Port: 80, Type: whaley.RouteHTTP}},
		}
	}
	if _, fits := (&Platform{}).shape(plain()); !fits {
		t.Error("a plain challenge gets none")
	}
	for what, change := range map[string]func(*whaley.Challenge){
		"a host port":      func(ch *whaley.Challenge) { ch.Routes[0].Type = whaley.RoutePort },
		"several networks": func(ch *whaley.Challenge) { ch.Networks = []whaley.Network{{Name: "a"}, {Name: "b"}} },
		"a domain name":    func(ch *whaley.Challenge) { ch.Services[0].Domain = "example.org" },
		"a shared address": func(ch *whaley.Challenge) {
			ch.Services = append(ch.Services, whaley.Service{Name: "bot", Shares: "web"})
		},
		"no network": func(ch *whaley.Challenge) {
			ch.Services = append(ch.Services, whaley.Service{Name: "job", Offline: true})
		},
		"another runtime": func(ch *whaley.Challenge) { ch.Services[0].Runtime = "runsc" },
	} {
		ch := plain()
		change(ch)
		if _, fits := (&Platform{}).shape(ch); fits {
			t.Errorf("with %s it gets one", what)
		}
	}
}
