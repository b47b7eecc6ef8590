package docker_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// TestALargeImageIsReadAsAStreamAndOnlyOnce builds an image of 300 MB whose flag is in a small file and in the large
// one.
func TestALargeImageIsReadAsAStreamAndOnlyOnce(t *testing.T) {
	testkit.Need(t, testkit.Docker)
	ctx, folder, dir := context.Background(), t.TempDir(), t.TempDir()
	const size, core = 300 << 20, "qzqzqzqzqzqzqzqz"
	ch := &whaley.Challenge{
		ID: "engine",
		Flag: whaley.FlagPlan{
			Dynamic: true, Place: whaley.PlaceAuto, FlagForm: whaley.FlagForm{Open: "FLAG{", Close: "}", Text: "FLAG{big}",
				Core: core},
		},
	}
	for name, text := range map[string]string{
		"Dockerfile": "FROM busybox:1.36\nCOPY large flag.txt /\n", "flag.txt": "FLAG{big}\n", "large": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	large, err := os.OpenFile(filepath.Join(dir, "large"), os.O_WRONLY, 0)
	if err == nil {
		_, err = large.WriteAt([]byte(ch.Flag.Sentinel()), size)
	}
	if err != nil || large.Close() != nil {
		t.Fatal(err)
	}
	service := whaley.Service{Name: "web", Image: "whaley/engine-test-large:1",
		Build: &whaley.Build{Context: dir, Dockerfile: "Dockerfile", Flag: true}}
	t.Cleanup(func() { exec.Command("docker", "rmi", "-f", service.Image).Run() })

	// scan is what a process that has just started does with the challenge.
	scan := func() (*whaley.ImageFlag, string) {
		t.Helper()
		engine, err := docker.New(
			docker.Options{Deployment: "test-large-image", Folder: folder}, slog.New(slog.DiscardHandler),
		)
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Close()
		var log bytes.Buffer
		if err := engine.BuildImage(
			ctx, instancer.BuildSpec{Challenge: ch, Service: &service, Flags: ch.Flag.Sentinels()}, &log,
		); err != nil {
			t.Fatalf("%v\n%s", err, log.String())
		}
		flag, err := engine.ScanImage(ctx, ch, &service, &log)
		if err != nil {
			t.Fatalf("%v\n%s", err, log.String())
		}
		return flag, log.String()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	flag, log := scan()
	runtime.ReadMemStats(&after)
	if flag.Files != 2 || !strings.Contains(log, "the flag is in /large, once") ||
		!strings.Contains(log, "scanned sha256:") {
		t.Errorf("%+v\n%s", flag, log)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 100<<20 {
		t.Errorf("building and scanning %d MB allocated %d MB", size>>20, got>>20)
	} else {
		t.Logf("building and scanning %d MB allocated %d MB", size>>20, got>>20)
	}
	again, log := scan()
	if again.Image != flag.Image || again.Files != flag.Files || !strings.Contains(log, "was scanned before") ||
		strings.Contains(log, "\nscanned ") {
		t.Errorf("after a restart: %+v\n%s", again, log)
	}
}
