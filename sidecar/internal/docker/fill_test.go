package docker_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Two instances of a challenge that writes into its own files: each has a copy with its owner's flag, owner and mode as
// in the folder, shared by its services, seen by no other and gone with it. Nothing leads out of a copy, and the folder
// stays as it is.
func TestWhatAnInstanceWritesIntoItsCopiesIsItsOwn(t *testing.T) {
	t.Parallel()
	engine := dockertest.Engine(t)
	ctx := context.Background()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"instance.toml": "[flag]\ntext = \"FLAG{the_flag}\"\n", "flag.txt": "FLAG{the_flag}\n",
		"data/note": "it is FLAG{the_flag}", "data/sub/theirs": "no", "own.db": "FLAG{the_flag}",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Symlink("/etc/hostname", filepath.Join(dir, "data/link")), os.Symlink("/", filepath.Join(dir, "data/root")),
		os.Chown(filepath.Join(dir, "data"), 1234, 1234), os.Chmod(filepath.Join(dir, "data"), 0o770|os.ModeSetgid),
		os.Chown(filepath.Join(dir, "own.db"), 1234, 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	ch := &whaley.Challenge{
		ID: "copies", Dir: dir,
		Flag: whaley.FlagPlan{FlagForm: whaley.FlagForm{Open: "FLAG{", Close: "}", Text: "FLAG{the_flag}"}},
	}
	data, all := filepath.Join(dir, "data"), whaley.Mount{
		Source: "all", From: dir, Target: "/all", Volume: true, NoCopy: true,
	}
	service := whaley.Service{
		Name: "web", Image: "busybox:1.36", Command: []string{"sleep", "600"}, Offline: true, Init: true,
		Limits: whaley.Limits{MemoryBytes: 32 << 20, NanoCPUs: 5e8, Pids: 32},
		Mounts: []whaley.Mount{
			{Source: "data", From: data, Target: "/srv/data", Volume: true, NoCopy: true}, all,
			{Source: filepath.Join(dir, "own.db"), From: filepath.Join(dir, "own.db"), Target: "/srv/deep/er/own.db"},
			{Source: filepath.Join(dir, "flag.txt"), Target: "/all/data/sub", ReadOnly: true}, // lies over what is copied
		},
	}
	if err := os.Remove(filepath.Join(dir, "data/sub/theirs")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "data/sub")); err != nil {
		t.Fatal(err)
	}
	reader := service
	reader.Name, reader.Mounts = "reader", []whaley.Mount{{
		Source: "data", From: data, Target: "/data", Volume: true, NoCopy: true, ReadOnly: true,
	}}
	made := map[string]string{}
	for _, instance := range []string{"copies-1", "copies-2"} {
		labels := instancer.Labels{Instance: instance, Challenge: "copies"}
		volumes := map[string]string{"data": instance + "_data", "all": instance + "_all"}
		for _, v := range volumes {
			if err := engine.CreateVolume(ctx, v, labels); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range []whaley.Service{service, reader} {
			id, err := engine.CreateContainer(
				ctx, containers.ContainerSpec{Name: instance + "-" + s.Name, Service: s, Volumes: volumes, Labels: labels},
			)
			if err != nil {
				t.Fatal(err)
			}
			made[instance+s.Name] = id
			if s.Name == "web" {
				own := []whaley.Mount{s.Mounts[0], s.Mounts[1], s.Mounts[2]}
				if err := engine.FillMounts(ctx, id, ch, &s, own, []string{"FLAG{of " + instance + "}"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, s := range []string{"web", "reader"} {
			if err := engine.StartContainer(ctx, made[instance+s]); err != nil {
				t.Fatal(err)
			}
		}
	}
	says := func(container, command, want string) {
		t.Helper()
		out, err := exec.Command("docker", "exec", made[container], "sh", "-c", command).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil && want != "" || got != want {
			t.Errorf("%s: %s: %q (%v), not %q", container, command, got, err, want)
		}
	}
	for _, n := range []string{"1", "2"} {
		web := "copies-" + n + "web"
		says(
			web, "cat /srv/data/note /all/flag.txt /srv/deep/er/own.db",
			"it is FLAG{of copies-"+n+"}FLAG{of copies-"+n+"}\nFLAG{of copies-"+n+"}",
		)
		says(web, "stat -c '%u %g %a' /srv/data /srv/data/note /srv/deep/er/own.db", "1234 1234 2770\n0 0 640\n1234 0 640")
		says(
			web, "readlink /srv/data/link; readlink /srv/data/root; ls /all/instance.toml 2>/dev/null || true",
			"/etc/hostname\n/",
		)
		says(web, "cat /all/data/sub", "FLAG{the_flag}")
	}
	says(
		"copies-1web", "echo mine > /srv/data/new && echo more >> /srv/deep/er/own.db && rm /srv/data/note && echo done",
		"done",
	)
	says("copies-1reader", "cat /data/new; touch /data/no 2>/dev/null || echo refused", "mine\nrefused")
	says("copies-2web", "ls /srv/data", "link\nnote\nroot")
	says("copies-2reader", "cat /data/note", "it is FLAG{of copies-2}")
	if text, err := os.ReadFile(filepath.Join(dir, "own.db")); err != nil || string(text) != "FLAG{the_flag}" {
		t.Errorf("the challenge's own: %q %v", text, err)
	}
	for _, id := range made {
		if err := engine.RemoveContainer(ctx, id); err != nil {
			t.Error(err)
		}
	}
	objects, err := engine.List(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if err := engine.RemoveVolume(ctx, o.Name); o.Kind != "volume" || err != nil {
			t.Errorf("%+v %v", o, err)
		}
	}
	if objects, err = engine.List(ctx, ""); err != nil || len(objects) > 0 {
		t.Errorf("%+v %v are left", objects, err)
	}
}
