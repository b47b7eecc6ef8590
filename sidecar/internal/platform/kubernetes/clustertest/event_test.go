package clustertest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	appcore "github.com/whaley-ctf/whaley/sidecar/internal/app/core"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes"
	"github.com/whaley-ctf/whaley/sidecar/internal/probe"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// event is the rules, with a database, on the cluster.
type event struct {
	*world
	db     *store.Store
	runs   *kubernetes.Platform
	ch     *whaley.Challenge
	policy whaley.Policy
	rules  *appcore.Core
	end    func()
}

func newEvent(t *testing.T, deployment string, part int, policy whaley.Policy) *event {
	t.Helper()
	w := newWorld(t, first, second)
	db, err := store.Open(t.Context(), "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	e := &event{world: w, db: db, runs: w.platform(deployment, part), policy: policy, end: func() {}}
	e.ch = &whaley.Challenge{
		ID: "one", Name: "one", Revision: "1", Timeout: time.Hour, ExtendTime: time.Hour, Access: whaley.AccessLink, Wake: true,
		Routes: []whaley.Route{{Service: "web", Port: 8080, Type: whaley.RouteHTTP}},
		Flag: whaley.FlagPlan{Dynamic: true, Place: whaley.PlaceEnv, FlagForm: whaley.FlagForm{
			Open: "FLAG{", Close: "}", Elsewhere: true, Core: strings.Repeat("g", 32),
		}},
		Services: []whaley.Service{{
			Name: "web", Image: "whaley/cluster-" + w.namespace + ":1", Limits: whaley.Limits{MemoryBytes: 64 << 20, NanoCPUs: 5e8},
			Environment: []string{"FLAG=" + whaley.Token("FLAG")},
			Build:       &whaley.Build{Context: dockertest.TestServerContext(t), Dockerfile: "Dockerfile"},
		}},
	}
	e.start()
	t.Cleanup(func() { e.end() })
	return e
}

// one is the only challenge of an event.
type one struct{ *whaley.Challenge }

func (o one) Get(id string) (*whaley.Challenge, bool) { return o.Challenge, id == o.ID }
func (o one) All() []*whaley.Challenge                { return []*whaley.Challenge{o.Challenge} }
func (one) Prune(func(string) bool) error             { return nil }

// start begins a life of the rules.
func (e *event) start() {
	e.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	rules, err := appcore.New(appcore.Parts{DB: e.db, Log: log, Rules: instancer.Needs{
		Platform: e.runs, Prober: probe.New(e.runs), Challenges: one{e.ch}, Flags: flag.New(e.db, nil, one{e.ch}, flag.Options{}, log),
	}, Options: instancer.Options{BaseDomain: "x.localhost", SlugKey: []byte("key"), Policy: e.policy}})
	if err != nil {
		e.Fatal(err)
	}
	rules.Start(context.Background())
	rules.PrepareImages()
	e.rules = rules
	e.end = sync.OnceFunc(func() {
		if err := rules.Stop(); err != nil {
			e.Error(err)
		}
	})
}

func ownerOf(n int) whaley.Player {
	name := fmt.Sprintf("owner-%d", n)
	return whaley.Player{ID: name, Owner: whaley.Owner{ID: name, Name: name}}
}

// visit starts an owner's instance unless it lives.
func (e *event) visit(n int) {
	e.Helper()
	if _, err := e.rules.Spawn(e.Context(), ownerOf(n), "one"); err != nil && whaley.CodeOf(err) != whaley.CodeLiveInstance {
		e.Errorf("%s is refused: %v", ownerOf(n).ID, err)
	}
}

// running are the instances of so many owners once all run, one of each.
func (e *event) running(count int) map[string]*whaley.Instance {
	e.Helper()
	all := map[string]*whaley.Instance{}
	await(e.T, fmt.Sprintf("%d instances run", count), func() bool {
		live, err := e.db.Live(e.Context(), "")
		clear(all)
		for _, in := range live {
			if in.State == whaley.Running {
				all[in.Owner.ID] = in
			}
		}
		return err == nil && len(all) == count && len(live) == count
	})
	return all
}

// flag is what an instance has, by the network.
func (e *event) flag(in *whaley.Instance) string {
	e.Helper()
	answer, err := http.Get(fmt.Sprintf("http://%s:8080/env?FLAG", in.Addresses["web"]))
	if err != nil {
		e.Errorf("%s does not answer: %v", in.ID, err)
		return ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || len(text) < 10 {
		e.Errorf("%s has the flag %q: %v", in.ID, text, err)
	}
	return string(text)
}

// counted fails the test unless what an instance uses is seen, and that somebody was there.
func (e *event) counted(in *whaley.Instance) {
	e.Helper()
	for _, pod := range e.pods() {
		if pod.Labels[whaley.LabelInstance] != in.ID {
			continue
		}
		u, err := e.runs.Usage(e.Context(), pod.Name+"/web")
		if err != nil || u.Memory < 1<<20 || u.Memory > 80<<20 || u.MemoryLimit != 80<<20 || u.CPU <= 0 || u.NetworkIn == 0 {
			e.Errorf("%s uses %+v: %v", in.ID, u, err)
		}
	}
	seen, err := e.runs.Traffic(e.Context(), []*whaley.Instance{in})
	if err != nil || seen[in.ID].Bytes == 0 {
		e.Errorf("%s is said to have had no traffic: %+v, %v", in.ID, seen, err)
	}
	again, err := e.runs.Traffic(e.Context(), []*whaley.Instance{in})
	if err != nil || again[in.ID].Bytes != seen[in.ID].Bytes {
		e.Errorf("looking is traffic: %+v, %+v, %v", seen, again, err)
	}
}

// pods are those of instances by name.
func (e *event) pods() map[string]core.Pod {
	e.Helper()
	list, err := e.api.CoreV1().Pods(e.namespace).List(e.Context(), meta.ListOptions{LabelSelector: whaley.LabelInstance})
	if err != nil {
		e.Fatal(err)
	}
	all := map[string]core.Pod{}
	for _, pod := range list.Items {
		all[pod.Name] = pod
	}
	return all
}

// waiting awaits so many that wait, none of them on a node.
func (e *event) waiting(count int, notOn string) {
	e.Helper()
	await(e.T, fmt.Sprintf("%d wait, none on %q", count, notOn), func() bool {
		ahead, err := e.db.Waiting(e.Context())
		ready := 0
		for _, w := range ahead {
			if w.State == whaley.WaitingReady {
				ready++
			}
			for _, pod := range e.pods() {
				if pod.Labels[whaley.LabelInstance] == w.ID && pod.Spec.NodeName == notOn {
					return false
				}
			}
		}
		return err == nil && ready == count && len(ahead) == count
	})
}

// quickly bounds what is also asked when a test ends.
func (e *event) quickly() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(e.Context()), 10*time.Second)
}
