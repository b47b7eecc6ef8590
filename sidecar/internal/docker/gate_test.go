package docker_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/guest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// seen prints what a program can see of how it was started.
const seen = `#!/bin/sh
trap 'echo got TERM; exit 7' TERM
echo "arguments $# $0"; for a in "$@"; do echo "argument <$a>"; done
tr '\0' '\n' </proc/1/cmdline | sed 's/^/command line /'
tr '\0' '\n' </proc/$$/environ | sed 's/^/variable /'
id; pwd; umask; ulimit -a; ulimit -aH
tty | sed 's/^/terminal /'
sed -n '/^\(Uid\|Gid\|Groups\|NStgid\|NSsid\|SigPnd\|SigBlk\|SigIgn\|Cap.*\|NoNewPrivs\|Seccomp\):/p' /proc/1/status | sed 's/^/first /'
sed -n '/^\(Uid\|Gid\|Groups\|SigBlk\|SigIgn\|Cap.*\|NoNewPrivs\|Seccomp\):/p' /proc/$$/status
open=$(ls -ln /proc/1/fd 2>&1 | grep -v '/fd/[3-9]: cannot read\| [3-9]$')
echo "$open" | sed 's/.*\([0-9]\) -> \([a-z/]*\).*/descriptor \1 is \2/' | grep -v 'descriptor [3-9] is pipe'
for n in 0 1 2; do stat -L -c "descriptor $n: %F of %u:%g" /proc/self/fd/$n; done
(echo can open standard output >/dev/stdout) 2>&1
cat /proc/1/oom_score_adj
stat -c '%n %a %u:%g %Y' /flag /run-as-root /work
/run-as-root -u 2>&1
touch /new 2>&1 && echo writes its root
[ -e /proc/1/exe ] && readlink /proc/1/exe
[ "$LAST" = wait ] && { echo waiting; while :; do sleep 0.05; done; }
exit ${LAST:-0}
`

const seenDockerfile = `FROM busybox:1.36
COPY seen /bin/seen
RUN cp /bin/id /run-as-root && chmod 4755 /run-as-root && echo placeholder >/flag && chmod 640 /flag && chown 1000:2000 /flag && \
 echo 'player:x:1000:2000:the player:/home/player:/bin/sh' >>/etc/passwd && echo 'own:x:2000:' >>/etc/group && \
 echo 'crew:x:3000:player,other' >>/etc/group && mkdir /work && ln /flag /flag-too && touch -d '2001-02-03 04:05:06' /flag
ENV IMAGE=1
CMD ["/bin/seen", "of the image"]
`

// gates is an engine whose containers can wait at gates.
func gates(t *testing.T) (engine *docker.Engine, image string) {
	t.Helper()
	engine = dockertest.EngineWithGuest(t)
	sum := sha256.Sum256([]byte(seenDockerfile + seen)) // an image that is there is not built again
	version := hex.EncodeToString(sum[:6])
	dir := t.TempDir()
	for name, text := range map[string]string{"Dockerfile": seenDockerfile, "seen": seen} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	service := whaley.Service{
		Name: "web", Image: "whaley/gates-test:" + version, Build: &whaley.Build{Context: dir, Dockerfile: "Dockerfile"},
	}
	var log bytes.Buffer
	if err := engine.BuildImage(
		t.Context(), instancer.BuildSpec{Challenge: &whaley.Challenge{ID: "gates"}, Service: &service}, &log,
	); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	return engine, service.Image
}

// TestAChallengeSeesTheSameWithAndWithoutTheGuest starts each service twice and compares all that it can see.
func TestAChallengeSeesTheSameWithAndWithoutTheGuest(t *testing.T) {
	engine, image := gates(t)
	all := map[string]whaley.Service{
		"as it is":       {},
		"name and group": {User: "player:crew", Groups: []string{"4000", "own"}},
		"more by number": {User: "1000", AllowSetuid: true, Capabilities: []string{"NET_RAW"}},
		"of no name":     {User: "12345:54321", WorkingDir: "/made/here"},
		"root with less": {User: "root", Environment: []string{"HOME="}, Drop: []string{"ALL"}},
		"capabilities":   {Capabilities: []string{"SYS_PTRACE", "NET_RAW"}, Drop: []string{"CHOWN", "SETUID"}},
		"terminal":       {TTY: true, User: "player"},
		"open input":     {Stdin: true, User: "1000", ReadOnly: true, WorkingDir: "/work"},
		"its command": {Command: []string{"seen", "a  b", "", "'$X'"},
			Environment: []string{"IMAGE=2", "HOME=/else", "A=b=c", "LAST=3"}},
		"entrypoint": {Entrypoint: []string{"/bin/sh", "-c"}, Command: []string{"exec seen \"$0\" from a shell", "zero"},
			Ulimits: []whaley.Ulimit{{Name: "nofile", Soft: 100, Hard: 200}, {Name: "nproc", Soft: 50, Hard: 60}}},
		"no entrypoint": {
			Entrypoint: []string{""}, Command: []string{"/bin/seen"}, Environment: []string{"LAST=wait"}, User: "player",
		},
	}
	var mu sync.Mutex
	prints := map[string][2]string{}
	var running sync.WaitGroup
	turns := make(chan struct{}, 3)
	for n, name := range slices.Sorted(maps.Keys(all)) {
		for with := range 2 {
			running.Go(func() {
				turns <- struct{}{}
				defer func() { <-turns }()
				service := all[name]
				service.Name, service.Image, service.Offline, service.Hostname = "web", image, true, "same"
				service.Limits = whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 1e9, Pids: 64}
				text := startAndRead(t, engine, fmt.Sprintf("gates-%d-%d-%d", os.Getpid(), n, with), service, with == 1)
				mu.Lock()
				defer mu.Unlock()
				both := prints[name]
				both[with] = text
				prints[name] = both
			})
		}
	}
	running.Wait()
	for name, both := range prints {
		if diff := cmp.Diff(both[0], both[1]); diff != "" || both[0] == "" {
			t.Errorf("%s (-without +with)\n%s", name, diff)
		}
	}
}

// TestTheGuestDoesWhatItIsToldAndLeavesNothing has a flag in a file with two names, a variable, a host and a limit.
func TestTheGuestDoesWhatItIsToldAndLeavesNothing(t *testing.T) {
	engine, image := gates(t)
	name := fmt.Sprintf("gates-%d-told", os.Getpid())
	script := `cat /flag /flag-too; stat -c "%a %u:%g %h %Y" /flag; stat -c %i /flag /flag-too | sort -u | wc -l; stat -c %a /run-as-root
echo "$TOLD $IMAGE"; tail -n 1 /etc/hosts; ulimit -n; ulimit -Hn; id -u
tr '\0' '\n' </proc/1/environ | grep -c WHALEY; ls /.whaley; touch /.whaley/x 2>&1`
	service := whaley.Service{
		Name: "web", Image: image, Offline: true, User: "player", Command: []string{"sh", "-c", script},
		Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 1e9, Pids: 64},
	}
	labels := instancer.Labels{Instance: name, Challenge: "gates", Service: "web", CreatedAt: time.Now()}
	spec := containers.ContainerSpec{Name: name, Labels: labels, Service: service, Gated: true}
	id, err := engine.CreateContainer(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.StartContainer(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	told := guest.Message{
		Patches: []guest.Patch{
			{
				Path: "/flag", Links: []string{"/flag-too"},
				Swaps: []guest.Swap{{Old: []byte("placeholder"), New: []byte("flag{o'wn\\}")}},
			},
			{Path: "/run-as-root", Swaps: []guest.Swap{{At: 1, Old: []byte("ELF"), New: []byte("ELG")}}},
		},
		Env: []string{"TOLD=yes", "IMAGE=2"}, Hosts: []string{"192.0.2.1 other"},
		Limits: map[string]guest.Limit{"nofile": {Soft: 40, Hard: 50}},
	}
	began := time.Now()
	if err := engine.OpenGate(t.Context(), name, "web", told); err != nil {
		t.Fatal(err)
	}
	code, err := engine.Wait(t.Context(), id)
	t.Logf("told, run and ended within %s", time.Since(began))
	want := "flag{o'wn\\}\nflag{o'wn\\}\n640 1000:2000 2 981173106\n1\n4755\nyes 2\n192.0.2.1 other\n40\n50\n1000\n0\nanswer\ngate\nwhaley-guest\n"
	if got := logs(t, id); err != nil || !strings.HasPrefix(got, want) ||
		!strings.Contains(got, "touch: /.whaley/x: Read-only") {
		t.Errorf("%d %v (-want +got)\n%s", code, err, cmp.Diff(want, got))
	}
	service.Init = true
	spec.Service = service
	if _, err := engine.CreateContainer(t.Context(), spec); err == nil {
		t.Error("one that has a first program of the engine's waits at a gate")
	}
}

// startAndRead is what a service prints, and how it ends.
func startAndRead(t *testing.T, engine *docker.Engine, name string, service whaley.Service, gated bool) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	labels := instancer.Labels{Instance: name, Challenge: "gates", Service: "web", CreatedAt: time.Now()}
	id, err := engine.CreateContainer(
		ctx, containers.ContainerSpec{Name: name, Labels: labels, Service: service, Gated: gated},
	)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer engine.RemoveContainer(context.WithoutCancel(ctx), id)
	if err := engine.StartContainer(ctx, id); err != nil {
		t.Error(err)
		return ""
	}
	if gated {
		if err := engine.OpenGate(ctx, name, "web", guest.Message{}); err != nil {
			t.Error(err)
		}
	}
	if slices.Contains(service.Environment, "LAST=wait") {
		testkit.Eventually(t, 20*time.Second, "it waits for a signal", func() error {
			if out := logs(t, id); !strings.Contains(out, "waiting") {
				return fmt.Errorf("it printed %q", out)
			}
			return nil
		})
		if err := engine.StopContainer(ctx, id, 20*time.Second); err != nil {
			t.Error(err)
		}
	}
	code, err := engine.Wait(ctx, id)
	return fmt.Sprintf("%sended with %d %v", changing.ReplaceAllString(logs(t, id), "-"), code, err)
}

// changing is what is another in each container.
var changing = regexp.MustCompile(`(?m)^(NStgid|NSsid).*$|pipe:\[\d+\]|/dev/pts/\d+`)

func logs(t *testing.T, id string) string {
	t.Helper()
	out, err := exec.Command("docker", "logs", id).CombinedOutput()
	if err != nil {
		t.Errorf("%v %s", err, out)
	}
	return string(out)
}
