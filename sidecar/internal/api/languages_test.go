package api_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/language"
)

// playersFolders are those whose problems may come to a player.
var playersFolders = regexp.MustCompile(`^(api/kit|api/player|ctfd|docker|identity|instancer|oidc|opening|` +
	`platform/containers|platform/kubernetes.*|port|standby|store|subnet|whaley)$`)

// notForPlayers are problems from there which only organisers, their programs or the log meet.
var notForPlayers = strings.Fields(`
	account_invalid adapter_refused limit_invalid number_invalid parameter_invalid time_invalid wait_invalid
	challenge_missing host_missing ctfd_admins_refused not_admin key_refused build_running shell_missing
	service_not_running waiting_own_image disk_short architecture_unknown ctfd_not_configured ctfd_not_found
	cursor_invalid database_not_empty mapping_taken organiser_exists organiser_not_found suspicion_not_found
	port_range_invalid subnet_pool_invalid id_invalid role_missing`)

// leftOut are values that the other languages do not show, since they are English words.
var leftOut = map[string]bool{"start_timeout": true, "flag_not_placed": true, "platform": true, "player_unknown": true,
	"state_changed": true, "challenge_not_found": true, "instance_not_found": true, "subnet_taken": true,
	"port_taken": true, "host_full": true, "image_failed": true, "streams_exhausted": true, "too_many_streams": true,
	"object_missing": true, "ctfd_misconfigured": true, "body_invalid": true}

var place = regexp.MustCompile(`\{\d\}`)

func TestEveryProblemOfAPlayerIsSaidInEachLanguage(t *testing.T) {
	codes := problemCodes(t)
	for _, name := range language.Others {
		said := language.Of(name).Problems
		for code, p := range codes {
			ofPlayers := slices.ContainsFunc(slices.Collect(maps.Keys(p.from)), playersFolders.MatchString)
			if ofPlayers && !slices.Contains(notForPlayers, code) && said[code] == "" {
				t.Errorf("%s.json does not say %s: %s", name, code, p.says)
			}
		}
		for key, text := range said {
			code, number, _ := strings.Cut(key, "/")
			p, there := codes[code]
			if !there {
				t.Errorf("%s.json says %s, which is no problem's code", name, key)
				continue
			}
			most := slices.Max(slices.Collect(maps.Keys(p.values)))
			least := slices.Min(slices.Collect(maps.Keys(p.values)))
			if number != "" {
				most, _ = strconv.Atoi(number)
				least = most
			}
			places := map[string]bool{}
			for _, one := range place.FindAllString(text, -1) {
				places[one] = true
			}
			if len(places) > most || len(places) < least && !leftOut[code] {
				t.Errorf("%s.json: %s has %d places for its %d to %d values: %s", name, key, len(places), least, most, text)
			}
		}
		if english := slices.Sorted(maps.Keys(language.Of("de").Words)); !slices.Equal(
			slices.Sorted(maps.Keys(language.Of(name).Words)), english,
		) {
			t.Errorf("%s.json has other words than de.json", name)
		}
	}
}

// TestThePagesHaveTheSameSentences keeps the dashboard's copy of the catalogues: a page loads its own language only.
func TestThePagesHaveTheSameSentences(t *testing.T) {
	for _, name := range language.Others {
		ours, err := os.ReadFile(filepath.Join("..", "language", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join("..", "..", "..", "frontend", "src", "lib", "languages", "problems", name+".json")
		if *write {
			if err := os.WriteFile(copied, ours, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if theirs, err := os.ReadFile(copied); err != nil || string(theirs) != string(ours) {
			t.Errorf("%s differs (%v): run go test ./internal/api -run 'Problem|Pages' -write", copied, err)
		}
	}
}

func TestAProblemIsSaidWithItsValues(t *testing.T) {
	quota := wire.Problem{Code: "quota_reached", Detail: "English", Values: []string{"3"}}
	for what, c := range map[string]struct {
		language string
		problem  wire.Problem
		says     string
	}{
		"with its value":    {"de", quota, "Du nutzt alle 3 Instanzen, die du haben darfst. Beende eine, um eine andere zu starten."},
		"English":           {"en", quota, "English"},
		"no language":       {"", quota, "English"},
		"of more values":    {"fr", wire.Problem{Code: "quota_reached", Values: []string{"1", "a {1}"}}, "Vous utilisez vos 1 instances : a {1}."},
		"of too few values": {"es", wire.Problem{Code: "quota_reached", Detail: "English"}, "English"},
		"a state":           {"ja", wire.Problem{Code: "instance_not_live", Values: []string{"stopped"}}, "(停止)"},
		"a moment":          {"zh", wire.Problem{Code: "event_over", Values: []string{"2026-05-16T10:00:00Z"}}, " 2026-05-16 10:00 UTC "},
		"of the organisers": {"de", wire.Problem{Code: "draining", Values: []string{"Lunch <b>"}}, "Lunch <b>"},
		"unknown":           {"de", wire.Problem{Code: "new", Detail: "English"}, "English"},
	} {
		if got := language.Problem(c.language, c.problem).Detail; !strings.Contains(got, c.says) {
			t.Errorf("%s: %q, and should say %q", what, got, c.says)
		}
	}
	if got := language.Stage("de", "Waiting for web to open port 80"); got != "Warten auf web to open port 80" {
		t.Errorf("a stage: %q", got)
	}
}
