package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryCommandOfTheEventDayIsThereWithItsOptions: who reads that page on the day has no time to find out.
func TestEveryCommandOfTheEventDayIsThereWithItsOptions(t *testing.T) {
	text, err := os.ReadFile("../../../docs/event-day.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile("(?m)(?:^\\s*|`)whaley ([a-z]+)((?: +[^\\s`]+)*)").FindAllStringSubmatch(string(text), -1)
	if len(commands) < 15 {
		t.Fatalf("only %d commands found", len(commands))
	}
	var help bytes.Buffer
	if err := run(context.Background(), []string{"help"}, nil, &help); err != nil {
		t.Fatal(err)
	}
	plain := []string{"check", "health", "backup", "restore"} // these take no options
	for _, c := range commands {
		name, args := c[1], strings.Fields(c[2])
		if !strings.Contains(help.String(), "whaley "+name) {
			t.Errorf("there is no command %s", name)
			continue
		}
		if slices.Contains(plain, name) {
			if n := len(args); n > 1 || n == 1 && strings.HasPrefix(args[0], "-") {
				t.Errorf("whaley %s takes no %q", name, args)
			}
			continue
		}
		// With --help at the end all options before it are read, and nothing is done.
		var out bytes.Buffer
		if err := run(context.Background(), append(c[1:2:2], append(args, "--help")...), nil, &out); err != nil {
			t.Errorf("whaley %s %q: %v", name, args, err)
		}
		if !strings.Contains(out.String(), "whaley "+name) {
			t.Errorf("whaley %s --help prints %q", name, out.String())
		}
	}
}
