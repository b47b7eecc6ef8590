// Package dockertest gives tests a real engine with objects of their own, and a small server to put into containers.
package dockertest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// Engine is the machine's engine under a deployment id of this test's own. Everything made through it is gone
// afterwards.
func Engine(t testing.TB) *docker.Engine { return EnginesWith(t, "")[0] }

// EngineWithGuest is one whose containers can wait at gates.
func EngineWithGuest(t testing.TB) *docker.Engine {
	t.Helper()
	testkit.Need(t, testkit.Docker)
	guest := Guest(t)
	id := make([]byte, 6)
	rand.Read(id)
	engine, err := docker.New(
		docker.Options{
			Deployment: "test-" + hex.EncodeToString(id), Folder: t.TempDir(),
			StandIn: func() ([]byte, error) { return os.ReadFile(guest) },
		},
		slog.New(slog.NewTextHandler(t.Output(), nil)),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		Clear(t, engine)
		engine.Close()
	})
	return engine
}

// Guest builds the program that waits at gates, and returns its file.
func Guest(t testing.TB) string {
	t.Helper()
	_, self, _, _ := runtime.Caller(0)
	program := filepath.Join(t.TempDir(), "jail")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "../../../cmd/jail")
	build.Dir, build.Env = filepath.Dir(self), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// EnginesWith are several of the same deployment, each with a program that can survey the disk, or with none.
func EnginesWith(t testing.TB, programs ...string) []*docker.Engine {
	t.Helper()
	testkit.Need(t, testkit.Docker)
	id := make([]byte, 6)
	rand.Read(id)
	var all []*docker.Engine
	for _, program := range programs {
		engine, err := docker.New(
			docker.Options{Deployment: "test-" + hex.EncodeToString(id), Folder: t.TempDir(), Program: program},
			slog.New(slog.NewTextHandler(t.Output(), nil)),
		)
		if err != nil {
			t.Fatal(err)
		}
		if err := engine.Ping(context.Background()); err != nil {
			t.Fatalf("ask the Docker engine: %v", err)
		}
		t.Cleanup(func() {
			Clear(t, engine)
			engine.Close()
		})
		all = append(all, engine)
	}
	return all
}

// Clear removes all that an engine's deployment has.
func Clear(t testing.TB, engine *docker.Engine) {
	t.Helper()
	ctx := context.Background()
	objects, err := engine.List(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"container", "network", "volume"} {
		for _, o := range objects {
			if o.Kind != kind {
				continue
			}
			remove := map[string]func(context.Context, string) error{
				"container": engine.RemoveContainer, "network": engine.RemoveNetwork, "volume": engine.RemoveVolume,
			}[kind]
			if err := remove(ctx, o.ID); err != nil {
				t.Error(err)
			}
		}
	}
}

var built struct {
	sync.Once
	binary []byte
	err    error
}

// TestServerContext is a build context: a Dockerfile FROM scratch with the server of the folder testserver.
func TestServerContext(t testing.TB) string {
	t.Helper()
	built.Do(func() {
		_, self, _, _ := runtime.Caller(0)
		dir, err := os.MkdirTemp("", "whaley-testserver-")
		if built.err = err; err != nil {
			return
		}
		defer os.RemoveAll(dir)
		command := exec.Command(
			"go", "build", "-trimpath", "-ldflags", "-s -w -buildid=", "-o", filepath.Join(dir, "server"), "./testserver",
		)
		command.Dir = filepath.Dir(self)
		command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
		if out, err := command.CombinedOutput(); err != nil {
			t.Log(string(out))
			built.err = err
			return
		}
		built.binary, built.err = os.ReadFile(filepath.Join(dir, "server"))
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"server":     built.binary,
		"Dockerfile": []byte("FROM scratch\nCOPY server /server\nCMD [\"/server\"]\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
