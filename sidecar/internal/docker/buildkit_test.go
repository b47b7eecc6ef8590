package docker_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	ociregistry "github.com/google/go-containerregistry/pkg/registry"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/registry"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// closedRegistry is a registry that wants a login, with one image that nothing else on this machine is called.
func closedRegistry(t *testing.T) (host, name string) {
	t.Helper()
	open := ociregistry.New(ociregistry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != "puller" || password != "only:for@pulls" {
			w.Header().Set("WWW-Authenticate", `Basic realm="closed"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		open.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	engine, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	name = host + "/team/base:1"
	if err := engine.ImageTag(t.Context(), "busybox:1.36", name); err != nil {
		t.Fatal(err)
	}
	login := base64.URLEncoding.EncodeToString([]byte(`{"username": "puller", "password": "only:for@pulls"}`))
	pushed, err := engine.ImagePush(t.Context(), name, image.PushOptions{RegistryAuth: login})
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(pushed)
	if bytes.Contains(text, []byte(`"error"`)) {
		t.Fatalf("%s", text)
	}
	if _, err := engine.ImageRemove(t.Context(), name, image.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	return host, name
}

// modernDockerfile has one base only: where two are resolved, BuildKit's own cache of them writes the same value from
// two goroutines (resolvecache.go), which does no harm and which the race detector names.
const modernDockerfile = `# syntax=docker/dockerfile:1
ARG BASE
FROM ${BASE} AS made
RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/scratch --mount=type=bind,source=part,target=/part \
    --mount=type=secret,id=token,required=true \
    cp /part/of.txt /made && cat /run/secrets/token >> /made && touch /cache/x /scratch/y
RUN <<EOF
set -e
echo "from a here-document" >> /made
EOF
FROM made
COPY --link --from=made --chmod=600 /made /copied
COPY <<EOF /written
written with ${BASE}
EOF
RUN [ "$(cat /copied)" = "$(printf 'part\nsecret of FLAG{mine}\nfrom a here-document')" ] && grep -q team/base /written && ! [ -e /run/secrets/token ]
`

func TestAModernDockerfileBuildsOnABaseBehindALogin(t *testing.T) {
	testkit.Need(t, testkit.Docker)
	host, base := closedRegistry(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Dockerfile": strings.Replace(modernDockerfile, "COPY <<EOF", "ARG BASE\nCOPY <<EOF", 1), "part/of.txt": "part\n",
		"token": "secret of FLAG{placeholder}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	service := whaley.Service{Name: "web", Image: "whaley/engine-test-modern:latest", Build: &whaley.Build{
		Context: dir, Dockerfile: "Dockerfile", Args: map[string]string{"BASE": base},
		Secrets: map[string]string{"token": filepath.Join(dir, "token")},
	}}
	spec := instancer.BuildSpec{
		Service: &service, Again: true, Flags: []string{"FLAG{mine}"}, Challenge: &whaley.Challenge{
			ID:   "modern",
			Flag: whaley.FlagPlan{Dynamic: true, FlagForm: whaley.FlagForm{Open: "FLAG{", Close: "}", Text: "FLAG{placeholder}"}}},
	}
	// once it was let in, the engine has what it needs
	for _, logins := range []string{"", "puller:only:for@pulls@" + host} {
		builds := logins != ""
		engine, err := docker.New(docker.Options{Deployment: "test-modern", Folder: t.TempDir(),
			Logins: &registry.Logins{Folder: dir, Setting: func() string { return logins }}}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { engine.Close() })
		var log bytes.Buffer
		err = engine.BuildImage(t.Context(), spec, &log)
		if (err == nil) != builds {
			t.Errorf("with the logins %q: %s\n%s", logins, errorText(err), log.String())
		}
		if builds && !strings.Contains(log.String(), "RUN <<EOF") {
			t.Errorf("the log says nothing of steps:\n%s", log.String())
		}
		pulled := whaley.Service{Name: "pulled", Image: base}
		if err := engine.BuildImage(t.Context(), instancer.BuildSpec{Service: &pulled, Challenge: spec.Challenge}, &log); (err == nil) != builds {
			t.Errorf("pull with the logins %q: %s", logins, errorText(err))
		}
		service.Build.Inline, service.Build.Dockerfile = "FROM "+base+"\nRUN true\n", "" // which the classic builder does
		if err := engine.BuildImage(t.Context(), spec, &log); (err == nil) != builds {
			t.Errorf("the classic builder with the logins %q: %s", logins, errorText(err))
		}
		service.Build.Inline, service.Build.Dockerfile = "", "Dockerfile"
	}
}

func TestABuildWithBuildKitEndsWithItsTime(t *testing.T) {
	testkit.Need(t, testkit.Docker)
	engine, err := docker.New(
		docker.Options{Deployment: "test-bound", Folder: t.TempDir(), Builder: docker.BuilderBuildKit},
		slog.New(slog.DiscardHandler),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	const line = "busybox sleep 604.25"
	service := whaley.Service{Name: "web", Image: "whaley/engine-test-time:latest",
		Build: &whaley.Build{Context: t.TempDir(), Inline: "FROM busybox:1.36\nRUN " + line + "\n"}}
	ctx, end := context.WithTimeout(t.Context(), 3*time.Second)
	defer end()
	err = engine.BuildImage(
		ctx, instancer.BuildSpec{Challenge: &whaley.Challenge{ID: "engine"}, Service: &service, Again: true}, io.Discard,
	)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(errorText(err))
	}
	testkit.Eventually(t, 20*time.Second, "what it has begun ends", func() error {
		out, _ := exec.Command("ps", "ax", "-o", "args").Output()
		if bytes.Contains(out, []byte("sleep 604.25")) {
			return errors.New("it runs still")
		}
		return nil
	})
}

func TestAnImageComesFromAFileAndTakesNoOthersName(t *testing.T) {
	testkit.Need(t, testkit.Docker)
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	const victim = "whaley-test/victim:1"
	if err := api.ImageTag(t.Context(), "busybox:1.36", victim); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = api.ImageRemove(context.Background(), victim, image.RemoveOptions{}) })
	saved, err := api.ImageSave(t.Context(), []string{victim})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(saved)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := api.ImageRemove(t.Context(), victim, image.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	engine, err := docker.New(docker.Options{Deployment: "test-load", Folder: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	service := whaley.Service{Name: "web", Image: "whaley/engine-test-load:1", Archive: file}
	if err := engine.BuildImage(
		t.Context(), instancer.BuildSpec{Challenge: &whaley.Challenge{ID: "engine", Revision: "1"}, Service: &service},
		io.Discard,
	); err != nil {
		t.Fatal(errorText(err))
	}
	if _, err := api.ImageInspect(t.Context(), victim); err == nil {
		t.Error("it has the name that the file gives it")
	}
	found, err := api.ImageInspect(t.Context(), service.Image)
	if err != nil || found.Config.Labels["whaley.challenge"] != "engine" || len(found.RootFS.Layers) == 0 {
		t.Errorf("%v", err)
	}
	if err := engine.RemoveImages(t.Context(), func(string, string, string) bool { return false }); err != nil {
		t.Error(err)
	}
	if _, err := api.ImageInspect(t.Context(), service.Image); err == nil {
		t.Error("it is not removed with its revision")
	}
}
