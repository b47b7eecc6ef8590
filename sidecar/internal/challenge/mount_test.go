package challenge_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

func TestWhatIsMountedToBeWrittenIsACopyOfTheInstancesOwn(t *testing.T) {
	dir := folder(t, oneRoute, `
services:
  web:
    image: x
    volumes: ["./data:/data", "./app.db:/app/app.db", "./hosts:/etc/hosts", "./conf:/conf:ro"]
  bot:
    image: x
    volumes: ["./data:/seen:ro", "./data:/again", "./app.db:/app.db:ro"]
  shut:
    image: x
    read_only: true
    volumes: ["./app.db:/app.db", "./data:/data"]
`, "data/flag.txt", "FLAG{the_flag}", "app.db", "FLAG{the_flag}", "hosts", "", "conf/a", "")
	d := defaults
	d.FlagPrefix = "FLAG"
	ch, err := challenge.Load(t.Context(), dir, d)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range ch.Services {
		for _, m := range s.Mounts {
			source, _ := filepath.Rel(dir, m.Source)
			if m.Volume {
				source = "volume " + m.Source
			}
			from, _ := filepath.Rel(dir, m.From)
			got = append(got, strings.TrimSpace(fmt.Sprintln(s.Name, m.Target, source, from, m.ReadOnly, m.Flags)))
		}
	}
	want := []string{
		"bot /seen volume bot-1 data true [flag.txt]", "bot /again volume bot-1 data false [flag.txt]",
		"bot /app.db app.db  true [.]",
		"shut /app.db app.db  true [.]", "shut /data volume bot-1 data false [flag.txt]",
		"web /data volume bot-1 data false [flag.txt]", "web /app/app.db app.db app.db false [.]",
		"web /etc/hosts hosts  true []", "web /conf conf  true []",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !slices.Equal(ch.Volumes, []string{"bot-1"}) || !ch.Flag.Dynamic || len(ch.Notes) != 6 {
		t.Errorf("%q %+v %v", ch.Volumes, ch.Flag, ch.Notes)
	}
}
