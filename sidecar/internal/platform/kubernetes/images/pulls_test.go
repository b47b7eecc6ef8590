package images_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/platform/kubernetes/images"
)

// growing is a cluster that nodes join.
type growing struct {
	mu  sync.Mutex
	all []string
}

func (g *growing) All() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.all)
}

func (g *growing) Usable() []string { return g.All() }

func TestANodeThatJoinsPullsWhatOthersHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &growing{all: []string{"n1"}}
		client := cluster()
		ctx, cancel := context.WithCancel(t.Context())
		start := func(ctx context.Context) *images.Pulls {
			p := images.NewPulls(client, "instances", "d1", n, slog.New(slog.DiscardHandler))
			go func() { _ = p.Run(ctx) }()
			synctest.Wait()
			time.Sleep(time.Second)
			return p
		}
		first, end := context.WithCancel(ctx)
		if err := start(first).Bring(ctx, "whaley/a:1", "r.example/w@sha256:1", io.Discard); err != nil {
			t.Fatal(err)
		}
		end()
		n.mu.Lock()
		n.all = []string{"n1", "n2"}
		n.mu.Unlock()
		p := start(ctx) // which knows of the image by the record alone
		time.Sleep(time.Minute)
		if got := p.Have("r.example/w@sha256:1"); !slices.Equal(got, []string{"n1", "n2"}) {
			t.Errorf("it is on %v", got)
		}
		cancel()
		time.Sleep(time.Minute) // watches of the fake end by themselves
	})
}
