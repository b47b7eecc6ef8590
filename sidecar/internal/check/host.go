package check

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/connect"
	"github.com/whaley-ctf/whaley/sidecar/internal/datadir"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
	"github.com/whaley-ctf/whaley/sidecar/internal/port"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	oldestEngine = 20 // major version
	quickEngine  = 28 // from which on networks are made in half the time
	listedAtMost = 5
	manyTaken    = 5 // per cent of the range of ports
)

func checkChallenges(ctx context.Context, c *config.Config, variables string, r *report) *challenge.Library {
	common := app.ChallengeDefaults(c)
	common.Variables = variables
	library := challenge.NewLibrary(c.ChallengesDir, common)
	problems, err := library.Reload(ctx)
	for _, e := range library.Entries() {
		for _, note := range e.Notes {
			note.Note = false // hint says that it is one
			r.hint("challenges", "%s", note)
		}
	}
	if names := wantAsSent(library.All()); c.Edge == "traefik" && !c.ForwardedAsSent && len(names) > 0 {
		r.fault(
			"challenges",
			"forwarded = \"append\" or \"none\" of "+strings.Join(names, ", ")+": Traefik takes off what players send",
			"Set FORWARDED_AS_SENT=true in .env and call make up, which tells Traefik to pass it on (docs/operate.md).",
		)
	}
	r.say("challenges", err, "CHALLENGES_DIR must be a folder with one folder per challenge.")
	for _, p := range problems {
		r.fault("challenges", p.String(), "Fix the file; the other challenges load without this one.")
	}
	if err == nil {
		fmt.Fprintf(r.out, "%-11s %d can be started\n", "challenges", len(library.All()))
	}
	return library
}

// wantAsSent are the challenges with a route that wants what players send as forwarding headers.
func wantAsSent(all []*whaley.Challenge) []string {
	var names []string
	for _, ch := range all {
		if slices.ContainsFunc(
			ch.Routes, func(r whaley.Route) bool { return r.Forwarded != "" && r.Forwarded != wire.ForwardedReplace },
		) {
			names = append(names, ch.ID)
		}
	}
	return names
}

// checkDatabase also reads what other probes go by.
func checkDatabase(ctx context.Context, c *config.Config, env map[string]string, r *report, k *known) bool {
	const mend = "DATABASE_URL names PostgreSQL; without it DATA_DIR must be writable."
	if entries, err := os.ReadDir(c.DataDir); err != nil || len(entries) == 0 {
		if err := datadir.Open(c.DataDir, slog.New(slog.DiscardHandler)); err != nil {
			return r.say("database", err, mend)
		}
	}
	db, err := store.Open(ctx, string(c.DatabaseURL), c.DataDir)
	if err != nil {
		return r.say("database", err, mend)
	}
	defer db.Close()
	keys, err := app.DeriveKeys(ctx, c, db)
	if err != nil {
		return r.say("database", err, "The secret and the database belong together.")
	}
	if k.ports, err = db.HeldPorts(ctx); err != nil {
		return r.say("database", err, mend)
	}
	mappings, err := db.Mappings(ctx)
	if err != nil {
		return r.say("database", err, mend)
	}
	for _, m := range mappings {
		if m.Part == "" {
			k.mappings[m.Challenge] = m.CTFdChallenge
		}
	}
	k.mapped, k.live = mappings, map[int][]whaley.Registration{}
	for _, m := range mappings {
		if k.live[m.CTFdChallenge], err = db.RegistrationsIn(ctx, m.CTFdChallenge); err != nil {
			return r.say("database", err, mend)
		}
	}
	if err := db.ChangeMeta(ctx, connect.Memory, func(text string) string { k.written = text; return text }); err != nil {
		return r.say("database", err, mend)
	}
	settings, err := db.ChallengeSettings(ctx)
	if err != nil {
		return r.say("database", err, mend)
	}
	for id, s := range settings {
		k.closed[id] = !s.Active
	}
	live, err := config.NewLive(ctx, env, db, keys.Setting, slog.New(slog.DiscardHandler))
	if err != nil {
		return r.say("database", err, mend)
	}
	k.now, k.variables = live.Config(), app.ChallengeDefaultsNow(live.Now()).Variables
	for name, reason := range live.Now().Ignored {
		r.fault(
			"settings", fmt.Sprintf("%s is set in the database and ignored: %s", name, reason),
			"Reset it in the admin panel, or change the environment.",
		)
	}
	ahead, err := db.Ahead(ctx)
	if err == nil {
		checkSkew("the database's", ahead, r)
	}
	return r.say("database", err, mend)
}

func checkEngine(ctx context.Context, c *config.Config, library *challenge.Library, r *report, k *known) bool {
	const mend = "Is dockerd running, and may this user use its socket? DOCKER_HOST names another."
	engine, err := docker.New(docker.Options{Deployment: "check", Folder: c.DataDir}, slog.New(slog.DiscardHandler))
	if err != nil {
		return r.say("engine", err, mend)
	}
	defer engine.Close()
	about, err := engine.About(ctx)
	if !r.say("engine", err, mend) {
		return false
	}
	k.engine = about
	checkAbout(about, c, library, r)
	if left, err := datadir.RoomIn(about.Folder); err == nil && left.Scarce() != "" {
		r.fault(
			"disk", fmt.Sprintf("%s, where the engine keeps images and containers, %s", about.Folder, left.Scarce()),
			"Remove what is not needed there (docker image prune), or make the disk larger.",
		)
	}
	return true
}

// checkAbout judges what the engine says of itself.
func checkAbout(about docker.About, c *config.Config, library *challenge.Library, r *report) {
	major, _, _ := strings.Cut(about.Version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < oldestEngine {
		r.fault(
			"engine", "Docker "+about.Version+" is too old", "Install Docker 28 or newer; 20.10 is the oldest that works.",
		)
	} else if err == nil && n < quickEngine {
		r.hint("engine", "Docker %s works; from 28 on instances start in about half the time", about.Version)
	}
	if len(about.Unlimited) > 0 {
		slices.Sort(about.Unlimited)
		r.fault(
			"engine",
			"this kernel cannot limit "+strings.Join(about.Unlimited, ", ")+
				" of containers, so one instance can take the whole host",
			"Boot with cgroup_enable=memory swapaccount=1, or a kernel with cgroup v2.",
		)
	}
	if int64(c.MemoryBudget) > about.Memory {
		r.fault(
			"engine", fmt.Sprintf("MEMORY_BUDGET is more than the %d MiB that the engine's host has", about.Memory>>20),
			"Lower it, and leave 1 to 2 GiB for the host.",
		)
	}
	if c.MemoryBudget == 0 && c.MaxInstances == 0 {
		r.hint(
			"engine", "neither MAX_INSTANCES nor MEMORY_BUDGET bounds what the host is asked for; it has %d MiB",
			about.Memory>>20,
		)
	}
	for _, m := range app.MissingRuntimes(library, about.Runtimes) {
		r.fault(
			"engine", m,
			"Install the runtime and name it in the engine's daemon.json, or change CONTAINER_RUNTIME or [security] runtime in instance.toml.",
		)
	}
}

// checkPorts looks for others in the range of host ports.
func checkPorts(c *config.Config, r *report, held map[int]string) {
	ports, err := port.Listening(c.PortRangeStart, c.PortRangeEnd)
	if err != nil {
		r.say("ports", err, "The list of open ports could not be read.")
		return
	}
	ports = slices.DeleteFunc(ports, func(n int) bool { return held[n] != "" })
	var names []string
	for _, n := range ports[:min(len(ports), listedAtMost)] {
		names = append(names, strconv.Itoa(n))
	}
	others := fmt.Sprintf(
		"%d of the ports from %d to %d are used by something else: %s", len(ports), c.PortRangeStart, c.PortRangeEnd,
		strings.Join(names, ", "),
	)
	if 100*len(ports) >= manyTaken*(c.PortRangeEnd-c.PortRangeStart+1) {
		r.fault("ports", others, "Move that service, or PORT_RANGE_START and PORT_RANGE_END; ss -ltnp names what listens.")
		return
	}
	r.ok("ports")
	if len(ports) > 0 {
		r.hint("ports", "%s; instances get others", others)
	}
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		var first, last int
		if _, err := fmt.Sscan(string(text), &first, &last); err == nil && first <= c.PortRangeEnd && c.PortRangeStart <= last {
			r.hint(
				"ports",
				"the range overlaps %d to %d, from which this host takes ports for its own connections; net.ipv4.ip_local_reserved_ports=%d-%d keeps them apart",
				first, last, c.PortRangeStart, c.PortRangeEnd,
			)
		}
	}
}

// checkClock goes by what the kernel says of its clock.
func checkClock(synchronised func() bool, r *report) {
	if !synchronised() {
		r.hint(
			"clock",
			"the kernel knows of nothing that keeps this machine's clock right; expiry and tickets go by it. Install chrony or systemd-timesyncd",
		)
	}
}

func checkWall(ctx context.Context, c *config.Config, pool netip.Prefix, r *report) {
	if c.Firewall != "auto" {
		r.hint("firewall", "FIREWALL=off: instances may reach whatever this host listens on, and each other")
		return
	}
	opened, err := app.TryFirewall(ctx, c, pool)
	if errors.Is(err, firewall.ErrNotStatic) {
		r.hint("firewall", "can be set, not tried from inside: %v", err)
		err = nil
	}
	r.say(
		"firewall", err,
		"It must run in the network namespace of the engine's host (network_mode: host), with CAP_NET_ADMIN. FIREWALL=off goes without.",
	)
	checkSockets(opened, r)
}

// checkSockets tells of an engine whose profile of system calls is older than what is known of it.
func checkSockets(opened []string, r *report) {
	if len(opened) > 0 {
		r.hint(
			"engine",
			"its seccomp profile lets containers open sockets of %s, which lead to the hypervisor and into the kernel. "+
				"Newer engines refuse them: update Docker, or give it a profile that does (seccomp-profile in its daemon.json)",
			strings.Join(opened, " and "),
		)
	}
}
