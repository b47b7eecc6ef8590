package config_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
)

func TestAVariableIsReadByItsChallengesAndNobodyElse(t *testing.T) {
	ctx, db := t.Context(), openStore(t, "", t.TempDir())
	var log bytes.Buffer
	l := live(t, db, nil, slog.New(slog.NewTextHandler(&log, nil)))
	changed := 0
	l.Use(func(*config.Config) { changed++ })
	set := func(challenge, name string, value *string) {
		t.Helper()
		if err := l.SetVariable(ctx, "ada", config.Variable{Challenge: challenge, Name: name}, value); err != nil {
			t.Fatal(err)
		}
	}
	set("", "API_KEY", text("sk-for-all"))
	set("web", "API_KEY", text("sk-for-web"))
	set("pwn", "TOKEN", text("a 'quoted'\n$value"))
	for what, got := range map[string]*config.Live{
		"here": l, "after a restart": live(t, db, nil, slog.New(slog.DiscardHandler)),
	} {
		want := map[string]map[string]string{
			"web": {"API_KEY": "sk-for-web"}, "pwn": {"API_KEY": "sk-for-all", "TOKEN": "a 'quoted'\n$value"},
			"misc": {"API_KEY": "sk-for-all"},
		}
		for challenge, values := range want {
			if diff := cmp.Diff(values, got.Values(challenge)); diff != "" {
				t.Error(what, challenge, diff)
			}
		}
	}
	stored, err := db.Settings(ctx)
	if err != nil || len(stored) != 3 {
		t.Fatal(stored, err)
	}
	history, err := db.SettingChanges(ctx, "", 10)
	if err != nil || len(history) != 3 || history[0].By != "ada" {
		t.Fatal(history, err)
	}
	for _, h := range history {
		stored[h.ID] = *h.After
	}
	for name, value := range stored {
		if strings.Contains(value, "sk-for") || strings.Contains(value, "quoted") {
			t.Errorf("%s is stored as %q", name, value)
		}
	}
	if strings.Contains(log.String(), "sk-for") || changed != 4 {
		t.Errorf("%d changes, logged: %s", changed, log.String())
	}
	set("web", "API_KEY", nil)
	if got := l.Values("web"); got["API_KEY"] != "sk-for-all" || len(l.Now().Variables()) != 2 || len(l.Now().Ignored) != 0 {
		t.Errorf("%v %v", got, l.Now())
	}
	stored["variable:/OTHER"] = stored["variable:/API_KEY"] // moved by whoever can write the database
	err = db.ChangeSettings(ctx, "", func(now map[string]string) (map[string]string, error) {
		now["variable:/OTHER"] = now["variable:/API_KEY"]
		return now, nil
	})
	if err != nil || l.Load(ctx) != nil || l.Values("web")["OTHER"] != "" || l.Now().Ignored["variable:/OTHER"] == "" {
		t.Errorf("a value was put in another's place: %v %v", l.Values("web"), err)
	}
	for _, name := range []string{"", "1A", "A-B", "FLAG", "WHALEY_CA", "INSTANCE_ID", strings.Repeat("A", 101), "A\n"} {
		if err := l.SetVariable(ctx, "ada", config.Variable{Name: name}, text("sk-refused")); err == nil ||
			strings.Contains(err.Error(), "sk-") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := l.SetVariable(ctx, "ada", config.Variable{Name: "LONG"}, text(strings.Repeat("x", 9000))); err == nil {
		t.Error("a value of 9000 bytes is taken")
	}
}
