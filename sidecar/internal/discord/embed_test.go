package discord_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/whaley-ctf/whaley/sidecar/internal/discord"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type message struct {
	Embeds []struct {
		Title  string
		Color  int
		Fields []struct{ Name, Value string }
	}
	AllowedMentions struct{ Parse []string } `json:"allowed_mentions"`
}

func encode(t *testing.T, d discord.Details, events ...whaley.Event) (message, int) {
	t.Helper()
	body, used, err := discord.Encoder(func(context.Context, whaley.Event) (discord.Details, error) { return d, nil })(
		t.Context(), events,
	)
	if err != nil {
		t.Fatal(err)
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	if m.AllowedMentions.Parse == nil || len(m.AllowedMentions.Parse) > 0 {
		t.Errorf("mentions are allowed: %s", body)
	}
	return m, used
}

func TestEachKindOfEventLooksAsItShould(t *testing.T) {
	for kind, color := range map[string]int{
		"instance_running": 0x2ecc71, "instance_spawn_failed": 0xe74c3c, "instance_extend": 0xf1c40f,
		"instance_stop":    0xe67e22,
		"instance_expired": 0xe67e22, "suspicious_submission": 0x8e44ad,
	} {
		ev := whaley.Event{
			Type: kind, Instance: "web-1", Challenge: "web", Owner: "team_1", Player: "user_2", Message: "why: so",
			At: time.Now(),
		}
		if !discord.Wants(ev) {
			t.Errorf("%s is not wanted", kind)
		}
		m, used := encode(
			t,
			discord.Details{
				Challenge: "Web!", Owner: "The team", Ways: []string{"nc 127.0.0.1 30000"}, ExpiresAt: time.Unix(1900000000, 0),
			},
			ev,
		)
		if used != 1 || len(m.Embeds) != 1 || m.Embeds[0].Color != color || !strings.HasSuffix(m.Embeds[0].Title, ": Web!") {
			t.Errorf("%s: %+v", kind, m)
		}
		text := fmt.Sprint(m.Embeds[0].Fields)
		for _, want := range []string{`The team \(team\_1\)`, `user\_2`, "why: so"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in %s", kind, want, text)
			}
		}
		if strings.Contains(text, "`nc 127.0.0.1 30000`") != (kind == "instance_running") {
			t.Errorf("%s: %s", kind, text)
		}
	}
	if discord.Wants(whaley.Event{Type: "instance_spawn"}) || discord.Wants(whaley.Event{Type: "admin_settings"}) {
		t.Error("a channel is told of too much")
	}
}

func TestNamesOfPlayersFormatAndMentionNothing(t *testing.T) {
	m, _ := encode(t, discord.Details{Owner: "@everyone **x** [a](http://evil) <@1>\n# `", Challenge: "<@&2> \xff"},
		whaley.Event{Type: "instance_running", Owner: "o", Instance: "i"})
	text := fmt.Sprint(m.Embeds[0])
	for _, bad := range []string{"@everyone", "**x**", "](http", "<@1>", "<@&2>", "\n#", "\xff"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in %s", bad, text)
		}
	}
}

func TestManyEventsFitDiscordsLimits(t *testing.T) {
	long := whaley.Event{Type: "instance_spawn_failed", Owner: "o", Instance: "i", Message: strings.Repeat("ü", 5000)}
	all := make([]whaley.Event, 25)
	for n := range all {
		all[n] = long
	}
	m, used := encode(t, discord.Details{}, all...)
	size := 0
	for _, e := range m.Embeds {
		size += utf8.RuneCountInString(e.Title)
		for _, f := range e.Fields {
			size += utf8.RuneCountInString(f.Name) + utf8.RuneCountInString(f.Value)
			if utf8.RuneCountInString(f.Value) > 1024 {
				t.Errorf("a value of %d", utf8.RuneCountInString(f.Value))
			}
		}
	}
	if used != len(m.Embeds) || used == 0 || used > 10 || size > 6000 {
		t.Errorf("%d used, %d embeds, %d characters", used, len(m.Embeds), size)
	}
	for n := range 10 {
		all[n].Message = "short"
	}
	if m, used = encode(t, discord.Details{}, all...); used != 10 || len(m.Embeds) != 10 {
		t.Errorf("%d of ten short ones in a message", used)
	}
	flood := make([]whaley.Event, 300)
	for n := range flood {
		flood[n] = whaley.Event{Type: "instance_expired"}
	}
	if m, used = encode(t, discord.Details{}, flood...); used != 300 || len(m.Embeds) != 1 ||
		m.Embeds[0].Fields[0].Value != "300" {
		t.Errorf("%d %+v", used, m)
	}
}

func TestWithoutDetailsTheEventIsTold(t *testing.T) {
	body, used, err := discord.Encoder(func(context.Context, whaley.Event) (discord.Details, error) {
		return discord.Details{Owner: "half"}, errors.New("database")
	})(t.Context(), []whaley.Event{{Type: "instance_stop", Owner: "o", Challenge: "web"}})
	if err != nil || used != 1 || !strings.Contains(string(body), "Instance stopped: web") {
		t.Errorf("%s %d %v", body, used, err)
	}
}
