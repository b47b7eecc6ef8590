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
	dir := folder(t, oneRoute, "services:\n  web: {image: x}\n  bot: {image: x, network_mode: \"service:web\"}\n  job: {image: x, network_mode: none}\n"+
		"  third: {image: x, network_mode: \"service:bot\"}\n")
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
