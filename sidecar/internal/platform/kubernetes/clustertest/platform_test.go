package clustertest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	client "k8s.io/client-go/kubernetes"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/images"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/platformtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// some are nodes that are used without a proof.
type some []string

func (s some) All() []string             { return s }
func (s some) Usable() []string          { return s }
func (some) Ready(context.Context) error { return nil }

// world is what platforms of a test stand on.
type world struct {
	*testing.T
	api       client.Interface
	namespace string
	engine    *docker.Engine
	images    *images.Images
	nodes     some
}

func newWorld(t *testing.T, on ...string) *world {
	t.Helper()
	w := &world{T: t, nodes: on, engine: dockertest.Engine(t)}
	w.api, w.namespace = namespace(t)
	pulls := images.NewPulls(w.api, w.namespace, "pulls", w.nodes, quiet)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- pulls.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	w.images = images.New(w.engine, repository(t), pulls, t.TempDir(), quiet)
	return w
}

// platform is that of one deployment.
func (w *world) platform(deployment string, part int) *kubernetes.Platform {
	w.Helper()
	_, ports := platformtest.Parts(part)
	p := kubernetes.New(kubernetes.Needs{
		API: w.api, Images: w.images, Files: docker.Told{Engine: w.engine, Most: kubernetes.MaxFiles}, Nodes: w.nodes,
		Ports: ports, Log: slog.New(slog.NewTextHandler(w.Output(), nil)),
	}, kubernetes.Options{
		Namespace: w.namespace, Deployment: deployment, Secret: []byte(strings.Repeat("s", 32)), Edge: fromTheEdge(),
	})
	if err := p.Guard(w.Context()); err != nil {
		w.Fatal(err)
	}
	return p
}

func TestItDoesWhatAPlatformMustOnARealCluster(t *testing.T) {
	w := newWorld(t, first, second)
	platformtest.Contract(t, platformtest.Host{
		Ours: w.platform("ours", 5), Foreign: w.platform("foreign", 6),
		Build: whaley.Build{Context: dockertest.TestServerContext(t), Dockerfile: "Dockerfile"},
	})
}

// instance is one of a challenge of one service, and how it is asked for.
func (w *world) instance(p *kubernetes.Platform, id string) (*whaley.Instance, instancer.Plan, instancer.Steps, *[]instancer.Made) {
	w.Helper()
	ch := &whaley.Challenge{
		ID: "one", Revision: "1", Routes: []whaley.Route{{Service: "web", Port: 8080, Type: whaley.RouteHTTP}},
		Services: []whaley.Service{{
			Name: "web", Image: "whaley/cluster-" + w.namespace + ":1", Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8},
			Build: &whaley.Build{Context: dockertest.TestServerContext(w.T), Dockerfile: "Dockerfile"},
		}},
	}
	err := p.BuildImage(w.Context(), instancer.BuildSpec{Challenge: ch, Service: &ch.Services[0]}, io.Discard)
	if err != nil {
		w.Fatal(err)
	}
	in := &whaley.Instance{ID: id, Challenge: "one", Revision: "1", State: whaley.Starting, Routes: ch.Routes, Terms: whaley.TermsOf(ch)}
	made := &[]instancer.Made{}
	plan := instancer.Plan{
		Challenge: ch, Labels: instancer.Labels{Instance: id, Challenge: "one", Owner: "o", Revision: "1", CreatedAt: time.Now()},
		Services: func(*whaley.Instance) ([]instancer.PlannedService, error) {
			return []instancer.PlannedService{{Service: ch.Services[0]}}, nil
		},
	}
	return in, plan, instancer.Steps{
		Placed: func(_ context.Context, at instancer.Location) (*whaley.Instance, error) {
			in.Addresses, in.Ports = at.Addresses, at.Ports
			return in, nil
		},
		Step: func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} },
		Run: func(ctx context.Context, _ *whaley.Instance, all []instancer.Made) error {
			*made = all
			return p.StartService(ctx, all[0].ID)
		},
	}, made
}

// untilAnswers returns once an instance answers, and how long it has taken since.
func (w *world) untilAnswers(in *whaley.Instance, since time.Time) time.Duration {
	w.Helper()
	url := fmt.Sprintf("http://%s:8080/", in.Addresses["web"])
	for until := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		answer, err := http.Get(url)
		if err == nil {
			answer.Body.Close()
			return time.Since(since)
		}
		if time.Now().After(until) {
			w.Fatal(err)
		}
	}
}

// A claim asks the guest alone; the ratio is that of one machine at one moment.
func TestAClaimOfAWaitingPodTakesAFractionOfAStart(t *testing.T) {
	w := newWorld(t, first, second)
	p := w.platform("claims", 7)
	var claimed, started []time.Duration
	for n := range 3 {
		in, plan, steps, _ := w.instance(p, fmt.Sprintf("cold-%d", n))
		began := time.Now()
		if err := p.Start(t.Context(), in, plan, steps); err != nil {
			t.Fatal(err)
		}
		started = append(started, w.untilAnswers(in, began))
		in, plan, steps, _ = w.instance(p, fmt.Sprintf("warm-%d", n))
		if err := p.Prepare(t.Context(), in, plan, steps); err != nil {
			t.Fatal(err)
		}
		began = time.Now()
		if err := p.Claim(t.Context(), in, plan, steps); err != nil {
			t.Fatal(err)
		}
		claimed = append(claimed, w.untilAnswers(in, began))
	}
	slices.Sort(claimed)
	slices.Sort(started)
	t.Logf("claims %v, starts %v: p50 %.3f of a start", claimed, started, claimed[1].Seconds()/started[1].Seconds())
	if claimed[1]*4 > started[1] {
		t.Errorf("a claim takes %v, a start %v", claimed[1], started[1])
	}
}

func TestAnInstanceOnADeadNodeHasEndedAndIsRemoved(t *testing.T) {
	w := newWorld(t, second)
	p := w.platform("loss", 8)
	in, plan, steps, made := w.instance(p, "lost-1")
	exits := p.Exits(t.Context())
	if err := p.Start(t.Context(), in, plan, steps); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster(t, "node-up", "2") })
	cluster(t, "node-down", "2")
	began := time.Now()
	for exit := range exits {
		if exit.Instance == in.ID {
			break
		}
	}
	t.Logf("told of after %v", time.Since(began))
	all, err := p.List(t.Context(), in.ID)
	if err != nil || len(all) != 1 || all[0].Running || !all[0].Ended || all[0].ID != (*made)[0].ID {
		t.Errorf("of the dead node's is listed %+v, %v", all, err)
	}
	if err := p.Remove(t.Context(), in); err != nil {
		t.Error(err)
	}
	if all, err := p.List(t.Context(), in.ID); err != nil || len(all) > 0 {
		t.Errorf("there is still %+v, %v", all, err)
	}
}
