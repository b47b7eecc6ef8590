package check

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// fewInstances at once get along with what a kernel has by default.
const fewInstances = 500

// What a host wants of its table of connections: room for itself and for some instances that use up their shares, each
// of which may also leave three times as many behind that are over.
const (
	hostConnections = 65536
	hogs            = 32
	hogTimes        = 4
)

// The session keys that the engine gives containers belong to one user if it remaps them, and any user but root may
// have 200.
const (
	keysEach  = 2   // of a container, with one that is being replaced
	keyBytes  = 150 // of one
	serviceOf = 4   // containers of an instance
)

// unsent is how many bytes a kernel should take for a connection beyond what it has sent. Whaley's own listeners say so
// themselves; Traefik's cannot.
const unsent = 128 << 10

// learning is the kernel from which on a bridge can be told how many addresses to remember.
var learning = [2]int{6, 7}

// limits are settings of the kernel by name.
type limits map[string]int

func checkKernel(proc string, c *config.Config, about docker.About, library *challenge.Library, r *report) {
	all := library.All()
	if c.MaxInstances == 0 || c.MaxInstances > fewInstances {
		// Each instance is a neighbour in a network of its own, and the engine watches files of each container.
		wants(proc, limits{"net.ipv4.neigh.default.gc_thresh3": 16384, "fs.inotify.max_user_instances": 8192}, r,
			fmt.Sprintf("more than %d instances at once want higher limits", fewInstances))
	}
	if outward := named(all, connects); len(outward) > 0 {
		checkConnections(proc, c, outward, r)
	}
	if about.Remapped {
		containers := serviceOf * atOnce(c)
		wants(
			proc, limits{"kernel.keys.maxkeys": keysEach * containers, "kernel.keys.maxbytes": keysEach * containers * keyBytes},
			r, "the engine remaps users, so that all containers share one user's keys, and starts fail when these run out",
		)
	}
	if c.Edge == "traefik" {
		checkUnsent(proc, r)
	}
	if raw := named(all, sendsRaw); len(raw) > 0 && older(proc, learning) {
		r.hint(
			"kernel",
			"before Linux %d.%d an instance with NET_RAW can make the host remember as many invented hardware addresses as it likes: %s",
			learning[0], learning[1], strings.Join(raw, ", "),
		)
	}
}

// checkConnections looks at the table that all who are forwarded share.
func checkConnections(proc string, c *config.Config, outward []string, r *report) {
	share := c.ContainerMaxConnections
	if share == 0 || c.Firewall == "off" {
		r.hint(
			"kernel",
			"nothing bounds how much of the host's table of connections one instance takes (CONTAINER_MAX_CONNECTIONS, FIREWALL): %s",
			strings.Join(outward, ", "),
		)
		return
	}
	want := hostConnections + min(hogs, atOnce(c))*hogTimes*share
	wants(proc, limits{"net.netfilter.nf_conntrack_max": want}, r, fmt.Sprintf(
		"%d instances that use up CONTAINER_MAX_CONNECTIONS=%d leave too little of the host's table of connections to others",
		min(hogs, atOnce(c)), share))
}

// checkUnsent looks at what the kernel takes of answers that clients ask Traefik for and do not read.
func checkUnsent(proc string, r *report) {
	text, err := os.ReadFile(filepath.Join(proc, "sys/net/ipv4/tcp_notsent_lowat"))
	if err != nil {
		return // another kernel, or one that shows less
	}
	if is, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil && is > unsent {
		r.hint(
			"kernel", "of answers that a client does not read Traefik has the kernel take megabytes for each connection, and all others "+
				"wait meanwhile: sysctl -w net.ipv4.tcp_notsent_lowat=%d", unsent,
		)
	}
}

// atOnce is how many instances there may be, as far as that is known.
func atOnce(c *config.Config) int {
	if c.MaxInstances == 0 {
		return fewInstances
	}
	return c.MaxInstances
}

// wants says which limits are lower.
func wants(proc string, limits limits, r *report, why string) {
	var low []string
	for name, want := range limits {
		text, err := os.ReadFile(filepath.Join(proc, "sys", strings.ReplaceAll(name, ".", "/")))
		if err != nil {
			continue // another kernel, or one that shows less
		}
		if is, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && is < want {
			low = append(low, name+"="+strconv.Itoa(want))
		}
	}
	if len(low) > 0 {
		slices.Sort(low)
		r.hint("kernel", "%s: sysctl -w %s", why, strings.Join(low, " "))
	}
}

// named are the challenges of a kind.
func named(all []*whaley.Challenge, kind func(*whaley.Challenge) bool) []string {
	var ids []string
	for _, ch := range all {
		if kind(ch) {
			ids = append(ids, ch.ID)
		}
	}
	if len(ids) > listedAtMost {
		ids = append(ids[:listedAtMost], fmt.Sprintf("and %d more", len(ids)-listedAtMost))
	}
	return ids
}

// connects says whether instances have connections that the host forwards.
func connects(ch *whaley.Challenge) bool {
	return ch.Egress || slices.ContainsFunc(ch.Routes, func(r whaley.Route) bool { return r.Type == whaley.RoutePort })
}

func sendsRaw(ch *whaley.Challenge) bool {
	return slices.ContainsFunc(
		ch.Services, func(s whaley.Service) bool { return slices.Contains(s.Capabilities, "NET_RAW") },
	)
}

// older says whether the kernel is from before a version; one that does not tell is not.
func older(proc string, version [2]int) bool {
	text, err := os.ReadFile(filepath.Join(proc, "sys/kernel/osrelease"))
	if err != nil {
		return false
	}
	var is [2]int
	if n, _ := fmt.Sscanf(string(text), "%d.%d", &is[0], &is[1]); n != 2 {
		return false
	}
	return slices.Compare(is[:], version[:]) < 0
}
