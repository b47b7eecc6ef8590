// Package check is the doctor: it looks at the settings, every challenge, the engine, the database, Redis and CTFd,
// says all that is wrong and what mends it, and changes nothing.
package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
)

// checkTimeout bounds each thing that is looked at.
const checkTimeout = 15 * time.Second

// report is where probes say what they found.
type report struct {
	out   io.Writer
	wrong int
}

// ok says that a thing is as it should be.
func (r *report) ok(what string) { fmt.Fprintf(r.out, "%-11s ok\n", what) }

// fault says what is wrong and how to mend it.
func (r *report) fault(what, problem, mend string) {
	r.wrong++
	fmt.Fprintf(r.out, "%-11s %s\n%-11s %s\n", what, problem, "", mend)
}

// hint says what is worth knowing and stops nobody.
func (r *report) hint(what, format string, args ...any) {
	fmt.Fprintf(r.out, "%-11s note: %s\n", what, fmt.Sprintf(format, args...))
}

// say is ok, or a fault if there is an error.
func (r *report) say(what string, err error, mend string) bool {
	if err != nil {
		r.fault(what, err.Error(), mend)
		return false
	}
	r.ok(what)
	return true
}

// Run looks at everything that serve needs and at what is known to go wrong, and says all that is. It changes nothing
// but what a first start would make: DATA_DIR and the database's tables; what the firewall is tried with is taken away
// again.
func Run(ctx context.Context, env map[string]string, out io.Writer) error {
	c, err := app.ReadSettings(env)
	if err != nil {
		return err
	}
	r := &report{out: out}
	r.ok("settings")
	checkNamesOfSettings(env, r)
	looking := func(look func(ctx context.Context) bool) bool {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		return look(ctx)
	}
	checkPrivate(c, r)
	k := known{now: c, mappings: map[string]int{}, closed: map[string]bool{}}
	database := looking(func(ctx context.Context) bool { return checkDatabase(ctx, c, env, r, &k) })
	library := checkChallenges(ctx, c, k.variables, r)
	c = k.now
	engine := looking(func(ctx context.Context) bool { return checkEngine(ctx, c, library, r, &k) })
	onCluster := c.Platform == "kubernetes"
	if !onCluster { // where this host is what instances run on
		checkKernel("/proc", c, k.engine, library, r)
	}
	checkDisks(c, r)
	if onCluster {
		looking(func(ctx context.Context) bool { checkCluster(ctx, c, r); return true })
	} else {
		checkPorts(c, r, k.ports)
	}
	checkCapacity(k, library, r)
	looking(func(ctx context.Context) bool { checkCaps(ctx, c, library, r); return true })
	checkOpen(k, library, r)
	checkSmall(c, r)
	checkFlags(k, library, r)
	checkClock(clockSynchronised, r)
	looking(func(ctx context.Context) bool { checkNames(ctx, c, r); return true })
	looking(func(ctx context.Context) bool { checkProxies(ctx, c, r); return true })
	if c.CTFdURL != "" {
		looking(func(ctx context.Context) bool { checkCTFd(ctx, c, k, r); return true })
		looking(func(ctx context.Context) bool { checkProvider(ctx, c, r); return true })
	}
	if c.Edge == "traefik" {
		looking(func(ctx context.Context) bool { checkRedis(ctx, c, r); return true })
	}
	if engine && !onCluster {
		checkPortMap(c, env, r)
		checkGuest(c, env, r)
	}
	if engine && database && !onCluster {
		var pool netip.Prefix
		if looking(func(ctx context.Context) (ok bool) { pool, ok = checkPool(ctx, c, env, r); return ok }) {
			checkWall(ctx, c, pool, r)
		}
	}
	if r.wrong > 0 {
		return errors.New(count(r.wrong) + " wrong")
	}
	return nil
}

// checkNamesOfSettings looks for variables that were surely meant to be settings.
func checkNamesOfSettings(env map[string]string, r *report) {
	for _, m := range config.Misspelled(env) {
		if m.Sure {
			r.fault("settings", m.String(), "Correct its name, or take it away.")
		} else {
			r.hint("settings", "%s", m)
		}
	}
}

func count(n int) string {
	if n == 1 {
		return "1 thing is"
	}
	return fmt.Sprintf("%d things are", n)
}
