package dockertest

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/containers"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Contract is what an engine must do, real or simulated. make gives the same engine to two deployments, and part is a
// number from 0 to 255 that no other test of this machine uses for its subnets.
func Contract(t *testing.T, part int, make func(t *testing.T) (ours, foreign containers.Engine)) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ours, foreign := make(t)
	subnet := func(n int) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("10.191.%d.%d/28", part, 16*n)) }
	labels := instancer.Labels{
		Instance: "contract", Challenge: "c", Owner: "o", Revision: "r", Service: "web", CreatedAt: time.Now(),
		ExpiresAt: time.Now(),
	}
	service := whaley.Service{
		Name: "web", Image: fmt.Sprint("whaley/contract:", time.Now().UnixNano()), Init: true,
		Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8, Pids: 32},
		Build:  &whaley.Build{Context: TestServerContext(t), Dockerfile: "Dockerfile"},
	}
	spec := func(name string, n int) containers.ContainerSpec {
		return containers.ContainerSpec{
			Name: name, Service: service, Network: fmt.Sprint("contract-", n), Address: subnet(n).Addr().Next().Next(),
			Aliases: []string{"web"}, Labels: labels,
		}
	}
	network := func(n int, e containers.Engine) error {
		return e.CreateNetwork(
			ctx, containers.NetworkSpec{Name: fmt.Sprint("contract-", n), Subnet: subnet(n), Labels: labels},
		)
	}
	try := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	refused := func(what, code string, err error) {
		t.Helper()
		if whaley.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", what, err, code)
		}
	}
	objects := func(e containers.Engine, want int) []instancer.Object {
		t.Helper()
		all, err := e.List(ctx, "contract")
		if err != nil || len(all) != want {
			t.Fatalf("%d objects instead of %d: %+v %v", len(all), want, all, err)
		}
		return all
	}

	try("ping", ours.Ping(ctx))
	_, err := ours.ImageHealth(ctx, "whaley/no-such-image:1")
	refused("an image that is not there", whaley.CodeObjectMissing, err)
	for range 2 {
		try(
			"image",
			ours.BuildImage(
				ctx, instancer.BuildSpec{Challenge: &whaley.Challenge{ID: "contract", Revision: "r"}, Service: &service},
				io.Discard,
			),
		)
	}
	exits := ours.Exits(ctx)
	time.Sleep(time.Second) // the real one has no answer that says it has begun

	try("network", network(0, ours))
	id, err := ours.CreateContainer(ctx, spec("contract-web", 0))
	try("container", err)
	for _, o := range objects(ours, 2) {
		if o.Running || o.Ended {
			t.Errorf("%s runs or has ended before it is started", o.Name)
		}
	}
	for range 2 {
		try("start", ours.StartContainer(ctx, id))
	}
	for _, o := range objects(ours, 2) {
		if o.Kind == "container" && (!o.Running || o.Labels.Service != "web") || o.Labels.Instance != "contract" ||
			o.Labels.Owner != "o" {
			t.Errorf("%+v", o)
		}
	}
	objects(foreign, 0)
	refused(
		"a subnet that is taken", whaley.CodeSubnetTaken,
		ours.CreateNetwork(ctx, containers.NetworkSpec{Name: "contract-other", Subnet: subnet(0), Labels: labels}),
	)

	try("images that are used", ours.RemoveImages(ctx, func(string, string, string) bool { return false }))
	_, err = ours.ImageHealth(ctx, service.Image)
	try("an image that a container uses", err)

	again, err := ours.CreateContainer(ctx, spec("contract-web", 0))
	if try("the same container again", err); again == id {
		t.Error("it is the old one")
	}
	if exit := <-exits; exit.Instance != "contract" || exit.Service != "web" {
		t.Errorf("told of the end of %+v", exit)
	}
	objects(ours, 2)
	refused("starting what is gone", whaley.CodeObjectMissing, ours.StartContainer(ctx, id))

	ending := spec("contract-ending", 0)
	ending.Address, ending.Service.Environment = ending.Address.Next(), []string{"EXIT=7"}
	short, err := ours.CreateContainer(ctx, ending)
	try("container", err)
	try("start", ours.StartContainer(ctx, short))
	if code, err := ours.Wait(ctx, short); err != nil || code != 7 {
		t.Errorf("it ended with %d %v", code, err)
	}
	for _, o := range objects(ours, 3) {
		if o.Kind == "container" && o.Ended != (o.ID == short) || o.Running {
			t.Errorf("after one has ended: %+v", o)
		}
	}
	if exit := <-exits; exit.Instance != "contract" {
		t.Errorf("told of the end of %+v", exit)
	}

	try("network", network(1, ours))
	for n, want := range []string{"", whaley.CodePortTaken} {
		published := spec(fmt.Sprint("contract-port-", n), 1)
		published.Publish, published.UDP = map[int]int{9000: 22000 + part}, map[int]int{9000: 22000 + part}
		for range n {
			published.Address = published.Address.Next()
		}
		p, err := ours.CreateContainer(ctx, published)
		try("container", err)
		refused("a port", want, ours.StartContainer(ctx, p))
	}

	holder := spec("contract-holder", 0)
	holder.Address = holder.Address.Next().Next()
	holder.Service.Image, err = ours.(interface {
		HolderImage(context.Context) (string, error)
	}).HolderImage(ctx)
	try("holder's image", err)
	held, err := ours.CreateContainer(ctx, holder)
	try("holder", err)
	joining := spec("contract-joining", 0)
	joining.Join = "contract-holder"
	joined, err := ours.CreateContainer(ctx, joining)
	try("container that joins", err)
	if err := ours.StartContainer(ctx, joined); err == nil {
		t.Error("a container joined the network of one that does not run")
	}
	try("start", ours.StartContainer(ctx, held))
	try("start of one that joins", ours.StartContainer(ctx, joined))

	try("volume", ours.CreateVolume(ctx, "contract-volume", labels))
	for range 2 {
		all, err := ours.List(ctx, "contract")
		try("list", err)
		for _, o := range all {
			if o.Kind == "container" {
				try("stop", ours.StopContainer(ctx, o.ID, time.Second))
				try("remove", ours.RemoveContainer(ctx, o.ID))
			}
		}
		for n := range 2 {
			try("remove", ours.RemoveNetwork(ctx, fmt.Sprint("contract-", n)))
		}
		try("remove", ours.RemoveVolume(ctx, "contract-volume"))
	}
	objects(ours, 0)

	all := func(string, string, string) bool { return true }
	none := func(string, string, string) bool { return false }
	try("another deployment removes images", foreign.RemoveImages(ctx, none))
	try("images are kept", ours.RemoveImages(ctx, all))
	_, err = ours.ImageHealth(ctx, service.Image)
	try("an image that is wanted, or another's", err)
	try("images are removed", ours.RemoveImages(ctx, none))
	_, err = ours.ImageHealth(ctx, service.Image)
	refused("an image that nobody wants", whaley.CodeObjectMissing, err)
}
