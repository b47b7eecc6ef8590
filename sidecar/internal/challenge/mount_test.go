package challenge_test

import (
	"encoding/binary"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
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

func TestVolumesFromAnotherServiceAreTheSame(t *testing.T) {
	dir := folder(t, oneRoute, `
services:
  web:
    image: x
    volumes: ["named:/named", "/unnamed", "./conf:/conf:ro", "./none:/none", "./own:/own"]
    tmpfs: [/tmp]
  sidekick:
    image: x
    volumes_from: ["web:ro"]
    volumes: ["other:/named/"]
  third:
    image: x
    volumes_from: [sidekick]
  bare: {image: x, volumes_from: [web2]}
  web2: {image: x}
volumes: {named: , other: }
`, "conf/a", "", "own/a", "")
	ch, err := load(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	mounts := map[string][]string{}
	for _, s := range ch.Services {
		for _, m := range s.Mounts {
			source := m.Source
			if !m.Volume {
				source, _ = filepath.Rel(dir, m.Source)
			}
			mounts[s.Name] = append(mounts[s.Name], fmt.Sprint(path.Clean(m.Target), " ", source, " ", m.ReadOnly))
		}
		slices.Sort(mounts[s.Name])
		if len(s.Tmpfs) > 0 != (s.Name == "web") {
			t.Errorf("%s has %+v in memory", s.Name, s.Tmpfs)
		}
	}
	unnamed := strings.TrimSuffix(strings.TrimPrefix(mounts["web"][4], "/unnamed "), " false")
	none := strings.TrimSuffix(strings.TrimPrefix(mounts["web"][2], "/none "), " false")
	own := strings.TrimSuffix(strings.TrimPrefix(mounts["web"][3], "/own "), " false")
	shared := []string{
		"/conf conf true", "/named other false", "/none " + none + " true", "/own " + own + " true", "/unnamed " + unnamed + " true",
	}
	if want := []string{
		"/conf conf true", "/named named false", "/none " + none + " false", "/own " + own + " false", "/unnamed " + unnamed + " false",
	}; !slices.Equal(mounts["web"], want) || none == own || own == unnamed {
		t.Errorf("web has %q", mounts["web"])
	}
	for _, name := range []string{"sidekick", "third"} {
		if !slices.Equal(mounts[name], shared) {
			t.Errorf("%s has %q, want %q", name, mounts[name], shared)
		}
	}
	if !slices.ContainsFunc(ch.Notes, func(n whaley.Note) bool {
		return n.Key == "services.bare.volumes_from[0]" && strings.Contains(n.Text, "nothing to share")
	}) {
		t.Errorf("%+v", ch.Notes)
	}
}

func TestVolumesFromAnotherServiceCountAsTheServicesOwn(t *testing.T) {
	volumes := func(to string) (all string) {
		for n := range 40 {
			all += fmt.Sprintf("\"a:/%s%d\", ", to, n)
		}
		return all
	}
	_, err := load(t, folder(t, oneRoute, fmt.Sprintf(
		"services:\n  web: {image: x, volumes: [%s]}\n  db: {image: x, volumes: [%s], volumes_from: [web]}\nvolumes: {a: }\n", volumes("a"), volumes("b"),
	)))
	if err == nil || !strings.Contains(err.Error(), "services.db.volumes_from: makes 80 mounts; a service may have 64") {
		t.Error(err)
	}
}

func TestVolumesFromWhatIsNoServiceAreRefused(t *testing.T) {
	for from, want := range map[string]string{
		"container:whaley": "not another service of this file", "web": "services.web", "nothing": "services.web",
		"db:exec": "with :ro or :rw", "${FLAG}": "services.web.volumes_from",
	} {
		_, err := load(t, folder(t, oneRoute, fmt.Sprintf(
			"services:\n  web: {image: x, volumes_from: [\"%s\"]}\n  db: {image: x, volumes: [\"a:/a\"]}\nvolumes: {a: }\n", from,
		)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", from, err, want)
		}
	}
}

// wide is a text as Windows writes it: UTF-16 with a mark at its beginning.
func wide(text string, order binary.AppendByteOrder) string {
	var all []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + strings.ReplaceAll(text, "\n", "\r\n"))) {
		all = order.AppendUint16(all, unit)
	}
	return string(all)
}

func TestFilesOfWindowsAreRead(t *testing.T) {
	for name, of := range map[string]func(text string) string{
		"UTF-16":            func(text string) string { return wide(text, binary.LittleEndian) },
		"its other order":   func(text string) string { return wide(text, binary.BigEndian) },
		"UTF-8 with a mark": func(text string) string { return "\ufeff" + text },
	} {
		ch, err := load(t, folder(t, of(oneRoute), of("services:\n  web:\n    image: x\n    env_file: own.env\n    environment: {B: $B, A: größer}\n"),
			".env", of("B=é\n"), "own.env", of("C=c$B\n")))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := []string{"A=größer", "B=é", "C=cé"}; !slices.Equal(ch.Services[0].Environment, want) || len(ch.Notes) > 0 {
			t.Errorf("%s: %q %+v", name, ch.Services[0].Environment, ch.Notes)
		}
	}
}

func TestDocumentsWithNothingInThemDoNotCount(t *testing.T) {
	const web = "services:\n  web: {image: x}\n"
	for _, compose := range []string{"---\n" + web + "---\n", "---\n# first\n---\n" + web + "...\n---\n# last\n", web + "---\nnull\n"} {
		if _, err := load(t, folder(t, oneRoute, compose)); err != nil {
			t.Errorf("%q: %v", compose, err)
		}
	}
	if _, err := load(t, folder(t, oneRoute, web+"---\n---\nservices:\n  web: {privileged: true}\n")); err == nil ||
		!strings.Contains(err.Error(), "compose.yaml:4: has more than one document") {
		t.Error(err)
	}
}
