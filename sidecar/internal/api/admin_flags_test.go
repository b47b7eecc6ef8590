package api_test

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/cheating"
	"github.com/whaley-ctf/whaley/sidecar/internal/connect"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// oneChallenge is a set with one challenge whose owners have flags of their own.
type oneChallenge struct{ *whaley.Challenge }

func (o oneChallenge) Get(id string) (*whaley.Challenge, bool) { return o.Challenge, id == o.ID }
func (o oneChallenge) All() []*whaley.Challenge                { return []*whaley.Challenge{o.Challenge} }
func (o oneChallenge) Prune(func(dir string) bool) error       { return nil }

func TestFlagsMappingsAndTheReviewListThroughTheAPI(t *testing.T) {
	board := ctfdtest.New(t)
	id := board.AddChallenge(ctfdtest.Challenge{Name: "QUICK!", Hidden: true})
	thief := board.AddUser(ctfdtest.User{Name: "mallory"})
	client, err := ctfd.New(board.URL, ctfd.Fixed(board.Admin), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	quick := oneChallenge{&whaley.Challenge{
		ID: "quick", Name: "Quick",
		Flag: whaley.FlagPlan{Dynamic: true, FlagForm: whaley.FlagForm{Open: "FLAG{", Close: "}", Text: "FLAG{b}"}},
	}}
	var flags *flag.Flags
	s := newSurfaceOn(t, simulated.NewWorld().Engine("test"), func(n *api.Needs, _ *api.Options) {
		db, log := n.AdminQueries.(*store.Store), slog.New(slog.DiscardHandler)
		flags = flag.New(db, client, quick, flag.Options{}, log)
		n.Flags = flags
		n.Cheating = cheating.New(cheating.Needs{
			Store: db, CTFd: client, Challenges: quick, Missing: flags.Recheck, Log: log,
		}, cheating.Options{})
		n.Connection = connect.New(
			client, db, connect.Options{Dashboard: "http://whaley.localhost"}, log,
		)
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- flags.Run(ctx) }()
	defer func() { cancel(); <-ended }()

	var pairing struct {
		Local []struct {
			ID         string
			Suggestion *struct {
				CTFdChallenge int `json:"ctfd_challenge_id"`
				Exact         bool
			}
		}
	}
	s.admin("GET", "/admin/api/ctfd/challenges", "").into(&pairing)
	if got := pairing.Local[0].Suggestion; got == nil || got.CTFdChallenge != id || !got.Exact {
		t.Errorf("%+v", pairing)
	}
	s.admin("POST", "/admin/api/flags/sync-challenge", `{"local_challenge_id":"quick"}`).is(422)
	s.admin("POST", "/admin/api/flags/sync-challenge", `{"local_challenge_id":"quick","ctfd_challenge_id":99}`).is(404)
	s.admin(
		"POST", "/admin/api/flags/sync-challenge",
		`{"local_challenge_id":"quick","ctfd_challenge_id":`+strconv.Itoa(id)+`,"connection_info":true}`,
	).is(200)
	if info := board.Challenge(id).ConnectionInfo; !strings.HasPrefix(info, "http://whaley.localhost/") {
		t.Errorf("CTFd shows %q", info)
	}
	s.admin("POST", "/admin/api/flags/mapping/quick/sync-connection-info", "").is(200)

	values, err := flags.Flags(ctx, whaley.Owner{ID: "user_77", Name: "victim"}, quick.Challenge)
	if err != nil {
		t.Fatal(err)
	}
	value := values[0]
	flags.AwaitLive(ctx, whaley.Owner{ID: "user_77"}, quick.Challenge)
	var list struct {
		Flags []struct{ ID, Value, State string }
		Next  string
	}
	s.admin("GET", "/admin/api/flags/mappings?owner=user_77&state=live&limit=1", "").into(&list)
	if len(list.Flags) != 1 || list.Flags[0].Value != value || list.Flags[0].State != "live" || list.Next != "" {
		t.Fatalf("%+v", list)
	}
	if got := board.Attempt(thief, id, value); got != "correct" {
		t.Errorf("the flag is %s", got)
	}
	var check struct {
		Found []struct{ ID string } `json:"new_suspicious"`
	}
	s.admin("POST", "/admin/api/flags/check-submissions?full_scan=true", "").into(&check)
	// The round that goes on by itself may have been first: then it is found, and no news.
	var known struct{ Suspicious []struct{ ID string } }
	s.admin("GET", "/admin/api/flags/suspicious?kind=sharing&owner=user_77", "").into(&known)
	if len(known.Suspicious) != 1 || len(check.Found) > 1 {
		t.Fatalf("%+v %+v", check, known)
	}
	entry := "/admin/api/flags/suspicious/" + known.Suspicious[0].ID
	s.admin("PATCH", entry, `{"review":"banned"}`).is(422)
	s.admin("PATCH", "/admin/api/flags/suspicious/none", `{"review":"open"}`).is(404)
	s.admin("PATCH", entry, `{"review":"confirmed","note":"they said so"}`).is(200)
	var reviewed struct {
		Suspicious []struct{ Review, Note string }
	}
	s.admin("GET", "/admin/api/flags/suspicious?kind=sharing&review=confirmed&owner=user_77", "").into(&reviewed)
	if len(reviewed.Suspicious) != 1 || reviewed.Suspicious[0].Note != "they said so" {
		t.Errorf("%+v", reviewed)
	}
	s.admin("POST", "/admin/api/flags/"+list.Flags[0].ID+"/rotate", "").is(200)
	s.admin("DELETE", "/admin/api/flags/"+list.Flags[0].ID, "").is(404) // it is another now
	s.admin("DELETE", "/admin/api/flags/user/user_77", "").is(200)
	s.admin("GET", "/admin/api/flags/mappings?history=true", "").into(&list)
	if len(list.Flags) != 2 {
		t.Errorf("%+v", list)
	}
	s.admin("GET", "/admin/api/flags", "").is(200)
	s.admin("DELETE", "/admin/api/flags/suspicious", "").is(200)
	s.admin("DELETE", "/admin/api/flags/mapping/quick", "").is(200)
	s.admin("DELETE", "/admin/api/flags/mapping/quick", "").is(404)
	board.Down()
	s.admin("GET", "/admin/api/ctfd/challenges", "").is(503)
}
