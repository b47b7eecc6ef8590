package docker_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

var nets atomic.Int64

// bench is an engine with the test server's image and a network.
type bench struct {
	*docker.Engine
	t      *testing.T
	image  string
	subnet netip.Prefix
	labels instancer.Labels
}

const network = "whaley-engine-test"

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		Engine: dockertest.Engine(t), t: t, subnet: netip.MustParsePrefix(fmt.Sprintf("10.196.%d.0/28", nets.Add(1))),
	}
	b.labels = instancer.Labels{
		Instance: "engine-test", Challenge: "engine", Owner: "user_1", Revision: "r", CreatedAt: time.Now(),
		ExpiresAt: time.Now().Add(time.Hour),
	}
	dir := dockertest.TestServerContext(t)
	service := whaley.Service{
		Name: "web", Image: "whaley/engine-test:latest", Build: &whaley.Build{Context: dir, Dockerfile: "Dockerfile"},
	}
	var log bytes.Buffer
	if err := b.BuildImage(
		context.Background(), instancer.BuildSpec{Challenge: &whaley.Challenge{ID: "engine"}, Service: &service}, &log,
	); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	b.image = service.Image
	return b
}

func (b *bench) network(name string, subnet netip.Prefix) error {
	return b.CreateNetwork(
		context.Background(), containers.NetworkSpec{Name: name, Subnet: subnet, Internal: true, Labels: b.labels},
	)
}

func (b *bench) spec(name string) containers.ContainerSpec {
	labels := b.labels
	labels.Service = "web"
	return containers.ContainerSpec{
		Name: name, Network: network, Address: b.subnet.Addr().Next().Next(), Aliases: []string{"web"}, Labels: labels,
		Service: whaley.Service{
			Name: "web", Image: b.image, Init: true, Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8, Pids: 32},
		},
	}
}

func (b *bench) run(spec containers.ContainerSpec) string {
	b.t.Helper()
	if err := b.network(network, b.subnet); err != nil {
		b.t.Fatal(err)
	}
	id, err := b.CreateContainer(context.Background(), spec)
	if err == nil {
		err = b.StartContainer(context.Background(), id)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

func (b *bench) inspect(id, format string) string {
	b.t.Helper()
	out, err := exec.Command("docker", "inspect", "-f", format, id).CombinedOutput()
	if err != nil {
		b.t.Fatalf("%v %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestAContainerRunsIsReachedAndGoes(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	id := b.run(b.spec("whaley-engine-test-web"))
	address := net.JoinHostPort(b.subnet.Addr().Next().Next().String(), "8080")
	testkit.Eventually(t, 10*time.Second, "it answers", func() error {
		resp, err := http.Get("http://" + address + "/")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if !strings.Contains(string(text), "test server") {
			return fmt.Errorf("%q %v", text, err)
		}
		return nil
	})
	objects, err := b.List(ctx, "engine-test")
	if err != nil || len(objects) != 2 {
		t.Fatalf("%+v %v", objects, err)
	}
	for _, o := range objects {
		if o.Labels.Instance != "engine-test" || o.Labels.Owner != "user_1" || o.Labels.CreatedAt.IsZero() ||
			o.Kind == "container" && (!o.Running || o.Labels.Service != "web") {
			t.Errorf("%+v", o)
		}
	}
	if err := b.StartContainer(ctx, id); err != nil {
		t.Errorf("started twice: %v", err)
	}
	if code, err := b.Exec(ctx, id, []string{"/server", "health"}); err != nil || code != 0 {
		t.Errorf("a command that succeeds: %d %v", code, err)
	}
	if code, err := b.Exec(ctx, id, []string{"/nothing"}); err == nil && code == 0 {
		t.Error("a command that is not there succeeds")
	}
	began := time.Now()
	if err := b.StopContainer(ctx, id, 2*time.Second); err != nil || time.Since(began) > 4*time.Second {
		t.Errorf("stopped in %s: %v", time.Since(began), err)
	}
	if code, err := b.Wait(ctx, id); err != nil || code != 0 {
		t.Errorf("it ended with %d %v", code, err)
	}
	for range 2 { // removing what is gone is no error
		if err := b.StopContainer(ctx, id, time.Second); err != nil {
			t.Error(err)
		}
		if err := b.RemoveContainer(ctx, id); err != nil {
			t.Error(err)
		}
		if err := b.RemoveNetwork(ctx, network); err != nil {
			t.Error(err)
		}
	}
	if objects, err := b.List(ctx, ""); err != nil || len(objects) != 0 {
		t.Errorf("left: %+v %v", objects, err)
	}
}

func TestEveryContainerIsHardened(t *testing.T) {
	b := newBench(t)
	spec := b.spec("whaley-engine-test-hard")
	spec.Service.Capabilities = []string{"SYS_PTRACE"}
	spec.Service.Tmpfs = []whaley.Tmpfs{{Target: "/tmp", Bytes: 1 << 20}}
	id := b.run(spec)
	for format, want := range map[string]string{
		"{{.HostConfig.CapDrop}}":                             "[ALL]",
		"{{.HostConfig.Privileged}}":                          "false",
		"{{.HostConfig.SecurityOpt}}":                         "[no-new-privileges:true]",
		"{{.HostConfig.Memory}}":                              "67108864",
		"{{.HostConfig.MemorySwap}}":                          "67108864",
		"{{.HostConfig.NanoCpus}}":                            "500000000",
		"{{.HostConfig.PidsLimit}}":                           "32",
		"{{.HostConfig.Init}}":                                "true",
		"{{.HostConfig.IpcMode}}":                             "private",
		"{{index .HostConfig.LogConfig.Config \"max-size\"}}": "2m",
		"{{index .HostConfig.Tmpfs \"/tmp\"}}":                "rw,nosuid,nodev,size=1048576",
		"{{.HostConfig.RestartPolicy.Name}}":                  "no",
	} {
		if got := b.inspect(id, format); got != want {
			t.Errorf("%s is %s, want %s", format, got, want)
		}
	}
	granted := b.inspect(id, "{{.HostConfig.CapAdd}}")
	for _, c := range []string{"SYS_ADMIN", "NET_ADMIN", "NET_RAW", "SYS_MODULE", "MKNOD"} {
		if strings.Contains(granted, c) {
			t.Errorf("it has %s: %s", c, granted)
		}
	}
	if !strings.Contains(granted, "SYS_PTRACE") {
		t.Errorf("what its challenge asked for is missing: %s", granted)
	}
	limits := b.inspect(id, "{{range .HostConfig.Ulimits}}{{.Name}}={{.Soft}}:{{.Hard}} {{end}}")
	if !strings.Contains(limits, "nofile=4096:") || !strings.Contains(limits, "core=0:0") {
		t.Errorf("limits %s", limits)
	}
}

// A Dockerfile's LABEL and VOLUME must not give a container what a compose file is refused.
func TestWhatAnImageBringsIsHeldToo(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	dir := dockertest.TestServerContext(t)
	dockerfile, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	more := "\nLABEL traefik.enable=true traefik.http.routers.evil.rule=x ofelia.enabled=true whaley.owner=somebody whaley.other=x\n" +
		"VOLUME /anon\nVOLUME [\"/named\", \"/in-memory/\"]\n"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), append(dockerfile, more...), 0o644); err != nil {
		t.Fatal(err)
	}
	service := whaley.Service{
		Name: "web", Image: "whaley/engine-test-brings:latest", Build: &whaley.Build{Context: dir, Dockerfile: "Dockerfile"},
	}
	if err := b.BuildImage(
		ctx, instancer.BuildSpec{Challenge: &whaley.Challenge{ID: "engine"}, Service: &service}, io.Discard,
	); err != nil {
		t.Fatal(err)
	}
	spec := b.spec("whaley-engine-test-web")
	spec.Service.Image = service.Image
	spec.Service.Mounts = []whaley.Mount{{Volume: true, Source: "data", Target: "/named"}}
	spec.Service.Tmpfs = []whaley.Tmpfs{{Target: "/in-memory", Bytes: 1 << 20}}
	spec.Volumes = map[string]string{"data": "engine-test_data"}
	if err := b.CreateVolume(ctx, "engine-test_data", b.labels); err != nil {
		t.Fatal(err)
	}
	id := b.run(spec)
	for _, label := range []string{"traefik.enable", "traefik.http.routers.evil.rule", "ofelia.enabled", "whaley.other"} {
		if got := b.inspect(id, `{{index .Config.Labels "`+label+`"}}`); got != "" {
			t.Errorf("%s is %q", label, got)
		}
	}
	if got := b.inspect(id, `{{index .Config.Labels "whaley.owner"}}`); got != "user_1" {
		t.Errorf("the owner is %q", got)
	}
	for name := range strings.FieldsSeq(b.inspect(id, `{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}`)) {
		if !strings.HasPrefix(name, "engine-test_") {
			t.Errorf("the volume %s is nobody's", name)
		}
	}
	testkit.Eventually(t, 20*time.Second, "what is written into the image's volume is counted", func() error {
		if _, err := b.Exec(ctx, id, []string{"/server", "write", "/anon/x", "3000000"}); err != nil {
			return err
		}
		disk, err := b.Disk(ctx, 0)
		if written := disk.Instances["engine-test"].Bytes; err == nil && written < 3000000 {
			err = fmt.Errorf("counted %d bytes", written)
		}
		return err
	})
	if err := b.RemoveContainer(ctx, id); err != nil {
		t.Fatal(err)
	}
	objects, err := b.List(ctx, "engine-test")
	volumes := 0
	for _, o := range objects {
		if o.Kind == "volume" {
			volumes++
			if err := b.RemoveVolume(ctx, o.Name); err != nil {
				t.Error(err)
			}
		}
	}
	if err != nil || volumes != 2 {
		t.Errorf("%d volumes to be removed, %v", volumes, err)
	}
}

func TestWhatADeadProcessLeftIsReplaced(t *testing.T) {
	b := newBench(t)
	first := b.run(b.spec("whaley-engine-test-again"))
	second, err := b.CreateContainer(context.Background(), b.spec("whaley-engine-test-again"))
	if err != nil || second == first {
		t.Fatalf("%s %v", second, err)
	}
	if err := b.network(network, b.subnet); err != nil {
		t.Errorf("the network again: %v", err)
	}
	objects, err := b.List(context.Background(), "")
	if err != nil || len(objects) != 2 {
		t.Errorf("%+v %v", objects, err)
	}
}

func TestAnotherDeploymentsObjectsAreNotSeen(t *testing.T) {
	b, other := newBench(t), dockertest.Engine(t)
	b.run(b.spec("whaley-engine-test-foreign"))
	if objects, err := other.List(context.Background(), ""); err != nil || len(objects) != 0 {
		t.Errorf("another deployment sees %+v %v", objects, err)
	}
}

func TestTakenSubnetsAndPortsHaveTheirCodes(t *testing.T) {
	b := newBench(t)
	if err := b.network(network, b.subnet); err != nil {
		t.Fatal(err)
	}
	if err := b.network(network+"-2", b.subnet); whaley.CodeOf(err) != whaley.CodeSubnetTaken {
		t.Errorf("the same subnet: %v", err)
	}
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	open := netip.MustParsePrefix(fmt.Sprintf("10.196.%d.0/28", nets.Add(1)))
	if err := b.CreateNetwork(
		context.Background(), containers.NetworkSpec{Name: network + "-open", Subnet: open, Labels: b.labels},
	); err != nil {
		t.Fatal(err)
	}
	spec := b.spec("whaley-engine-test-port")
	spec.Network, spec.Address = network+"-open", open.Addr().Next().Next()
	spec.Publish = map[int]int{9000: listener.Addr().(*net.TCPAddr).Port}
	id, err := b.CreateContainer(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.StartContainer(context.Background(), id); whaley.CodeOf(err) != whaley.CodePortTaken {
		t.Errorf("the same port: %v", err)
	}
}

func TestAContainerThatEndsIsReportedAndItsWordsAreKept(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	exits := b.Exits(ctx)
	time.Sleep(time.Second) // the stream has no answer that says it has begun
	spec := b.spec("whaley-engine-test-exit")
	spec.Service.Environment = []string{"EXIT=7"}
	id := b.run(spec)
	select {
	case exit := <-exits:
		if exit.Instance != "engine-test" || exit.Service != "web" {
			t.Errorf("%+v", exit)
		}
	case <-ctx.Done():
		t.Fatal("no word of it")
	}
	if code, err := b.Wait(ctx, id); err != nil || code != 7 {
		t.Errorf("%d %v", code, err)
	}
	if text, err := b.Logs(ctx, id, 20); err != nil || !strings.Contains(text, "ending with 7") {
		t.Errorf("%q %v", text, err)
	}
	var followed []string
	if err := b.Follow(ctx, id, 20, func(line string) error { followed = append(followed, line); return nil }); err != nil ||
		len(followed) != 1 || !strings.HasPrefix(followed[0], "ending with 7") {
		t.Errorf("followed to its end it says %q %v", followed, err)
	}
}

func TestAnImagesOwnCheckIsFound(t *testing.T) {
	b := newBench(t)
	dir := dockertest.TestServerContext(t)
	for n, c := range []struct{ line, want string }{
		{`HEALTHCHECK --timeout=3s CMD ["/server", "health"]`, "[/server health] 3s"},
		{`HEALTHCHECK CMD /server health`, "[/bin/sh -c /server health] 30s"},
		{`HEALTHCHECK NONE`, "none"},
		{``, "none"},
	} {
		if err := os.WriteFile(
			filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY server /server\n"+c.line+"\n"), 0o644,
		); err != nil {
			t.Fatal(err)
		}
		service := whaley.Service{
			Name: "web", Image: fmt.Sprintf("whaley/engine-test-health:%d", n),
			Build: &whaley.Build{Context: dir, Dockerfile: "Dockerfile"},
		}
		t.Cleanup(func() { exec.Command("docker", "rmi", "-f", service.Image).Run() })
		if err := b.BuildImage(
			context.Background(), instancer.BuildSpec{Challenge: &whaley.Challenge{ID: "engine"}, Service: &service}, io.Discard,
		); err != nil {
			t.Fatal(err)
		}
		health, err := b.ImageHealth(context.Background(), service.Image)
		got := "none"
		if health != nil {
			got = fmt.Sprint(health.Test, " ", health.Timeout)
		}
		if err != nil || got != c.want {
			t.Errorf("%q: %s %v, want %s", c.line, got, err, c.want)
		}
	}
	if _, err := b.ImageHealth(context.Background(), "whaley/nothing:here"); whaley.CodeOf(err) != whaley.CodeObjectMissing {
		t.Errorf("an image that is not there: %v", err)
	}
}

func TestABuildThatFailsSaysSoAndLeavesItsOutput(t *testing.T) {
	b := newBench(t)
	dir := t.TempDir()
	if err := os.WriteFile(
		filepath.Join(dir, "Dockerfile"), []byte("FROM busybox:1.36\nRUN echo about to fail && false\n"), 0o644,
	); err != nil {
		t.Fatal(err)
	}
	service := whaley.Service{
		Name: "web", Image: "whaley/engine-test-broken:1", Build: &whaley.Build{Context: dir, Dockerfile: "Dockerfile"},
	}
	var log bytes.Buffer
	err := b.BuildImage(
		context.Background(), instancer.BuildSpec{Challenge: &whaley.Challenge{ID: "engine"}, Service: &service}, &log,
	)
	if whaley.CodeOf(err) != "image_failed" || !strings.Contains(log.String(), "about to fail") {
		t.Errorf("%v\n%s", err, log.String())
	}
}

func TestWithoutAnEngineTheErrorSaysSo(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	engine, err := docker.New(docker.Options{Deployment: "x"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"ping":  engine.Ping(context.Background()),
		"start": engine.StartContainer(context.Background(), "x"),
		"list":  func() error { _, err := engine.List(context.Background(), ""); return err }(),
	} {
		if whaley.CodeOf(err) != "engine_unavailable" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestItDoesWhatAnEngineMust(t *testing.T) {
	dockertest.Contract(t, 1, func(t *testing.T) (containers.Engine, containers.Engine) {
		return dockertest.Engine(t), dockertest.Engine(t)
	})
}

// The engine gives addresses free before the bridge is gone. A restarted sidecar that makes a network with these at
// once must not leave a bridge behind, which would take the addresses out of the pool for as long as the host runs.
func TestANetworkWhoseAddressesAreBeingGivenUpLeavesNoBridge(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	for n := range 6 {
		if err := b.network(network, b.subnet); err != nil {
			t.Fatal(err)
		}
		removed := make(chan error, 1)
		go func() { removed <- b.RemoveNetwork(ctx, network) }()
		next := fmt.Sprint(network, "-", n)
		testkit.Eventually(t, 10*time.Second, "the addresses are free", func() error { return b.network(next, b.subnet) })
		if err := <-removed; err != nil {
			t.Fatal(err)
		}
		if routes := routesTo(t, b.subnet); routes != 1 {
			t.Errorf("%d routes lead to a network that is there", routes)
		}
		if err := b.RemoveNetwork(ctx, next); err != nil {
			t.Fatal(err)
		}
		if routes := routesTo(t, b.subnet); routes != 0 {
			t.Fatalf("%d routes lead to where nothing is any more", routes)
		}
	}
}

// routesTo counts the host's routes to a subnet.
func routesTo(t *testing.T, subnet netip.Prefix) int {
	t.Helper()
	count := 0
	for _, r := range testkit.Dump(t, func() ([]netlink.Route, error) { return netlink.RouteList(nil, netlink.FAMILY_V4) }) {
		if r.Dst != nil && r.Dst.String() == subnet.String() {
			count++
		}
	}
	return count
}

// A datagram reaches the container and its answer whoever has sent it, on a host port that TCP has at the same time.
func TestAPublishedPortOfUDPIsReached(t *testing.T) {
	b := newBench(t)
	spec := b.spec("whaley-engine-test-udp")
	text, err := testkit.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	spec.Publish, spec.UDP = map[int]int{9000: port}, map[int]int{9000: port}
	spec.Egress = true
	if err := b.CreateNetwork(t.Context(), containers.NetworkSpec{Name: network, Subnet: b.subnet, Labels: b.labels}); err != nil {
		t.Fatal(err)
	}
	id, err := b.CreateContainer(t.Context(), spec)
	if err == nil {
		err = b.StartContainer(t.Context(), id)
	}
	if err != nil {
		t.Fatal(err)
	}
	at := net.JoinHostPort("127.0.0.1", text)
	for _, protocol := range []string{"udp", "tcp"} {
		testkit.Eventually(t, 10*time.Second, protocol+" is answered", func() error {
			c, err := net.DialTimeout(protocol, at, time.Second)
			if err != nil {
				return err
			}
			defer c.Close()
			answer := make([]byte, 5)
			if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
				return err
			}
			if _, err = c.Write([]byte("hello")); err == nil {
				_, err = io.ReadFull(c, answer)
			}
			if err != nil || string(answer) != "hello" {
				return fmt.Errorf("%q %v", answer, err)
			}
			return nil
		})
	}
}
