package challenge_test

import (
	"strings"
	"testing"
)

func TestNoRouteLeadsToAServiceWithoutANetwork(t *testing.T) {
	_, err := load(t, folder(t, oneRoute, "services:\n  web: {image: x, network_mode: none}\n"))
	if err == nil || !strings.Contains(err.Error(), "routes[0].service: web is on no network (network_mode: none)") {
		t.Error(err)
	}
	dir := folder(
		t, oneRoute,
		"services:\n  web: {image: x}\n  bot: {image: x, network_mode: \"service:web\"}\n  job: {image: x, network_mode: none}\n"+
			"  third: {image: x, network_mode: \"service:bot\"}\n",
	)
	ch, err := load(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	web, bot, job, third := service(t, ch, "web"), service(t, ch, "bot"), service(t, ch, "job"), service(t, ch, "third")
	if web.Shares != "" || bot.Shares != "web" || third.Shares != "web" || !job.Offline || web.Offline {
		t.Errorf("%+v", ch.Services)
	}
	if len(bot.DependsOn) != 1 || bot.DependsOn[0].Service != "web" {
		t.Errorf("it may start before what it shares: %+v", bot.DependsOn)
	}
}

func TestARouteOfUDPHasALaneOfItsOwnProtocol(t *testing.T) {
	const both = "[[routes]]\nservice = \"web\"\nport = 53\ntype = \"port\"\n[[routes]]\nname = \"udp\"\nservice = \"web\"\nport = 53\ntype = \"port\"\nprotocol = \"udp\"\n"
	const compose = "services:\n  web: {image: x, ports: [\"53/udp\", \"53/tcp\", \"54/sctp\", \"55/udp\"]}\n"
	ch, err := load(t, folder(t, both, compose))
	if err != nil {
		t.Fatal(err)
	}
	if len(ch.Routes) != 2 || ch.Routes[0].UDP || !ch.Routes[1].UDP {
		t.Errorf("%+v", ch.Routes)
	}
	if len(ch.Notes) != 2 || !strings.Contains(ch.Notes[0].Text, "no route leads to UDP port 55 of web") ||
		!strings.Contains(ch.Notes[1].Text, "54/sctp left out") {
		t.Errorf("%+v", ch.Notes)
	}
}
