package fairtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// gates hold up the builds of some challenges until they are opened.
type gates struct {
	mu      sync.Mutex
	of      map[string]chan struct{}
	given   map[string]int // builds of a challenge that were given up
	begun   map[string]int
	endings map[string]error
}

func newGates(challenges ...string) *gates {
	g := &gates{
		of: map[string]chan struct{}{}, given: map[string]int{}, begun: map[string]int{}, endings: map[string]error{},
	}
	for _, id := range challenges {
		g.of[id] = make(chan struct{})
	}
	return g
}

func (g *gates) build(ctx context.Context, spec instancer.BuildSpec) error {
	id := spec.Challenge.ID
	if spec.Owner != "" {
		id += " for " + spec.Owner
	}
	g.mu.Lock()
	gate := g.of[id]
	if gate == nil && spec.Owner != "" {
		gate = g.of[spec.Challenge.ID+" for all"]
	}
	g.begun[id]++
	ending := g.endings[id]
	g.mu.Unlock()
	if gate == nil {
		return ending
	}
	select {
	case <-gate:
		return ending
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		g.given[id]++
		return ctx.Err()
	}
}

func (g *gates) counts(id string) (begun, given int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.begun[id], g.given[id]
}

// begins waits until a build has begun.
func (w *world) begins(g *gates, id string) {
	w.t.Helper()
	testkit.Eventually(w.t, 10*time.Second, "the build of "+id+" begins", func() error {
		if begun, _ := g.counts(id); begun == 0 {
			return errors.New("not yet")
		}
		return nil
	})
}

// newBuildWorld is one where builds are held up from the start on.
func newBuildWorld(t *testing.T, g *gates, policy whaley.Policy, challenges ...*whaley.Challenge) *world {
	t.Helper()
	return newWorldOf(t, func(e *engine) { e.building = g.build }, policy, challenges...)
}

// quickly starts an honest player's instance and wants it to run in a time in which nothing that hangs ends.
func (w *world) quickly(name, challenge string) {
	w.t.Helper()
	began := time.Now()
	in := w.until(w.spawn(name, challenge).ID, whaley.Running)
	if took := time.Since(began); took > 5*time.Second {
		w.t.Errorf("%s's start of %s took %s", name, challenge, took)
	}
	if _, err := w.rules.StopAny(w.t.Context(), in.ID); err != nil {
		w.t.Error(err)
	}
}

func TestWhoWaitsForABuildTakesNoSlotAndNoTimeOfAStart(t *testing.T) {
	g := newGates("endless")
	w := newBuildWorld(
		t, g, whaley.Policy{SpawnConcurrency: 4, StartTimeout: time.Second}, built("endless"), built("honest"),
	)
	w.begins(g, "endless")
	var waiting []*whaley.Instance
	for n := range 10 {
		waiting = append(waiting, w.spawn(fmt.Sprint("visitor", n), "endless"))
	}
	for n := range 3 {
		w.quickly(fmt.Sprint("honest", n), "honest")
	}
	if inLine, busy := w.rules.Queue(); inLine != 0 || busy != 0 {
		t.Errorf("%d wait in the queue and %d have slots, while all wait for a build", inLine, busy)
	}
	if since := time.Since(waiting[9].CreatedAt); since < 1500*time.Millisecond {
		time.Sleep(1500*time.Millisecond - since) // longer than a start may take
	}
	for _, in := range waiting {
		if now := w.get(in.ID); now.State != whaley.Queued {
			t.Errorf("one that waits for its image is %s: %v", now.State, now.Reason)
		}
		if stage := w.rules.Staged(w.get(in.ID)).Stage; !strings.Contains(stage, "Building") || w.rules.Estimate(in.ID) <= 0 {
			t.Errorf("it is said to be at %q and to wait %s", stage, w.rules.Estimate(in.ID))
		}
	}
	if _, err := w.rules.Stop(t.Context(), player("visitor0"), waiting[0].ID); err != nil {
		t.Error(err)
	}
	w.until(waiting[0].ID, whaley.Stopped)
	close(g.of["endless"])
	for _, in := range waiting[1:] {
		w.until(in.ID, whaley.Running)
	}
	if begun, _ := g.counts("endless"); begun != 1 {
		t.Errorf("the images were built %d times", begun)
	}
}

func TestABuildThatNobodyWantsIsGivenUp(t *testing.T) {
	g := newGates("removed", "edited", "waits")
	edited := built("edited")
	w := newBuildWorld(t, g, whaley.Policy{}, built("removed"), edited, built("waits"), built("honest"))
	removed, next := w.spawn("a", "removed"), w.spawn("a", "edited")
	w.begins(g, "removed")
	w.begins(g, "edited")
	other := *edited
	other.Revision, other.Services = "2", []whaley.Service{{
		Name: "web", Image: "whaley/edited-web:2", Build: &whaley.Build{},
	}}
	w.loaded.set(&other, built("honest"))
	w.rules.PrepareImages()
	testkit.Eventually(t, 10*time.Second, "both builds are given up", func() error {
		_, one := g.counts("removed")
		if _, two := g.counts("edited"); one != 1 || two != 1 {
			return fmt.Errorf("%d and %d were", one, two)
		}
		return nil
	})
	if failed := w.until(removed.ID, whaley.Failed); failed.Reason.Code != "challenge_not_found" {
		t.Errorf("the start of what was removed ends with %v", failed.Reason)
	}
	if begun, _ := g.counts("waits"); begun != 0 {
		t.Error("what waited for its turn was built after it was removed")
	}
	w.quickly("b", "honest")
	close(g.of["edited"])
	if in := w.until(next.ID, whaley.Running); in.Revision != "2" {
		t.Errorf("it runs with revision %s", in.Revision)
	}
}

func TestEndlessBuildsThatPlayersWaitForHoldUpNoOther(t *testing.T) {
	// Two slots, of which one is for what is waited for, and one of which nobody waits that never ends.
	g := newGates("endless")
	w := newBuildWorld(t, g, whaley.Policy{}, built("endless"))
	w.begins(g, "endless")
	all := []*whaley.Challenge{built("endless")}
	for n := range 20 {
		all = append(all, built(fmt.Sprint("new", n)))
	}
	w.loaded.set(all...)
	w.rules.PrepareImages()
	w.quickly("a", "new19")
	w.quickly("a", "new7")
}

func TestABuildMayTakeSoLongAndIsThenTriedEverMoreRarely(t *testing.T) {
	g := newGates("endless")
	w := newBuildWorld(t, g, whaley.Policy{BuildTimeout: 300 * time.Millisecond}, built("endless"), built("honest"))
	in := w.spawn("first", "endless")
	failed := w.until(in.ID, whaley.Failed)
	if failed.Reason.Code != "build_timeout" || failed.Reason.RetryAfter <= 0 {
		t.Errorf("%+v", failed.Reason)
	}
	refused := 0
	for n := range 50 {
		if _, err := w.rules.Spawn(t.Context(), player(fmt.Sprint("hog", n)), "endless"); whaley.CodeOf(err) == "build_timeout" {
			refused++
		}
	}
	if begun, given := g.counts("endless"); begun > 2 || given < 1 || refused < 49 {
		t.Errorf("50 who open it get %d refusals and %d builds", refused, begun)
	}
	w.quickly("honest", "honest")
}

// ownFlags is a challenge that is built for each owner.
func ownFlags(id string) *whaley.Challenge {
	ch := built(id)
	ch.Services[0].Build.Flag = true
	ch.Flag = whaley.FlagPlan{
		Dynamic: true, Place: whaley.PlaceBuild,
		FlagForm: whaley.FlagForm{Open: "FLAG{", Close: "}", Core: strings.Repeat("g", 32)},
	}
	return ch
}

func TestBuildsForOwnersTakeNoSlotOfAStart(t *testing.T) {
	g := newGates("own for all")
	w := newBuildWorld(
		t, g, whaley.Policy{SpawnConcurrency: 2, StartTimeout: time.Second}, ownFlags("own"), built("honest"),
	)
	var waiting []*whaley.Instance
	for n := range 5 {
		waiting = append(waiting, w.spawn(fmt.Sprint("owner", n), "own"))
	}
	testkit.Eventually(t, 10*time.Second, "the first is built", func() error {
		for n := range 5 {
			if begun, _ := g.counts(fmt.Sprint("own for owner", n)); begun > 0 {
				return nil
			}
		}
		return errors.New("not yet")
	})
	w.quickly("honest", "honest")
	for _, in := range waiting[:2] {
		if _, err := w.rules.StopAny(t.Context(), in.ID); err != nil {
			t.Error(err)
		}
		w.until(in.ID, whaley.Stopped)
	}
	close(g.of["own for all"])
	for _, in := range waiting[2:] {
		w.until(in.ID, whaley.Running)
	}
	// What was built for an owner is there the next time, and takes no turn then.
	before, _ := g.counts("own for owner4")
	if _, err := w.rules.StopAny(t.Context(), waiting[4].ID); err != nil {
		t.Error(err)
	}
	w.until(waiting[4].ID, whaley.Stopped)
	w.quickly("owner4", "own")
	if after, _ := g.counts("own for owner4"); after != before {
		t.Errorf("the images of an owner were built %d times", after)
	}
}

func TestARestartWhileImagesAreBuiltFailsNoStart(t *testing.T) {
	g := newGates("slow", "own for all")
	w := newBuildWorld(t, g, whaley.Policy{}, built("slow"), ownFlags("own"))
	one, two := w.spawn("a", "slow"), w.spawn("a", "own")
	w.begins(g, "slow")
	w.begins(g, "own for a")
	w.end()
	for _, id := range []string{one.ID, two.ID} {
		if in := w.get(id); in.State != whaley.Queued {
			t.Errorf("after the end of the sidecar a start that waited for its images is %s: %v", in.State, in.Reason)
		}
	}
	w.run(whaley.Policy{})
	close(g.of["slow"])
	close(g.of["own for all"])
	w.until(one.ID, whaley.Running)
	w.until(two.ID, whaley.Running)
}

func TestOfAChallengeThatHangsOthersFeelNothing(t *testing.T) {
	hangs := hanging(t, "hangs")
	w := newWorld(t, whaley.Policy{SpawnConcurrency: 4, StartTimeout: time.Minute}, hangs, answering(t, "honest"))
	var starts []*whaley.Instance
	for n := range 20 {
		starts = append(starts, w.spawn(fmt.Sprint("visitor", n), "hangs"))
	}
	for n := range 5 {
		name := fmt.Sprint("honest", n)
		began := time.Now()
		view := w.open(name, "honest")
		if took := time.Since(began); view.State != wire.StateRunning || took > 5*time.Second {
			t.Errorf("the start of an honest challenge is %s after %s: %v", view.State, took, view.Problem)
		}
	}
	testkit.Eventually(t, 5*time.Second, "three of the challenge that hangs have slots", func() error {
		if waiting, busy := w.rules.Queue(); busy != 3 || waiting != 17 {
			return fmt.Errorf("%d have, and %d wait", busy, waiting)
		}
		return nil
	})
	if at := w.rules.Estimate(starts[19].ID); at < time.Second {
		t.Errorf("the last is said to wait %s", at)
	}
}

func TestWhileANewRevisionIsBuiltStartsAreOfTheOneBefore(t *testing.T) {
	g := newGates()
	first := built("edited")
	w := newBuildWorld(t, g, whaley.Policy{}, first, built("other"))
	w.quickly("a", "edited")
	g.mu.Lock()
	g.of["edited"], g.begun["edited"] = make(chan struct{}), 0
	g.mu.Unlock()
	second := *first
	second.Revision, second.Services = "2", []whaley.Service{{
		Name: "web", Image: "whaley/edited-web:2", Build: &whaley.Build{},
	}}
	w.loaded.set(&second, built("other"))
	w.rules.PrepareImages()
	w.begins(g, "edited")
	for _, name := range []string{"a", "b"} { // the first waits for a moment: most builds are done by then
		if in := w.until(w.spawn(name, "edited").ID, whaley.Running); in.Revision != "1" {
			t.Errorf("%s has revision %s", name, in.Revision)
		}
	}
	if err := w.rules.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if in := w.until(w.spawn("c", "edited").ID, whaley.Running); in.Revision != "1" {
		t.Errorf("after what is old was removed it is revision %s", in.Revision)
	}
	close(g.of["edited"])
	owner := 0
	testkit.Eventually(t, 10*time.Second, "starts are of the new revision once it is built", func() error {
		owner++
		if in := w.until(w.spawn(fmt.Sprint("d", owner), "edited").ID, whaley.Running); in.Revision != "2" {
			return fmt.Errorf("it is %s", in.Revision)
		}
		return nil
	})
	if begun, given := g.counts("edited"); begun != 1 || given != 0 {
		t.Errorf("it was begun %d times and given up %d times", begun, given)
	}
}
