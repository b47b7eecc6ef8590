package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/datadir"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// known is what the database has that other probes go by.
type known struct {
	now       *config.Config // the settings as they are in force, with what organisers have changed
	ports     map[int]string // host port → which instance holds it
	mappings  map[string]int // challenge → CTFd's
	mapped    []*whaley.Mapping
	live      map[int][]whaley.Registration // challenge of CTFd → what it should hold
	written   string                        // what connect remembers
	variables string                        // names of the organisers' own, see challenge.Defaults
	closed    map[string]bool
	engine    docker.About // empty: it does not answer
}

// checkOpen tells of what keeps players from starting anything although nothing is broken.
func checkOpen(k known, library *challenge.Library, r *report) {
	if k.now.Drain {
		r.hint("spawning", "DRAIN is on: nothing is started, and players read %q", k.now.DrainMessage)
	}
	all := library.All()
	var closed []string
	for _, ch := range all {
		if k.closed[ch.ID] {
			closed = append(closed, ch.ID)
		}
	}
	switch {
	case len(all) == 0:
		r.hint("spawning", "there is no challenge in CHALLENGES_DIR=%s that could be started", k.now.ChallengesDir)
	case len(closed) == len(all):
		r.hint("spawning", "every challenge is closed; the admin panel opens them")
	case len(closed) > 0:
		r.hint("spawning", "closed to players: %s", some(closed))
	}
}

// checkFlags looks whether owners get flags of their own, and whether CTFd takes them.
func checkFlags(k known, library *challenge.Library, r *report) {
	if !k.now.DynamicFlags {
		r.hint(
			"flags", "DYNAMIC_FLAGS_ENABLED=false: a challenge's flag is the same for everybody, and sharing it is not found",
		)
		return
	}
	var unmapped, static []string
	dynamic := 0
	for _, ch := range library.All() {
		switch {
		case ch.StaticFlags:
		case !ch.Flag.Dynamic:
			static = append(static, ch.ID)
		default:
			dynamic++
			unnamed := func(form whaley.FlagForm) bool { return form.Scoreboard == (whaley.ScoreboardName{}) }
			if k.mappings[ch.ID] == 0 && slices.ContainsFunc(ch.Flag.Forms(), unnamed) {
				unmapped = append(unmapped, ch.ID)
			}
		}
	}
	switch {
	case dynamic == 0 && len(static) > 0:
		r.hint(
			"flags",
			"no file of any challenge holds a placeholder %s, so no owner gets a flag of their own. Is FLAG_PREFIX, or FLAG_FORMAT, what the challenges are written with?",
			cmp.Or(k.now.FlagFormat, k.now.FlagPrefix+"{…}"),
		)
	case k.now.AuthMode != "ctfd" && k.now.AuthMode != "rctf" && dynamic > 0:
		r.hint("flags", "with AUTH_MODE=%s flags are made and placed, and no scoreboard is told of them", k.now.AuthMode)
	case k.now.AuthMode == "ctfd" && len(k.mappings) == 0 && len(unmapped) > 0: // a first run, all right so far
		r.hint(
			"flags",
			"next step: say which challenge of CTFd each of %s is (admin panel, Flags, CTFd). Until then CTFd refuses the flags that players find",
			some(unmapped),
		)
	case k.now.AuthMode == "ctfd" && len(unmapped) > 0:
		r.fault("flags", "CTFd is not told of the owners' flags of "+some(unmapped)+", so it refuses what players find there",
			"Map each to its challenge of CTFd (admin panel, Flags), or set disable_dynamic_flags in its instance.toml.")
	default:
		r.ok("flags")
	}
	if dynamic > 0 && len(static) > 0 {
		r.hint(
			"flags",
			"all owners have the same flag in %s: no text there is known as the flag. The notes say what looks like one; [flag] text in instance.toml names it, disable_dynamic_flags says that it is meant so",
			some(static),
		)
	}
}

// unbounded is more than any challenge asks for.
const unbounded = 1 << 50

// checkCaps tells which services get less than their files ask for, by loading the challenges once more without caps.
func checkCaps(ctx context.Context, c *config.Config, library *challenge.Library, r *report) {
	generous := app.ChallengeDefaults(c)
	generous.Limits = whaley.Limits{MemoryBytes: unbounded, NanoCPUs: unbounded, Pids: unbounded}
	asking := challenge.NewLibrary(c.ChallengesDir, generous)
	if _, err := asking.Reload(ctx); err != nil {
		return // told of before
	}
	for _, ch := range library.All() {
		asked, ok := asking.Get(ch.ID)
		if !ok {
			continue
		}
		for n, s := range ch.Services {
			var less []string
			for _, l := range []struct {
				setting     string
				asked, gets int64
				text        func(int64) string
			}{
				{
					"CONTAINER_MAX_MEMORY", asked.Services[n].Limits.MemoryBytes, s.Limits.MemoryBytes,
					func(v int64) string { return fmt.Sprintf("%d MiB", v>>20) },
				},
				{
					"CONTAINER_MAX_CPU", asked.Services[n].Limits.NanoCPUs, s.Limits.NanoCPUs,
					func(v int64) string { return fmt.Sprintf("%g CPUs", float64(v)/1e9) },
				},
				{
					"CONTAINER_PIDS_LIMIT", asked.Services[n].Limits.Pids, s.Limits.Pids,
					func(v int64) string { return fmt.Sprintf("%d processes", v) },
				},
			} {
				if l.asked > l.gets && l.asked < unbounded/1024 { // what asks for nothing gets its part of all
					less = append(less, fmt.Sprintf("%s of %s (%s)", l.text(l.gets), l.text(l.asked), l.setting))
				}
			}
			if len(less) > 0 {
				r.hint(
					"limits", "service %s of %s gets %s; the panel can give one challenge more", s.Name, ch.ID,
					strings.Join(less, ", "),
				)
			}
		}
	}
}

const (
	fewLines = 100 // of a container's output: less shows no cause of anything
	fewCalls = 3   // a minute: to start, to extend and to stop
)

// checkSmall tells of settings that are allowed and leave next to nothing.
func checkSmall(c *config.Config, r *report) {
	switch {
	case !c.ForensicsAuto:
		r.hint("forensics", "FORENSICS_AUTO_CAPTURE=false: what an instance printed is gone when it ends")
	case c.ForensicsLines < fewLines:
		r.hint("forensics", "FORENSICS_TAIL_LINES=%d keeps next to nothing of what a container printed", c.ForensicsLines)
	}
	if c.UserRateLimit > 0 && c.UserRateLimit < fewCalls {
		r.hint("limits", "USER_RATE_LIMIT=%d: a player cannot start, extend and stop within a minute", c.UserRateLimit)
	}
	if c.AddressLimit > 0 && (c.AddressLimit < c.UserRateLimit || c.UserRateLimit == 0) {
		r.hint(
			"limits",
			"ADDRESS_RATE_LIMIT=%d is what all players of one room have together, and less than one of them may have (USER_RATE_LIMIT=%d)",
			c.AddressLimit, c.UserRateLimit,
		)
	}
}

// some is the beginning of a list, and how long it is.
func some(names []string) string {
	if len(names) <= listedAtMost {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:listedAtMost], ", "), len(names)-listedAtMost)
}

// checkCapacity looks whether the range of host ports is as large as what may live at once.
func checkCapacity(k known, library *challenge.Library, r *report) {
	c := k.now
	total, held := c.PortRangeEnd-c.PortRangeStart+1, 0
	for n := range k.ports {
		if n >= c.PortRangeStart && n <= c.PortRangeEnd {
			held++
		}
	}
	const mend = "Make the range from PORT_RANGE_START to PORT_RANGE_END larger."
	if 100*held >= 100*total-datadir.FewFree*total {
		r.fault("ports", fmt.Sprintf("%d of %d host ports are held by instances", held, total), mend)
		return
	}
	most, of := 0, ""
	for _, ch := range library.All() {
		n := 0
		for _, route := range ch.Routes {
			if route.Type == whaley.RoutePort {
				n++
			}
		}
		if n > most {
			most, of = n, ch.ID
		}
	}
	if most*c.MaxInstances > total {
		r.hint(
			"ports", "MAX_INSTANCES=%d instances like those of %s need %d host ports, and the range has %d", c.MaxInstances, of,
			most*c.MaxInstances, total,
		)
	}
}

// checkTeams compares TEAM_MODE with what CTFd plays.
func checkTeams(mode string, inTeams bool, r *report) {
	switch {
	case mode == "enabled" && !inTeams:
		r.fault(
			"teams", "TEAM_MODE=enabled, and CTFd's players are not in teams: each of them would be refused",
			"Set TEAM_MODE=auto, or CTFd's user mode to teams.",
		)
	case mode == "disabled" && inTeams:
		r.hint(
			"teams",
			"CTFd plays in teams, and with TEAM_MODE=disabled each member has instances and flags of their own: a flag that a team shares counts as another player's",
		)
	default:
		r.ok("teams")
	}
}
