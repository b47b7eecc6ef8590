package flagtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/app/core"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/probe"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// flags are owners' flags in memory.
type flags struct {
	mu    sync.Mutex
	known map[string][]string // owner/challenge
	fixed string              // if not empty: everybody's
}

func (f *flags) Flags(_ context.Context, owner whaley.Owner, ch *whaley.Challenge) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fixed != "" {
		return []string{f.fixed}, nil
	}
	key := owner.ID + "/" + ch.ID
	if f.known[key] == nil {
		for _, form := range ch.Flag.Forms() {
			digits := make([]byte, form.Digits()/2)
			rand.Read(digits)
			f.known[key] = append(f.known[key], form.Flag(hex.EncodeToString(digits)))
		}
	}
	return f.known[key], nil
}

// Spare is none.
func (f *flags) Spare(*whaley.Challenge) []*whaley.IssuedFlag { return nil }

// AwaitLive has nothing to wait for.
func (f *flags) AwaitLive(context.Context, whaley.Owner, *whaley.Challenge) {}

// world is a sidecar's rules on the real engine, with challenges that tests write.
type world struct {
	t        testing.TB
	engine   *docker.Engine
	rules    *instancer.Instancer
	library  *challenge.Library
	flags    *flags
	folder   string // of challenges
	data     string // of the database
	log      *testkit.Log
	wall     containers.Firewall // nil: there is none
	pool     netip.Prefix
	restarts func()
}

func newWorld(t testing.TB, part int) *world {
	t.Helper()
	return newWorldWith(t, part, nil)
}

// newWorldWith has flags that are made by something else than w.flags, unless that is nil. prepare is called before the
// rules begin.
func newWorldWith(
	t testing.TB, part int, maker func(*store.Store, *challenge.Library) instancer.Flags, prepare ...func(*world),
) *world {
	t.Helper()
	w := &world{
		t: t, engine: dockertest.Engine(t), flags: &flags{known: map[string][]string{}}, folder: t.TempDir(),
		data: storetest.Ready(t), log: &testkit.Log{}, pool: netip.MustParsePrefix(fmt.Sprintf("10.188.%d.0/24", part)),
	}
	db, err := store.Open(context.Background(), "", w.data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w.library = challenge.NewLibrary(w.folder, challenge.Defaults{Timeout: time.Hour, Access: "link", FlagPrefix: "FLAG",
		Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 1e9, Pids: 64}})
	log := slog.New(slog.NewTextHandler(w.log, nil))
	var given instancer.Flags = w.flags
	if maker != nil {
		given = maker(db, w.library)
	}
	for _, each := range prepare {
		each(w)
	}
	start := func() func() {
		life, err := core.New(core.Parts{
			DB: db, Pool: w.pool, Ports: [2]int{24000 + 100*part, 24099 + 100*part}, Log: log,
			Docker:  containers.Needs{Engine: w.engine, Firewall: w.wall},
			Rules:   instancer.Needs{Prober: probe.New(w.engine), Challenges: w.library, Flags: given},
			Options: instancer.Options{BaseDomain: "instances.localhost", SlugKey: []byte("key")},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.rules = life.Instancer
		life.Start(context.Background())
		return func() {
			if err := life.Stop(); err != nil {
				t.Error(err)
			}
		}
	}
	end := start()
	w.restarts = func() {
		end()
		end = start()
	}
	t.Cleanup(func() {
		end()
		dockertest.Clear(t, w.engine)
		if err := w.engine.RemoveImages(context.Background(), func(string, string, string) bool { return false }); err != nil {
			t.Error(err)
		}
		if t.Failed() && os.Getenv("FLAG_LOG") != "" {
			t.Log(w.log)
		}
	})
	return w
}

// write makes a challenge's files: pairs of name and content. What it does not say is a service that listens on 9000.
func (w *world) write(id string, files ...string) {
	w.t.Helper()
	all := append([]string{"instance.toml", oneRoute, "compose.yaml", "services: {web: {build: .}}\n"}, files...)
	for n := 0; n < len(all); n += 2 {
		path := filepath.Join(w.folder, id, all[n])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(all[n+1]), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
}

const oneRoute = "[[routes]]\nservice = \"web\"\nport = 9000\ntype = \"tcp\"\n"

// listen is the end of a Dockerfile whose image has busybox, which as the first process would not end for SIGTERM.
const listen = "\nSTOPSIGNAL KILL\nCMD [\"/bin/busybox\", \"nc\", \"-ll\", \"-p\", \"9000\", \"-e\", \"/bin/busybox\", \"true\"]\n"

// load loads all challenges, which must be good.
func (w *world) load() {
	w.t.Helper()
	problems, err := w.library.Reload(context.Background())
	if err != nil || len(problems) > 0 {
		w.t.Fatal(problems, err)
	}
	w.rules.PrepareImages()
}

// built waits for the end of a challenge's build.
func (w *world) built(id string) whaley.BuildStatus {
	w.t.Helper()
	timeout := time.After(15 * time.Minute) // never, unless something hangs
	for {
		st, changed, err := w.rules.BuildStatus(id)
		if err != nil {
			w.t.Fatal(err)
		}
		if st.State == whaley.BuildReady || st.State == whaley.BuildFailed {
			return st
		}
		select {
		case <-changed:
		case <-timeout:
			w.t.Fatalf("%s is not built: %+v", id, st)
		}
	}
}

func player(name string) whaley.Player {
	return whaley.Player{ID: name, Owner: whaley.Owner{ID: name, Name: name}}
}

// spawn starts an instance and waits for what becomes of it.
func (w *world) spawn(owner, id string) (*whaley.Instance, error) {
	w.t.Helper()
	changes, done := w.rules.Changes(owner)
	defer done()
	in, err := w.rules.Spawn(context.Background(), player(owner), id)
	if err != nil {
		return nil, err
	}
	timeout := time.After(time.Minute)
	for {
		in, err = w.rules.Get(context.Background(), player(owner), in.ID)
		switch {
		case err != nil:
			return nil, err
		case in.State == whaley.Running:
			return in, nil
		case in.State == whaley.Failed:
			return in, in.Reason
		}
		select {
		case <-changes:
		case <-timeout:
			w.t.Fatalf("%s is %s", in.ID, in.State)
		}
	}
}

// running is spawn that must succeed.
func (w *world) running(owner, id string) *whaley.Instance {
	w.t.Helper()
	in, err := w.spawn(owner, id)
	if err != nil {
		w.t.Fatalf("%s of %s: %v\n%s", id, owner, err, w.log)
	}
	return in
}

func (w *world) stop(owner string, in *whaley.Instance) {
	w.t.Helper()
	changes, done := w.rules.Changes(owner)
	defer done()
	if _, err := w.rules.Stop(context.Background(), player(owner), in.ID); err != nil {
		w.t.Fatal(err)
	}
	for {
		live, err := w.rules.List(context.Background(), player(owner))
		if err != nil {
			w.t.Fatal(err)
		}
		if !slices.ContainsFunc(live, func(l *whaley.Instance) bool { return l.ID == in.ID && l.State != whaley.Failed }) {
			return
		}
		<-changes
	}
}

// inside runs a command in a container of an instance.
func (w *world) inside(in *whaley.Instance, service string, command ...string) string {
	w.t.Helper()
	out, err := exec.Command("docker", append([]string{"exec", in.ID + "-" + service}, command...)...).CombinedOutput()
	if err != nil {
		w.t.Errorf("%s: %v: %v %s", in.ID, command, err, out)
	}
	return string(out)
}

// everything is every byte that root sees in a container: files, mounted or not, and the environment.
func (w *world) everything(in *whaley.Instance, service string) string {
	w.t.Helper()
	const script = `cd /; /bin/busybox tar c $(/bin/busybox ls -A | /bin/busybox grep -vxE 'proc|sys|dev'); /bin/busybox cat /proc/1/environ /proc/1/cmdline 2>/dev/null || true` // another user's environment is not even root's to read
	out, err := exec.Command("docker", "exec", "-u", "0", in.ID+"-"+service, "sh", "-c", script).Output()
	if err != nil || len(out) < 1<<20 {
		w.t.Errorf("%d bytes of %s: %v", len(out), service, err)
	}
	return string(out)
}
