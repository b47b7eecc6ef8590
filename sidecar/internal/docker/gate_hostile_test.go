package docker_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// knocks is what a hostile program does at its gate, as root: it holds and floods both pipes, looks for the key and for
// other gates, and tries to change what is mounted.
const knocks = `for f in gate answer; do for n in 1 2 3; do
 (while :; do echo '0 {"Argv":["/bin/sh","-c","echo taken"]}' >/.whaley/$f; done) 2>/dev/null &
 (exec 7<>/.whaley/$f; sleep 1000) & done; done
find / -xdev -type p 2>/dev/null; find /.whaley -type p | sort
cat /proc/1/environ /proc/self/environ | tr '\0' '\n' | grep -i whaley
find /.whaley /proc/1/root/.whaley -name key 2>/dev/null
ln /.whaley/gate /mine 2>/dev/null && echo linked
mv /.whaley/gate /.whaley/other 2>/dev/null && echo moved
rm -f /.whaley/answer 2>/dev/null && echo removed
mount -o remount,rw /.whaley 2>/dev/null && echo remounted
umount /.whaley 2>/dev/null && echo unmounted
cp /bin/busybox /.whaley/whaley-guest 2>/dev/null && echo wrote
echo done; exec sleep 1000`

// TestAHostileProgramGainsNothingAtItsGate has a sibling of its instance wait beside it, and starts it again, since it
// is told again then.
func TestAHostileProgramGainsNothingAtItsGate(t *testing.T) {
	engine, image := gates(t)
	name := fmt.Sprintf("gates-%d-knocks", os.Getpid())
	ids := map[string]string{}
	for _, service := range []string{"web", "db"} {
		ids[service] = hostile(t, engine, name, image, service)
	}
	ch := &whaley.Challenge{ID: "gates"}
	open := func(service, program string) error {
		svc := &whaley.Service{Name: service, Command: []string{"sh", "-c", program}, Environment: []string{"TOLD=yes"}}
		if err := engine.Tell(t.Context(), name, ch, svc, nil, nil); err != nil {
			return err
		}
		return engine.StartContainer(t.Context(), ids[service])
	}
	if err := open("web", knocks); err != nil {
		t.Fatal(err)
	}
	const want = "/.whaley/answer\n/.whaley/gate\ndone\n"
	for times := 1; times <= 2; times++ {
		testkit.Eventually(t, 15*time.Second, "it has tried all", func() error {
			if out := logs(t, ids["web"]); strings.Count(out, "done") < times {
				return fmt.Errorf("it printed %q", out)
			}
			return nil
		})
		if got := logs(t, ids["web"]); got != strings.Repeat(want, times) {
			t.Errorf("it finds, and can do:\n%s", got)
		}
		if web, db := state(t, engine, name); !web.Running || !db.Waiting || db.Running {
			t.Errorf("it is %+v, and its sibling %+v", web, db)
		}
		if times == 1 {
			if err := engine.StopContainer(t.Context(), ids["web"], 0); err != nil {
				t.Fatal(err)
			}
			if err := engine.StartContainer(t.Context(), ids["web"]); err != nil {
				t.Fatalf("started again: %v", err)
			}
		}
	}
	if err := open("db", "echo $TOLD; exec sleep 1000"); err != nil {
		t.Fatalf("its sibling is opened: %v", err)
	}
	testkit.Eventually(t, 15*time.Second, "the sibling is what it was told to be", func() error {
		if out := logs(t, ids["db"]); out != "yes\n" {
			return fmt.Errorf("it printed %q", out)
		}
		return nil
	})
}

// hostile makes a container that waits at its gate.
func hostile(t *testing.T, engine *docker.Engine, instance, image, service string) string {
	t.Helper()
	id, err := engine.CreateContainer(t.Context(), containers.ContainerSpec{
		Name: instance + "-" + service, Gated: true,
		Labels: instancer.Labels{Instance: instance, Challenge: "gates", Service: service, CreatedAt: time.Now()},
		Service: whaley.Service{
			Name: service, Image: image, Offline: true, User: "root",
			Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8, Pids: 64},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.StartContainer(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	return id
}

func state(t *testing.T, engine *docker.Engine, instance string) (web, db instancer.Object) {
	t.Helper()
	all, err := engine.List(t.Context(), instance)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		switch o.Labels.Service {
		case "web":
			web = o
		case "db":
			db = o
		}
	}
	return web, db
}
