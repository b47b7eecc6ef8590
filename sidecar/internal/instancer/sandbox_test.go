package instancer

import "testing"

func TestOnlyWhatASandboxCanHoldGetsOne(t *testing.T) {
	plain := func() *Challenge {
		return &Challenge{Services: []Service{{Name: "web"}}, Routes: []Route{{Service: "web", Port: 80, Type: RouteHTTP}}}
	}
	if _, fits := (&Instancer{}).shape(plain()); !fits {
		t.Error("a plain challenge gets none")
	}
	for what, change := range map[string]func(*Challenge){
		"a host port":      func(ch *Challenge) { ch.Routes[0].Type = RoutePort },
		"several networks": func(ch *Challenge) { ch.Networks = []Network{{Name: "a"}, {Name: "b"}} },
		"a domain name":    func(ch *Challenge) { ch.Services[0].Domain = "example.org" },
		"a shared address": func(ch *Challenge) {
			ch.Services = append(ch.Services, Service{Name: "bot", Shares: "web"})
		},
		"no network":      func(ch *Challenge) { ch.Services = append(ch.Services, Service{Name: "job", Offline: true}) },
		"another runtime": func(ch *Challenge) { ch.Services[0].Runtime = "runsc" },
	} {
		ch := plain()
		change(ch)
		if _, fits := (&Instancer{}).shape(ch); fits {
			t.Errorf("with %s it gets one", what)
		}
	}
}
