package solver_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/app/core"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/memory"
	"github.com/whaley-ctf/whaley/sidecar/internal/solver"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// box is where solvers run in a test: what one prints and how it ends is said by do.
type box struct {
	mu   sync.Mutex
	jobs []whaley.SolverJob
	do   func(ctx context.Context, job whaley.SolverJob, out io.Writer) (int, error)
}

func (*box) PrepareSolver(context.Context, *whaley.Challenge) error { return nil }
func (*box) RemoveSolvers(context.Context) error                    { return nil }

func (b *box) Solve(ctx context.Context, job whaley.SolverJob, out, _ io.Writer) (int, error) {
	b.mu.Lock()
	b.jobs = append(b.jobs, job)
	b.mu.Unlock()
	return b.do(ctx, job, out)
}

func (b *box) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.jobs)
}

type loaded []*whaley.Challenge

func (l loaded) Get(id string) (*whaley.Challenge, bool) {
	n := slices.IndexFunc(l, func(ch *whaley.Challenge) bool { return ch.ID == id })
	if n < 0 {
		return nil, false
	}
	return l[n], true
}
func (l loaded) All() []*whaley.Challenge    { return l }
func (loaded) Prune(func(string) bool) error { return nil }

type noRoutes struct{}

func (noRoutes) Publish(context.Context, string, []whaley.Publication) error { return nil }
func (noRoutes) Retract(context.Context, string, []whaley.Publication) error { return nil }
func (noRoutes) Sync(context.Context, func(context.Context) ([]whaley.Publication, error)) error {
	return nil
}

// world is the real rules, store and flags on a platform in memory.
type world struct {
	*testing.T
	db      *store.Store
	flags   *flag.Flags
	rules   *instancer.Instancer
	box     *box
	counted *counted
	every   time.Duration
	solvers *solver.Solvers
}

func play(t *testing.T, do func(w *world), challenges ...*whaley.Challenge) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		db, err := store.Open(t.Context(), "", storetest.Ready(t))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		w := &world{T: t, db: db, box: &box{}, counted: &counted{}}
		on := memory.NewHost().Platform("ours")
		w.flags = flag.New(db, nil, loaded(challenges), flag.Options{}, log)
		life, err := core.New(core.Parts{
			DB: db, Log: log,
			Rules: instancer.Needs{
				Platform: on, Prober: on, Router: noRoutes{}, Challenges: loaded(challenges), Flags: w.flags,
				Observer: w.counted,
			},
			Options: instancer.Options{
				BaseDomain: "x.localhost", SlugKey: []byte("key"), Policy: whaley.Policy{Quota: whaley.Quota{Total: 1}},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.rules = life.Instancer
		w.solvers = solver.New(solver.Needs{
			Instances: w.rules, Box: w.box, Flags: w.flags, Store: db, Challenges: loaded(challenges),
			Every: func() time.Duration { return w.every }, Log: log,
		})
		life.Start(context.Background())
		defer func() {
			if err := life.Stop(); err != nil {
				t.Error(err)
			}
		}()
		w.rules.PrepareImages()
		synctest.Wait()
		do(w)
	})
}

// run has the solvers work for a while.
func (w *world) run(during time.Duration) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), during)
	defer cancel()
	if err := w.solvers.Run(ctx); err != nil {
		w.Fatal(err)
	}
	synctest.Wait()
}

func (w *world) last(challenge string) whaley.SolverRun {
	w.Helper()
	st, runs, err := w.solvers.Of(w.Context(), challenge)
	if err != nil || st.Last == nil || len(runs) == 0 {
		w.Fatalf("%+v %d runs: %v", st, len(runs), err)
	}
	return runs[0]
}

func solved(id string) *whaley.Challenge {
	return &whaley.Challenge{
		ID: id, Name: id, Revision: "1", Timeout: time.Hour, Access: whaley.AccessLink, Dir: "/challenges/" + id,
		Routes:   []whaley.Route{{Service: "web", Port: 80, Type: whaley.RouteHTTP}, {Name: "shell", Service: "web", Port: 22, Type: whaley.RoutePort}},
		Services: []whaley.Service{{Name: "web", Image: "whaley/" + id + ":1", Build: &whaley.Build{}}},
		Flag: whaley.FlagPlan{
			Dynamic: true, Place: whaley.PlaceEnv, FlagForm: whaley.FlagForm{Open: "FLAG{", Close: "}", Text: "FLAG{a}", Core: "zzzzzzzzzzzzzzzz", Elsewhere: true},
		},
		Solver: &whaley.Solver{Service: "web", Command: []string{"./solve.sh"}, Timeout: time.Minute, Named: true},
	}
}

// prints makes solvers print the flag that the instance has.
func (w *world) prints(ctx context.Context, job whaley.SolverJob, out io.Writer) (int, error) {
	ch := solved(job.Instance.Challenge)
	flags, err := w.flags.Flags(ctx, job.Instance.Owner, ch)
	if err != nil {
		return 0, err
	}
	for _, half := range []string{"it is ", flags[0][:7], flags[0][7:]} {
		fmt.Fprint(out, half)
	}
	<-ctx.Done() // it goes on for as long as it may, as solvers with a shell do
	return 137, ctx.Err()
}

func TestASolverIsGreenWhenItsOwnInstancesFlagComesOutAndLeavesNothing(t *testing.T) {
	play(t, func(w *world) {
		w.box.do = w.prints
		w.run(time.Minute)
		if run := w.last("web"); run.State != whaley.SolverGreen || run.Took > time.Second || run.Cause != whaley.SolveBuilt {
			w.Errorf("%+v", run)
		}
		job := w.box.jobs[0]
		for _, want := range []string{"PORT=80", "TLS=false", "PORT_SHELL=22", "URL=http://" + job.Instance.Addresses["web"].String() + ":80"} {
			if !slices.Contains(job.Env, want) {
				w.Errorf("%s is missing in %q", want, job.Env)
			}
		}
		all, err := w.db.SyntheticLive(w.Context(), "")
		_, got := w.db.Get(w.Context(), job.Instance.ID)
		if err != nil || len(all) > 0 || whaley.CodeOf(got) != whaley.CodeInstanceNotFound {
			w.Errorf("its instance is still known: %v %v %v", all, err, got)
		}
		if totals, err := w.flags.Totals(w.Context()); err != nil || totals.Current > 0 {
			w.Errorf("its flag is among players': %+v %v", totals, err)
		}
		events, err := w.db.FindEvents(w.Context(), whaley.EventQuery{Limit: 100})
		if err != nil || slices.ContainsFunc(events, func(ev whaley.Event) bool { return strings.HasPrefix(ev.Type, "instance_") }) {
			w.Errorf("players' events tell of it: %+v %v", events, err)
		}
	}, solved("web"))
}

func TestAnotherInstancesFlagIsRedAndTheChallengeIsNotOpened(t *testing.T) {
	play(t, func(w *world) {
		earlier := ""
		w.box.do = func(ctx context.Context, job whaley.SolverJob, out io.Writer) (int, error) {
			if earlier == "" {
				flags, err := w.flags.Flags(ctx, job.Instance.Owner, solved("web"))
				earlier = flags[0]
				fmt.Fprintln(out, earlier)
				return 0, err
			}
			fmt.Fprintln(out, earlier) // a flag that is written down somewhere
			return 0, nil
		}
		w.run(time.Minute)
		if err := w.solvers.Before(w.Context(), "web"); err != nil {
			w.Error(err)
		}
		if err := w.solvers.Ask("web", whaley.SolveAsked); err != nil {
			w.Fatal(err)
		}
		w.run(time.Minute)
		if run := w.last("web"); run.State != whaley.SolverRed || !strings.Contains(run.Output, earlier) {
			w.Errorf("%+v", run)
		}
		if err := w.solvers.Before(w.Context(), "web"); whaley.CodeOf(err) != "solver_red" {
			w.Errorf("opened: %v", err)
		}
		if err := w.solvers.Ping(w.Context()); err == nil || !strings.Contains(err.Error(), "web") {
			w.Errorf("health says nothing of it: %v", err)
		}
	}, solved("web"))
}

// TestASolverThatPrintsWithoutEndIsEnded has one print as fast as it can: it is ended long before its time.
func TestASolverThatPrintsWithoutEndIsEnded(t *testing.T) {
	play(t, func(w *world) {
		text, printed := bytes.Repeat([]byte("whale "), 100_000), 0
		w.box.do = func(ctx context.Context, _ whaley.SolverJob, out io.Writer) (int, error) {
			for ; ctx.Err() == nil && printed < 1<<30; printed += len(text) {
				if _, err := out.Write(text); err != nil {
					return 0, err
				}
			}
			return 0, ctx.Err()
		}
		w.run(time.Minute)
		if run := w.last("web"); run.State != whaley.SolverRed || !strings.Contains(run.Reason, "printed 64 MB") {
			w.Errorf("%s: %s", run.State, run.Reason)
		}
		if printed > 65<<20 {
			w.Errorf("it was ended after %d bytes", printed)
		}
	}, solved("web"))
}

func TestAChallengeThatBreaksGoesRedWithinOneInterval(t *testing.T) {
	play(t, func(w *world) {
		w.every = 15 * time.Minute
		w.box.do = w.prints
		w.run(time.Minute)
		w.box.do = func(context.Context, whaley.SolverJob, io.Writer) (int, error) { return 1, nil }
		w.run(w.every)
		if run := w.last("web"); run.State != whaley.SolverRed || run.Cause != whaley.SolveInterval {
			w.Errorf("%+v", run)
		}
		if n := w.box.count(); n != 2 {
			w.Errorf("solved %d times", n)
		}
	}, solved("web"))
}

func TestWhatSaysNothingOfTheChallengeIsNeitherGreenNorRed(t *testing.T) {
	play(t, func(w *world) {
		for _, how := range []struct {
			says string
			exit int
			err  error
		}{
			{"[solver] image", 127, nil},
			{"engine does not answer", 0, whaley.Errorf(whaley.Unavailable, "engine_unavailable", "The engine does not answer.")},
		} {
			w.box.do = func(context.Context, whaley.SolverJob, io.Writer) (int, error) { return how.exit, how.err }
			if err := w.solvers.Ask("web", whaley.SolveAsked); err != nil {
				w.Fatal(err)
			}
			w.run(time.Minute)
			if run := w.last("web"); run.State != whaley.SolverUnknown || !strings.Contains(run.Reason, how.says) {
				w.Errorf("%+v", run)
			}
			if err := w.solvers.Before(w.Context(), "web"); err != nil {
				w.Error(err)
			}
		}
	}, solved("web"))
}

func TestAHealthCheckIsGreenByItsExitCodeAndSaysThatThisIsAllItShows(t *testing.T) {
	ch := solved("web")
	ch.Solver.Health, ch.Solver.Inside = true, true
	play(t, func(w *world) {
		for exit, want := range []whaley.SolverState{whaley.SolverGreen, whaley.SolverRed} {
			w.box.do = func(context.Context, whaley.SolverJob, io.Writer) (int, error) { return exit, nil }
			if err := w.solvers.Ask("web", whaley.SolveAsked); err != nil {
				w.Fatal(err)
			}
			w.run(time.Minute)
			if run := w.last("web"); run.State != want || exit == 0 && !strings.Contains(run.Reason, "health check") {
				w.Errorf("exit code %d: %+v", exit, run)
			}
		}
		if job := w.box.jobs[0]; !job.Inside {
			w.Errorf("it runs beside its instance: %+v", job)
		}
	}, ch)
}

func TestASolverTakesNoPlayersPlaceAndNeedsNone(t *testing.T) {
	play(t, func(w *world) {
		ann := whaley.Player{ID: "ann", Owner: whaley.Owner{ID: "ann"}}
		if _, err := w.rules.Spawn(w.Context(), ann, "web"); err != nil { // the host is full
			w.Fatal(err)
		}
		w.box.do = func(ctx context.Context, job whaley.SolverJob, out io.Writer) (int, error) {
			rows, err := w.db.LiveRows(ctx)
			if err != nil || len(rows) != 1 {
				w.Errorf("it is counted: %+v %v", rows, err)
			}
			return w.prints(ctx, job, out)
		}
		w.run(time.Minute)
		if run := w.last("web"); run.State != whaley.SolverGreen {
			w.Errorf("%+v", run)
		}
	}, solved("web"))
}

func TestSolversThatNothingNamesRunOnlyWhenAsked(t *testing.T) {
	ch := solved("web")
	ch.Solver.Named = false
	play(t, func(w *world) {
		w.box.do = w.prints
		w.run(time.Hour)
		if n := w.box.count(); n != 0 {
			w.Errorf("run %d times by themselves", n)
		}
		if err := w.solvers.Ask("web", whaley.SolveAsked); err != nil {
			w.Fatal(err)
		}
		w.run(time.Minute)
		if run := w.last("web"); run.State != whaley.SolverGreen {
			w.Errorf("%+v", run)
		}
	}, ch)
}
