package instancer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

type keys map[string]map[string]string

func (k keys) Values(challenge string) map[string]string { return k[challenge] }

type loaded map[string]*Challenge

func (l loaded) Get(id string) (*Challenge, bool)  { ch, ok := l[id]; return ch, ok }
func (l loaded) All() []*Challenge                 { return nil }
func (l loaded) Prune(func(dir string) bool) error { return nil }

func TestAVariableGetsItsValueAtTheStartAndStaysOutOfTheLog(t *testing.T) {
	set := keys{"web": {"API_KEY": "sk-1 @{whaley:FLAG}", "OTHER": "not asked for", "HOST_": "not Whaley's"}}
	ch := &Challenge{ID: "web", Variables: []string{"API_KEY", "GONE"}, Routes: []Route{{Service: "web", Type: RouteTCP, Port: 1}}}
	i := New(Needs{Variables: set, Challenges: loaded{"web": ch}}, Options{BaseDomain: "instances.localhost", SlugKey: []byte("key")})
	start := func() []string {
		vars, err := i.variables(&Instance{ID: "web-1", Owner: Owner{ID: "user_1"}}, ch, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := Service{Environment: []string{"A=" + Token("API_KEY"), "B=x" + Token("GONE"), "C=" + Token("OTHER"), "D=" + Token("INSTANCE_ID")}}
		return expand(s, vars).Environment
	}
	want := []string{"A=sk-1 @{whaley:FLAG}", "B=x", "C=@{whaley:OTHER}", "D=web-1"}
	if diff := cmp.Diff(want, start()); diff != "" {
		t.Error(diff)
	}
	set["web"]["API_KEY"] = "sk-2"
	want[0] = "A=sk-2"
	if diff := cmp.Diff(want, start()); diff != "" {
		t.Error("changed since:", diff)
	}
	if got := i.withoutSecrets("web", "connecting with sk-2"); got != "connecting with ($API_KEY)" {
		t.Errorf("logged: %s", got)
	}
}
