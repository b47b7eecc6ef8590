package instancer

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// starter is a platform that does nothing but note what is stopped and started.
type starter struct {
	Platform
	did []string
}

func (s *starter) StopService(_ context.Context, id string, grace time.Duration) error {
	s.did = append(s.did, "stop "+id+" "+grace.String())
	return nil
}

func (s *starter) StartService(_ context.Context, id string) error {
	s.did = append(s.did, "start "+id)
	return nil
}

// A container that shares another one's network is left in a network that is no more when that one is started again.
func TestWhoSharesANetworkIsStartedAgainWithIt(t *testing.T) {
	engine := &starter{}
	i := &Instancer{Needs: Needs{Platform: engine, Log: slog.New(slog.DiscardHandler)}, looks: newLooks()}
	ch := &whaley.Challenge{Services: []whaley.Service{
		{Name: "web", Restart: &whaley.Restart{}}, {Name: "bot", Shares: "web", StopGrace: time.Second}, {Name: "other"},
		{Name: "ended", Shares: "web"},
	}}
	in := &whaley.Instance{ID: "one", Terms: whaley.TermsOf(ch)}
	objects := []Object{
		{Kind: "container", ID: "w", Labels: Labels{Service: "web"}},
		{Kind: "container", ID: "b", Running: true, Labels: Labels{Service: "bot"}},
		{Kind: "container", ID: "o", Running: true, Labels: Labels{Service: "other"}},
		{Kind: "container", ID: "e", Labels: Labels{Service: "ended"}},
	}
	if _, pause := i.revive(t.Context(), in, objects); pause == 0 {
		t.Fatal("there is no pause before the first")
	}
	i.looks.restarted(in.ID, "web", func(restarts) restarts { return restarts{next: time.Now().Add(-time.Second)} })
	i.revive(t.Context(), in, objects)
	if want := []string{"start w", "stop b 1s", "start b"}; !slices.Equal(engine.did, want) {
		t.Errorf("%q, not %q", engine.did, want)
	}
}
