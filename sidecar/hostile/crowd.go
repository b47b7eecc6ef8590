package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
)

const (
	crowded = 20 // players who start at the same time
	crowds  = 12 // of them, by turns, so that none meets a limit of their own
)

// amongStarts are what root in a container does while many others start. Each is bounded by its own number, and by what
// Whaley allows: an instance that goes beyond that is found and stopped meanwhile.
var amongStarts = []attack{
	{
		name: "log_flood", crowd: true, run: untilStopped("hostile-log"),
		folders: map[string]map[string]string{"hostile-log": folder("serve", "print")},
	},
	{
		name: "inode_flood", crowd: true, run: untilStopped("hostile-inodes"),
		folders: map[string]map[string]string{"hostile-inodes": folder("serve", "files=100000")},
	},
	{
		name: "slow_size", crowd: true, run: untilStopped("hostile-size"),
		folders: map[string]map[string]string{"hostile-size": folder("serve", "files=20000")},
	},
	{name: "full_table", crowd: true, run: fullTable, folders: map[string]map[string]string{"hostile-egress": withEgress(
		folder("serve", "udp="+nowhere+".9/20000"))}},
}

func withEgress(files map[string]string) map[string]string {
	files["instance.toml"] = "egress = true\n" + files["instance.toml"]
	return files
}

// nowhere is a network of the world that is led to nobody (TEST-NET-3).
const nowhere = "203.0.113"

// fullTable has flows to the world tracked that nobody answers. They leave by a cable whose other end is nobody's.
func fullTable(ctx context.Context, s *strike) error {
	const name = "whhostile"
	_ = exec.Command("ip", "link", "del", name).Run() // of a run that was killed
	for _, line := range []string{
		"link add " + name + " type veth peer name " + name + "1", "link set " + name + " up", "link set " + name + "1 up",
		"route add " + nowhere + ".0/24 dev " + name, "neighbour add " + nowhere + ".9 lladdr 02:00:00:00:00:01 dev " + name,
	} {
		if out, err := exec.CommandContext(ctx, "ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w %s", line, err, out)
		}
	}
	defer exec.Command("ip", "link", "del", name).Run() //nolint:errcheck // the next run does
	return untilStopped("hostile-egress")(ctx, s)
}

// untilStopped is an attack that comes from inside, and is told what became of the instance.
func untilStopped(challenge string) func(context.Context, *strike) error {
	return func(ctx context.Context, s *strike) error {
		return s.with(ctx, challenge, func(string) {
			s.begun()
			<-ctx.Done()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gaveUp)
			defer cancel()
			var list listed
			if err := s.ask(ctx, attacker, http.MethodGet, "/instances", "", &list); err != nil {
				s.count(err.Error())
			}
			state := "stopped"
			for _, in := range list.Instances {
				state = in.State
			}
			s.count("instance that is " + state + " at the end")
		})
	}
}

// crowd lets many start at the same time, again and again, and stops them in between.
func (h *honest) crowd(ctx context.Context, lasts time.Duration) {
	for end := time.Now().Add(lasts); ctx.Err() == nil && time.Now().Before(end); {
		h.starter++
		var all sync.WaitGroup
		for n := range crowded {
			who := fmt.Sprintf("127.0.2.%d", 1+h.starter%crowds*crowded+n)
			all.Go(func() { h.time(crowdBar.what, func() error { return h.start(who) }) })
		}
		all.Wait()
		for n := range crowded {
			who := fmt.Sprintf("127.0.2.%d", 1+h.starter%crowds*crowded+n)
			all.Go(func() {
				_ = rig.Poll(
					context.WithoutCancel(ctx), gaveUp, 100*time.Millisecond, time.Second, func() error { return h.Stop(who) },
				)
			})
		}
		all.Wait()
	}
}
