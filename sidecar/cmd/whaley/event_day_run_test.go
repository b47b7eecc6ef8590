package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// eventDay is what stands in the blocks of the page for the event's day, line by line.
func eventDay(t *testing.T) (commands [][]string) {
	t.Helper()
	text, err := os.ReadFile("../../../docs/event-day.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range regexp.MustCompile("(?m)^ *(?:[0-9]+\\. ```\n *)?(whaley [a-z].*)$").FindAllStringSubmatch(string(text), -1) {
		commands = append(commands, strings.Fields(line[1])[1:])
	}
	return commands
}

// small makes a command one of a small event that lasts seconds.
func small(args []string, url, folder string) []string {
	small := append([]string(nil), args...)
	for n, arg := range small {
		switch {
		case arg == "URL":
			small[n] = url
		case n > 0 && args[n-1] == "--teams" && args[0] == "rehearse":
			small[n] = "2"
		case n > 0 && args[n-1] == "--for":
			small[n] = "1s"
		case strings.HasSuffix(arg, ".json"), strings.HasSuffix(arg, ".html"), strings.HasSuffix(arg, ".tar"):
			small[n] = filepath.Join(folder, arg)
		}
	}
	return small
}

// TestTheCommandsOfTheEventDayWorkOneAfterTheOther runs them against a Whaley whose engine is away: a rehearsal there ends
// with no-go, and all that one writes the next one reads. What needs an engine for anything else is tried elsewhere.
func TestTheCommandsOfTheEventDayWorkOneAfterTheOther(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	public, folder := testkit.FreeAddress(t), t.TempDir()
	env := map[string]string{
		"DATA_DIR": t.TempDir(), "CHALLENGES_DIR": "../../../challenges", "FIREWALL": "off", "LOG_LEVEL": "error",
		"ADMIN_KEY": "a key of organisers of this test", "LISTEN": public, "INTERNAL_LISTEN": "127.0.0.1:0",
		"EDGE_LISTEN": testkit.FreeAddress(t), "EDGE_TLS_LISTEN": "127.0.0.1:0", "DASHBOARD_URL": "http://" + public,
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, env, &strings.Builder{}) }()
	defer func() { end(); <-ended }()
	testkit.Eventually(t, time.Minute, "it answers", func() error {
		answer, err := http.Get("http://" + public + "/config")
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return errors.New(answer.Status)
		}
		return nil
	})
	ran := map[string]int{}
	for _, args := range eventDay(t) {
		from := env
		if args[0] == "restore" {
			from = map[string]string{"DATA_DIR": t.TempDir(), "CHALLENGES_DIR": t.TempDir()}
		}
		var out bytes.Buffer
		command := small(args, "http://"+public, folder)
		switch args[0] {
		case "test", "solve", "push":
			continue
		case "check", "health": // they say that the engine is away
			if err := run(ctx, command, from, &out); err == nil || !strings.Contains(out.String()+err.Error(), "engine") {
				t.Errorf("whaley %q: %v\n%s", command, err, &out)
			}
		case "rehearse":
			if err := run(ctx, command, from, &out); err == nil || !strings.HasPrefix(err.Error(), "no-go") {
				t.Errorf("whaley %q: %v\n%s", command, err, &out)
			}
		default:
			if err := run(ctx, command, from, &out); err != nil {
				t.Errorf("whaley %q: %v\n%s", command, err, &out)
			}
		}
		ran[args[0]]++
	}
	for command, least := range map[string]int{"check": 2, "rehearse": 5, "size": 1, "backup": 2, "restore": 1, "health": 1} {
		if ran[command] < least {
			t.Errorf("whaley %s stands in %d blocks of the page, expected at least %d", command, ran[command], least)
		}
	}
	for _, name := range []string{"before.json", "before.html", "before-event.tar", "after-event.tar"} {
		if f, err := os.Stat(filepath.Join(folder, name)); err != nil || f.Size() == 0 {
			t.Errorf("%s was not written: %v", name, err)
		}
	}
}
