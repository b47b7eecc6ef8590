package images_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/images"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// engine has one image of each name, which can be another later.
type engine struct {
	instancer.Images
	have map[string]v1.Image
}

func (e *engine) BuildImage(context.Context, instancer.BuildSpec, io.Writer) error { return nil }

func (e *engine) RemoveImages(context.Context, func(challenge, revision, owner string) bool) error {
	return nil
}

func (e *engine) ImageID(_ context.Context, image string) (string, error) {
	have := e.have[image]
	if have == nil {
		return "", whaley.Errorf(whaley.NotFound, whaley.CodeObjectMissing, "none")
	}
	id, err := have.ConfigName()
	return id.String(), err
}

func (e *engine) SaveImage(_ context.Context, image string, to io.Writer) error {
	ref, err := name.NewTag(image)
	if err != nil {
		return err
	}
	return tarball.Write(ref, e.have[image], to)
}

func image(t *testing.T) v1.Image {
	t.Helper()
	made, err := random.Image(1000, 2)
	if err == nil {
		made, err = mutate.Config(made, v1.Config{
			Entrypoint: []string{"/serve"}, Cmd: []string{"80"}, Env: []string{"A=1"}, User: "app:app", WorkingDir: "/srv",
			Volumes: map[string]struct{}{"/data": {}},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// nodes are named, the usable ones first.
type nodes struct{ usable, others []string }

func (n nodes) All() []string    { return slices.Concat(n.usable, n.others) }
func (n nodes) Usable() []string { return n.usable }

// cluster ends Pods of pulls at once, but for those on some nodes.
func cluster(dead ...string) *fake.Clientset {
	client := fake.NewClientset()
	client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		pod := a.(clienttesting.CreateAction).GetObject().(*core.Pod)
		pod.CreationTimestamp = meta.Now()
		if slices.Contains(dead, pod.Spec.NodeName) {
			pod.Status.ContainerStatuses = []core.ContainerStatus{{State: core.ContainerState{
				Waiting: &core.ContainerStateWaiting{Reason: "ErrImagePull", Message: "no route to the registry"}}}}
		} else {
			pod.Status.Phase = core.PodSucceeded
		}
		return false, nil, nil
	})
	return client
}

const notes = "whaley/web-notes:r1"

type world struct {
	*images.Images
	engine *engine
	client *fake.Clientset
	pushes atomic.Int32
	at     string
}

func open(t *testing.T, n nodes, client *fake.Clientset, login images.Login) *world {
	t.Helper()
	w := &world{engine: &engine{have: map[string]v1.Image{notes: image(t)}}, client: client}
	store := registry.New()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if login != nil {
			if _, password, _ := r.BasicAuth(); password != "secret" {
				rw.Header().Set("WWW-Authenticate", `Basic realm="x"`)
				rw.WriteHeader(http.StatusUnauthorized)
				return
			}
		}
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			w.pushes.Add(1)
		}
		store.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.at = server.URL + "/whaley"
	log := slog.New(slog.DiscardHandler)
	to, err := images.NewRegistry(w.at, "nodes.example:5000/whaley", login, []byte("the guest"))
	if err != nil {
		t.Fatal(err)
	}
	pulls := images.NewPulls(client, "instances", "d1", n, log)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- pulls.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	w.Images = images.New(w.engine, to, pulls, t.TempDir(), log)
	return w
}

func (w *world) build(t *testing.T) (string, error) {
	t.Helper()
	var log bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := w.BuildImage(ctx, instancer.BuildSpec{Service: &whaley.Service{Name: "web", Image: notes}}, &log)
	return log.String(), err
}

func TestABuildEndsWhenTheImageIsOnNodesWithTheGuestInIt(t *testing.T) {
	w := open(t, nodes{usable: []string{"n1", "n2"}}, cluster(), nil)
	if _, err := w.Pushed(t.Context(), notes); whaley.CodeOf(err) != whaley.CodeObjectMissing {
		t.Errorf("an image that was never built: %v", err)
	}
	if log, err := w.build(t); err != nil {
		t.Fatal(err, log)
	}
	got, err := w.Pushed(t.Context(), notes)
	if err != nil || !strings.HasPrefix(got.Reference, "nodes.example:5000/whaley@sha256:") ||
		!slices.Equal(got.Entrypoint, []string{"/serve"}) || !slices.Equal(got.Command, []string{"80"}) || got.User != "app:app" ||
		got.WorkingDir != "/srv" || !slices.Equal(got.Environment, []string{"A=1"}) || !slices.Equal(got.Volumes, []string{"/data"}) {
		t.Errorf("%+v %v", got, err)
	}
	if len(got.Nodes) == 0 {
		t.Error("no node has it")
	}
	_, digest, _ := strings.Cut(got.Reference, "@")
	ref, err := name.NewDigest(strings.TrimPrefix(w.at, "http://")+"@"+digest, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := pushed.Layers()
	if err != nil || len(layers) != 3 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	content, err := layers[2].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]int64{}
	for files := tar.NewReader(content); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		modes[h.Name] = h.Mode
	}
	if modes[".whaley/"] != 0o755 || modes[".whaley/whaley-guest"] != 0o755 || len(modes) != 2 {
		t.Errorf("the guest's layer has %v", modes)
	}
}

func TestWhatTheRegistryHasIsNotPushedAgain(t *testing.T) {
	w := open(t, nodes{usable: []string{"n1"}}, cluster(), nil)
	for range 2 {
		if log, err := w.build(t); err != nil {
			t.Fatal(err, log)
		}
	}
	if w.pushes.Load() != 1 {
		t.Errorf("%d pushes", w.pushes.Load())
	}
	before, err := w.Pushed(t.Context(), notes)
	if err != nil {
		t.Fatal(err)
	}
	w.engine.have[notes] = image(t) // built again
	if log, err := w.build(t); err != nil {
		t.Fatal(err, log)
	}
	after, err := w.Pushed(t.Context(), notes)
	if err != nil || after.Reference == before.Reference || len(after.Nodes) != 1 {
		t.Errorf("after another build it is %+v, before %s: %v", after, before.Reference, err)
	}
	pods, err := w.client.CoreV1().Pods("instances").List(t.Context(), meta.ListOptions{})
	if err != nil || len(pods.Items) != 1 {
		t.Errorf("%d records of one image, %v", len(pods.Items), err)
	}
}

func TestANodeThatIsDeadHoldsUpNoBuild(t *testing.T) {
	w := open(t, nodes{usable: []string{"n1", "n2"}}, cluster("n2"), nil)
	if log, err := w.build(t); err != nil {
		t.Fatal(err, log)
	}
	if got, err := w.Pushed(t.Context(), notes); err != nil || !slices.Equal(got.Nodes, []string{"n1"}) {
		t.Errorf("%v %v", got.Nodes, err)
	}
}

func TestABuildFailsWhereNoNodeThatMayBeUsedGetsTheImage(t *testing.T) {
	w := open(t, nodes{usable: []string{"n1"}, others: []string{"n2"}}, cluster("n1"), nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var log bytes.Buffer
	err := w.BuildImage(ctx, instancer.BuildSpec{Service: &whaley.Service{Name: "web", Image: notes}}, &log)
	if whaley.CodeOf(err) != "image_failed" || !strings.Contains(log.String(), "node n1: ErrImagePull: no route to the registry") {
		t.Errorf("%v\n%s", err, log.String())
	}
}

func TestRecordsGoWithTheEnginesImage(t *testing.T) {
	w := open(t, nodes{usable: []string{"n1"}}, cluster(), nil)
	if log, err := w.build(t); err != nil {
		t.Fatal(err, log)
	}
	all := func(string, string, string) bool { return true }
	left := func() int {
		pods, err := w.client.CoreV1().Pods("instances").List(t.Context(), meta.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return len(pods.Items)
	}
	if err := w.RemoveImages(t.Context(), all); err != nil || left() != 1 {
		t.Errorf("%d records of an image that is there, %v", left(), err)
	}
	delete(w.engine.have, notes)
	if err := w.RemoveImages(t.Context(), all); err != nil || left() != 0 {
		t.Errorf("%d records of an image that is gone, %v", left(), err)
	}
}

func TestARegistryIsShownItsPassword(t *testing.T) {
	for password, good := range map[string]bool{"secret": true, "wrong": false} {
		login := func(context.Context, string) (string, string, error) { return "ada", password, nil }
		w := open(t, nodes{usable: []string{"n1"}}, cluster(), login)
		if log, err := w.build(t); (err == nil) != good {
			t.Errorf("with %s: %v\n%s", password, err, log)
		}
	}
}

func TestNamesOfRepositories(t *testing.T) {
	for text, plain := range map[string]bool{
		"registry.example/whaley": false, "https://registry.example/whaley": false, "http://10.0.0.1:5000/whaley": true,
		"localhost:30500/whaley": true, "ghcr.io/club/ctf/whaley": false,
	} {
		r, err := images.Repository(text)
		if err != nil || (r.Scheme() == "http") != plain {
			t.Errorf("%s: %v %v", text, r, err)
		}
	}
	for _, wrong := range []string{"", "whaley", "registry.example/", "registry.example/A B", "http://"} {
		if r, err := images.Repository(wrong); err == nil {
			t.Errorf("%q is %s", wrong, r)
		}
	}
}
