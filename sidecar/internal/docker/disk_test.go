package docker_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// probe lets a container do something and answers what it says.
func probe(t *testing.T, address netip.Addr, what string) string {
	t.Helper()
	var text string
	testkit.Eventually(t, 30*time.Second, what, func() error {
		resp, err := http.Get("http://" + net.JoinHostPort(address.String(), "8080") + "/probe/" + what)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		read, err := io.ReadAll(resp.Body)
		text = string(read)
		return err
	})
	return text
}

// writers are two instances: one of two containers, with a named and an anonymous volume, and one that writes nothing.
type writers struct {
	*bench                 // with a surveyor
	asks    *docker.Engine // the same deployment, without one
	ids     []string
	address []netip.Addr
}

func newWriters(t *testing.T) *writers {
	t.Helper()
	b := newBench(t)
	dir := dockertest.TestServerContext(t)
	both := dockertest.EnginesWith(t, filepath.Join(dir, "server"), "")
	b.Engine = both[0]
	text, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "Dockerfile"), append(text, "VOLUME /anonymous\n"...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	service := whaley.Service{
		Name: "web", Image: "whaley/engine-test:volume", Build: &whaley.Build{Context: dir, Dockerfile: "Dockerfile"},
	}
	if err := b.BuildImage(
		t.Context(), instancer.BuildSpec{Challenge: &whaley.Challenge{ID: "engine"}, Service: &service}, io.Discard,
	); err != nil {
		t.Fatal(err)
	}
	w := &writers{bench: b, asks: both[1]}
	if err := b.network(network, b.subnet); err != nil {
		t.Fatal(err)
	}
	if err := b.CreateVolume(t.Context(), "whaley-engine-test-data", b.labels); err != nil {
		t.Fatal(err)
	}
	for n, name := range []string{"web", "db", "quiet"} {
		spec := b.spec("whaley-engine-test-" + name)
		for range n {
			spec.Address = spec.Address.Next()
		}
		if name == "quiet" {
			spec.Labels.Instance = "quiet"
		} else {
			spec.Service.Image = service.Image
			spec.Service.Mounts = []whaley.Mount{{Volume: true, Source: "data", Target: "/data"}}
			spec.Volumes = map[string]string{"data": "whaley-engine-test-data"}
		}
		id, err := b.CreateContainer(t.Context(), spec)
		if err == nil {
			err = b.StartContainer(t.Context(), id)
		}
		if err != nil {
			t.Fatal(err)
		}
		w.ids, w.address = append(w.ids, id), append(w.address, spec.Address)
	}
	return w
}

func TestAllThatAnInstanceWritesIsSeen(t *testing.T) {
	const mb = 1 << 20
	kinds := []struct {
		what, probe string
		seen        bool // by the engine itself
	}{
		{"its layer", "fill?path=/x&mb=6", true},
		{"a named volume", "fill?path=/data/x&mb=6", true},
		{"an anonymous volume", "fill?path=/anonymous/x&mb=6", true},
		{"a deleted file that is open", "hide?path=/y&mb=6", false},
		{"a deleted file of a volume", "hide?path=/data/y&mb=6", false},
		{"a deleted file that is only mapped", "hide?path=/z&mb=6&how=map", false},
	}
	w := newWriters(t)
	look := func(by *docker.Engine) whaley.Disk {
		t.Helper()
		var disk whaley.Disk
		testkit.Eventually(t, time.Minute, "the disk is looked at", func() (err error) {
			disk, err = by.Disk(t.Context(), 0) // the engine refuses while somebody else asks it
			return err
		})
		if ids := slices.Sorted(maps.Keys(disk.Instances)); !slices.Equal(ids, []string{"engine-test", "quiet"}) {
			t.Fatalf("instances %v", ids)
		}
		return disk
	}
	surveyed, asked := look(w.Engine).Instances["engine-test"].Bytes, look(w.asks).Instances["engine-test"].Bytes
	more := func(what string, seen bool) {
		t.Helper()
		disk := look(w.Engine)
		now := disk.Instances["engine-test"]
		t.Logf("%-36s %5.1f MB more", what, float64(now.Bytes-surveyed)/mb)
		if more := now.Bytes - surveyed; more < 6*mb || more > 8*mb {
			t.Errorf("6 MB in %s are %d bytes", what, more)
		}
		surveyed = now.Bytes
		if quiet := disk.Instances["quiet"]; quiet.Bytes > mb {
			t.Errorf("one that writes nothing has %+v", quiet)
		}
		if disk.Size == 0 || disk.Free == 0 || now.Wrote == 0 {
			t.Errorf("the disk is %d, %d free, and it has written %d", disk.Size, disk.Free, now.Wrote)
		}
		if !seen {
			return
		}
		before := asked
		if asked = look(w.asks).Instances["engine-test"].Bytes; asked-before < 6*mb || asked-before > 8*mb {
			t.Errorf("6 MB in %s are %d bytes as the engine counts", what, asked-before)
		}
	}
	for _, k := range kinds {
		if got := probe(t, w.address[0], k.probe); got != "done" {
			t.Fatal(got)
		}
		more(k.what, k.seen)
	}
	// What a container wrote stays when it has ended.
	if got := probe(t, w.address[1], "fill?path=/x&mb=6"); got != "done" {
		t.Fatal(got)
	}
	if err := w.StopContainer(t.Context(), w.ids[1], 0); err != nil {
		t.Fatal(err)
	}
	more("a container that has ended", true)
	if got := probe(t, w.address[0], "litter?path=/data/many&files=500"); got != "done" {
		t.Fatal(got)
	}
	if files := look(w.Engine).Instances["engine-test"].Files; files < 500 || files > 560 {
		t.Errorf("500 files more are %d", files)
	}
	if disk, err := w.Disk(t.Context(), 100); err != nil || disk.Instances["engine-test"].Files != 101 {
		t.Errorf("with 100 allowed, it is said to have %d: %v", disk.Instances["engine-test"].Files, err)
	}
}

// A surveyor that dies is replaced, and one whose sidecar ends is gone.
func TestTheSurveyorIsThereForItsSidecarOnly(t *testing.T) {
	engine := dockertest.EnginesWith(t, filepath.Join(dockertest.TestServerContext(t), "server"))[0]
	apart := engine.WithPurpose("survey")
	surveyors := func() []instancer.Object {
		t.Helper()
		all, err := apart.List(context.Background(), "")
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	free := func() error {
		disk, err := engine.Disk(t.Context(), 0)
		if err == nil && disk.Size == 0 {
			err = fmt.Errorf("nobody surveys, %d do", len(surveyors()))
		}
		return err
	}
	if err := free(); err != nil {
		t.Fatal(err)
	}
	first := surveyors()
	if len(first) != 1 {
		t.Fatalf("%+v", first)
	}
	may := (&bench{t: t}).inspect(
		first[0].ID,
		"{{.HostConfig.Privileged}} {{.HostConfig.NetworkMode}} {{range .Mounts}}{{.RW}} {{end}}{{join .HostConfig.CapAdd \" \"}}",
	)
	fields := strings.Fields(strings.ReplaceAll(may, "CAP_", "")) // as newer engines, or older ones, write them
	slices.Sort(fields)
	if !slices.Equal(fields, []string{"DAC_READ_SEARCH", "SYS_ADMIN", "SYS_PTRACE", "false", "false", "none"}) {
		t.Errorf("it may do more than it must: %s", may)
	}
	if err := apart.RemoveContainer(t.Context(), first[0].ID); err != nil {
		t.Fatal(err)
	}
	_ = free() // finds it gone
	if _, err := engine.Disk(t.Context(), 0); err != nil {
		t.Errorf("without a surveyor: %v", err)
	}
	engine.Close()
	testkit.Eventually(t, 30*time.Second, "no surveyor is left", func() error {
		if left := surveyors(); len(left) > 0 {
			return fmt.Errorf("%+v", left)
		}
		return nil
	})
}
