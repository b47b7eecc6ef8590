package clustertest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/images"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// built is an engine that has built one image.
type built struct {
	instancer.Images
	image v1.Image
}

func (built) BuildImage(context.Context, instancer.BuildSpec, io.Writer) error { return nil }

func (b built) ImageID(context.Context, string) (string, error) {
	id, err := b.image.ConfigName()
	return id.String(), err
}

func (b built) SaveImage(_ context.Context, image string, to io.Writer) error {
	tag, err := name.NewTag(image)
	if err != nil {
		return err
	}
	return tarball.Write(tag, b.image, to)
}

// all are nodes that may all be used.
type all []string

func (a all) All() []string    { return a }
func (a all) Usable() []string { return a }

// A Pod that may not pull begins on every node, once a build has ended and all nodes are said to have its image.
func TestNodesHaveAnImageBeforeAnythingIsStartedOfIt(t *testing.T) {
	client, namespace := namespace(t)
	image, err := random.Image(1<<20, 3)
	if err == nil {
		image, err = mutate.ConfigFile(image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: rootFS(t, image)})
	}
	if err != nil {
		t.Fatal(err)
	}
	pulls := images.NewPulls(client, namespace, "d1", all{first, second}, quiet)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- pulls.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	all := images.New(built{image: image}, repository(t), pulls, t.TempDir(), quiet)

	var log bytes.Buffer
	service := &whaley.Service{Name: "web", Image: "whaley/cluster-test:r1"}
	if err := all.BuildImage(t.Context(), instancer.BuildSpec{Service: service}, &log); err != nil {
		t.Fatal(err, log.String())
	}
	t.Log(log.String())
	if !strings.Contains(log.String(), "of 2 nodes have it") {
		t.Errorf("the build says %q", log.String())
	}
	await(t, "both nodes have it", func() bool {
		pushed, err := all.Pushed(t.Context(), service.Image)
		return err == nil && slices.Equal(pushed.Nodes, []string{first, second})
	})
	pushed, err := all.Pushed(t.Context(), service.Image)
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range pushed.Nodes {
		ended := run(t, client, node, namespace, pushed.Reference)
		if ended.Status.Phase != core.PodSucceeded {
			t.Errorf("on %s: %+v", node, ended.Status)
		}
	}
}

func rootFS(t *testing.T, image v1.Image) v1.RootFS {
	t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return file.RootFS
}

// run runs the guest of an image that its node must have already.
func run(t *testing.T, client kubernetes.Interface, node, namespace, reference string) *core.Pod {
	t.Helper()
	pods := client.CoreV1().Pods(namespace)
	pod, err := pods.Create(t.Context(), &core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: fmt.Sprintf("try-%s", node)},
		Spec: core.PodSpec{NodeName: node, RestartPolicy: core.RestartPolicyNever, Containers: []core.Container{{
			Name: "guest", Image: reference, ImagePullPolicy: core.PullNever, Command: []string{"/.whaley/whaley-guest", "exit"},
		}}},
	}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, pod.Name+" ends", func() bool {
		pod, err = pods.Get(t.Context(), pod.Name, meta.GetOptions{})
		return err != nil || pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed ||
			slices.ContainsFunc(pod.Status.ContainerStatuses, func(c core.ContainerStatus) bool {
				return c.State.Waiting != nil && c.State.Waiting.Reason == "ErrImageNeverPull"
			})
	})
	if err != nil {
		t.Fatal(err)
	}
	return pod
}
