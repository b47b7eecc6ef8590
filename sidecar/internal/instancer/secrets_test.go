package instancer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type keys map[string]map[string]string

func (k keys) Values(challenge string) map[string]string { return k[challenge] }

type loaded map[string]*whaley.Challenge

func (l loaded) Get(id string) (*whaley.Challenge, bool) { ch, ok := l[id]; return ch, ok }
func (l loaded) All() []*whaley.Challenge                { return nil }
func (l loaded) Prune(func(dir string) bool) error       { return nil }

func TestAVariableGetsItsValueAtTheStartAndStaysOutOfTheLog(t *testing.T) {
	set := keys{"web": {"API_KEY": "sk-1 @{whaley:FLAG}", "OTHER": "not asked for", "HOST_": "not Whaley's"}}
	ch := &whaley.Challenge{
		ID: "web", Variables: []string{"API_KEY", "GONE"},
		Routes: []whaley.Route{{Service: "web", Type: whaley.RouteTCP, Port: 1}},
	}
	i := New(
		Needs{Variables: set, Challenges: loaded{"web": ch}},
		Options{BaseDomain: "instances.localhost", SlugKey: []byte("key")},
	)
	start := func() []string {
		vars, err := i.variables(&whaley.Instance{ID: "web-1", Owner: whaley.Owner{ID: "user_1"}}, ch, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := whaley.Service{Environment: []string{
			"A=" + whaley.Token("API_KEY"), "B=x" + whaley.Token("GONE"), "C=" + whaley.Token("OTHER"),
			"D=" + whaley.Token("INSTANCE_ID"),
		}, Mounts: []whaley.Mount{{Target: "/key", Written: true, Text: whaley.Token("API_KEY")}}}
		out := expand(s, vars)
		if s.Mounts[0].Text != whaley.Token("API_KEY") {
			t.Error("the challenge's own was changed")
		}
		return append(out.Environment, "/key="+out.Mounts[0].Text)
	}
	want := []string{"A=sk-1 @{whaley:FLAG}", "B=x", "C=@{whaley:OTHER}", "D=web-1", "/key=sk-1 @{whaley:FLAG}"}
	if diff := cmp.Diff(want, start()); diff != "" {
		t.Error(diff)
	}
	set["web"]["API_KEY"] = "sk-2"
	want[0], want[4] = "A=sk-2", "/key=sk-2"
	if diff := cmp.Diff(want, start()); diff != "" {
		t.Error("changed since:", diff)
	}
	if got := i.withoutSecrets("web", "connecting with sk-2"); got != "connecting with ($API_KEY)" {
		t.Errorf("logged: %s", got)
	}
}
