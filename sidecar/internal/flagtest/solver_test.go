package flagtest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/solver"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// prints is a service that says a file to whoever connects.
const prints = `FROM busybox:1.36
COPY flag.txt /flag.txt
CMD ["nc", "-ll", "-p", "9000", "-e", "cat", "/flag.txt"]
`

// solves connects to what it must not reach, another instance and the host, and to its instance at last: a solver is
// ended as soon as the flag is out.
const solves = `reach() { nc -w 1 "$1" "$2" </dev/null >/tmp/said && echo "reached $1"; }
reach %s 9000
own=$(hostname -i)
for host in "${own%%.*}.$((${own##*.} / 16 * 16 + 1))" %s; do reach "$host" %d; done
reach "$HOST" "$PORT"
cat /tmp/said
`

// TestASolverIsGreenByItsOwnInstancesFlagAndReachesNothingElse goes all of a solver's way on the engine: build, an
// instance to throw away, a container that reaches only that, the flag. With another instance's flag it is red, and the
// challenge is not opened. Nothing is left.
func TestASolverIsGreenByItsOwnInstancesFlagAndReachesNothingElse(t *testing.T) {
	testkit.Need(t, testkit.Root)
	var flags *flag.Flags
	var db *store.Store
	w := newWorldWith(t, 10, func(s *store.Store, library *challenge.Library) instancer.Flags {
		db, flags = s, flag.New(s, nil, library, flag.Options{}, slog.New(slog.DiscardHandler))
		return flags
	}, walled)
	solvers := solver.New(solver.Needs{
		Instances: w.rules, Box: w.engine, Flags: flags, Store: db, Challenges: w.library,
		Every: func() time.Duration { return 0 }, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- solvers.Run(ctx) }()
	defer func() { cancel(); <-ended }()

	w.write("beside", "Dockerfile", prints, "flag.txt", "FLAG{beside}\n")
	w.load()
	w.built("beside")
	beside := w.running("ann", "beside").Addresses["web"]
	host, port := listener(t)
	w.write("safe", "Dockerfile", prints, "flag.txt", "FLAG{safe}\n", "instance.toml", safe,
		"solve.sh", fmt.Sprintf(solves, beside, host, port))
	w.load()
	run := w.solved(solvers, "safe")
	reached := strings.Count(run.Output, "reached")
	if run.State != whaley.SolverGreen || reached != 1 || !strings.Contains(run.Output, "reached 10.188.10.") {
		t.Errorf("%s: %s\n%s", run.State, run.Reason, run.Output)
	}
	if err := solvers.Before(ctx, "safe"); err != nil {
		t.Error(err)
	}

	w.running("ann", "safe")
	ch, _ := w.library.Get("safe")
	hers, err := flags.Flags(ctx, player("ann").Owner, ch)
	if err != nil || len(hers) != 1 {
		t.Fatal(hers, err)
	}
	w.write("safe", "Dockerfile", prints, "flag.txt", "FLAG{safe}\n", "instance.toml", safe, "solve.sh", "echo '"+hers[0]+"'\n")
	w.load()
	if run = w.solved(solvers, "safe"); run.State != whaley.SolverRed || !strings.Contains(run.Output, hers[0]) {
		t.Errorf("with another's flag %s: %s\n%s", run.State, run.Reason, run.Output)
	}
	if err := solvers.Before(ctx, "safe"); whaley.CodeOf(err) != "solver_red" {
		t.Errorf("opened: %v", err)
	}
	w.onlyAnns(db)
}

const safe = oneRoute + "[flag]\ntext = \"FLAG{safe}\"\n[solver]\ncommand = [\"sh\", \"solve.sh\"]\n"

// walled has a world's instances behind the firewall.
func walled(w *world) {
	table := firewall.New(w.engine.BridgePrefix(), []netip.Prefix{w.pool}, 100, slog.New(slog.DiscardHandler))
	if err := table.Put(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := table.Remove(); err != nil {
			w.t.Error(err)
		}
	})
	w.wall = table
}

// listener is a server on every address of the host, and one of these that is not loopback.
func listener(t *testing.T) (host netip.Addr, port int) {
	t.Helper()
	port = testkit.Serve(t, "tcp4", "0.0.0.0:0", func(net.Conn) {}).Port
	addresses, err := net.InterfaceAddrs()
	for _, a := range addresses {
		p, failed := netip.ParsePrefix(a.String())
		if failed == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
			return p.Addr(), port
		}
	}
	t.Fatalf("the host has no address of its own: %v", err)
	return host, port
}

// solved waits for the run of the revision that is loaded.
func (w *world) solved(solvers *solver.Solvers, id string) (run whaley.SolverRun) {
	w.t.Helper()
	testkit.Eventually(w.t, time.Minute, "the solver of "+id+" has run", func() error {
		st, _, err := solvers.Of(w.t.Context(), id)
		if err != nil || !st.Current || st.Running {
			return fmt.Errorf("%+v %v", st, err)
		}
		run = *st.Last
		return nil
	})
	return run
}

// onlyAnns wants nothing to be left of solvers, on the engine or in the database.
func (w *world) onlyAnns(db *store.Store) {
	w.t.Helper()
	boxes, err := w.engine.WithPurpose("solver").List(w.t.Context(), "")
	live, failed := db.SyntheticLive(w.t.Context(), "")
	if err != nil || failed != nil || len(boxes)+len(live) > 0 {
		w.t.Errorf("left of solvers: %+v %+v %v %v", boxes, live, err, failed)
	}
	objects, err := w.engine.List(w.t.Context(), "")
	for _, o := range objects {
		if o.Labels.Owner != "ann" {
			w.t.Errorf("left on the engine: %+v", o)
		}
	}
	if err != nil {
		w.t.Error(err)
	}
}
