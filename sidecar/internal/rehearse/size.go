package rehearse

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	spare       = 1.3     // of what was measured: no two events are alike
	ownMemory   = 1 << 30 // bytes of the system, the sidecar, its database and Traefik
	firstRush   = 10 * time.Minute
	leastMemory = 16 << 20 // bytes of an instance that nothing was measured of
)

// Size says on paper which machine an event needs, by what its challenges cost in a rehearsal.
func (r Result) Size(teams, perTeam int, challenges []string, out io.Writer) error {
	if len(challenges) == 0 {
		challenges = slices.Sorted(maps.Keys(r.Costs))
	}
	var memory int64
	var cpus float64
	var start int
	for _, id := range challenges {
		c, there := r.Costs[id]
		if !there {
			return fmt.Errorf(
				"nothing was measured of %q: rehearse with it open; there is %s", id, strings.Join(slices.Sorted(maps.Keys(r.Costs)), ", "),
			)
		}
		fmt.Fprintf(out, "%-28s %6d MB %6.3f CPUs %6d ms to start\n", id, c.Memory>>20, c.CPU, c.StartMS)
		memory, cpus, start = memory+max(c.Memory, leastMemory), cpus+c.CPU, start+c.StartMS
	}
	n := len(challenges)
	if n == 0 {
		return fmt.Errorf("the rehearsal has measured no challenge")
	}
	perTeam = min(perTeam, n)
	instances := teams * perTeam
	mean, starts := memory/int64(n), float64(instances)/firstRush.Seconds()
	slots := max(4, int(starts*float64(start)/float64(n)/1000*2)+1)
	fmt.Fprintf(out, "%d teams with %d each: %d instances at once\n", teams, perTeam, instances)
	fmt.Fprintf(out, "memory: %.1f GB\n", (spare*float64(int64(instances)*mean)+ownMemory)/(1<<30))
	fmt.Fprintf(
		out, "CPUs: %.0f (%.1f for what runs, the rest for starts and the sidecar)\n", spare*float64(instances)*cpus/float64(n)+2+starts/3,
		float64(instances)*cpus/float64(n),
	)
	fmt.Fprintf(out, "networks: a /%d or larger as SUBNET_POOL\n", poolBits(instances))
	fmt.Fprintf(out, "SPAWN_CONCURRENCY: %d, if all start within the first %s\n", slots, firstRush)
	return nil
}

// poolBits is the size of a pool that has a /28 for each instance and as many again that are about to go.
func poolBits(instances int) int {
	bits := 28
	for room := 1; room < 2*instances && bits > 8; room *= 2 {
		bits--
	}
	return bits
}
