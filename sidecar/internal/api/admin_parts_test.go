package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/cheating"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Of a challenge with several flags an organiser sees what each is called and where in CTFd it goes, and maps each by
// itself.
func TestEachFlagOfAChallengeIsNamedAndMappedByItself(t *testing.T) {
	board := ctfdtest.New(t)
	board.AddChallenge(ctfdtest.Challenge{Name: "Heist"})
	vault := board.AddChallenge(ctfdtest.Challenge{Name: "Heist: the vault"})
	client, err := ctfd.New(board.URL, ctfd.Fixed(board.Admin), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	form := func(part, name string) whaley.FlagForm {
		return whaley.FlagForm{Part: part, Name: name, Open: "FLAG{", Close: "}", Text: "FLAG{" + name + "}"}
	}
	heist := oneChallenge{&whaley.Challenge{ID: "heist", Name: "Heist", Flag: whaley.FlagPlan{
		Dynamic: true, FlagForm: form("", "door"), More: []whaley.FlagForm{form("vault", "vault")},
	}}}
	var flags *flag.Flags
	s := newSurfaceOn(t, simulated.NewWorld().Engine("test"), func(n *api.Needs, _ *api.Options) {
		db, log := n.AdminQueries.(*store.Store), slog.New(slog.DiscardHandler)
		flags = flag.New(db, client, heist, flag.Options{}, log)
		n.Flags, n.Challenges = flags, heist
		n.Cheating = cheating.New(
			cheating.Needs{Store: db, CTFd: client, Challenges: heist, Missing: flags.Recheck, Log: log}, cheating.Options{},
		)
	})
	shown := func() string {
		var pairing struct {
			Local []struct {
				Doubt string
				First string `json:"first_part"`
				Parts []struct {
					Name, Doubt string
					MappedTo    int `json:"mapped_to"`
				}
			}
		}
		s.admin("GET", "/admin/api/ctfd/challenges", "").into(&pairing)
		return fmt.Sprintf("%+v", pairing.Local)
	}
	if got := shown(); got != "[{Doubt: First:door Parts:[{Name:vault Doubt: MappedTo:0}]}]" {
		t.Error(got)
	}
	s.admin(
		"POST", "/admin/api/flags/sync-challenge",
		fmt.Sprintf(`{"local_challenge_id":"heist","part":"vault","ctfd_challenge_id":%d}`, vault),
	).is(200)
	if got := shown(); got != fmt.Sprintf("[{Doubt: First:door Parts:[{Name:vault Doubt: MappedTo:%d}]}]", vault) {
		t.Error(got)
	}
	board.ChangeChallenge(vault, func(c *ctfdtest.Challenge) { c.Name = "Bonus" })
	if got, want := shown(), fmt.Sprintf(
		`[{Doubt: First:door Parts:[{Name:vault Doubt:heist, part vault is mapped to CTFd's challenge %d, which was "Heist: the vault" and is "Bonus" now MappedTo:%d}]}]`,
		vault, vault,
	); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	if _, err := flags.Flags(context.Background(), whaley.Owner{ID: "user_7", Name: "ada"}, heist.Challenge); err != nil {
		t.Fatal(err)
	}
	var list struct {
		Flags []struct {
			Name string `json:"part_name"`
		}
	}
	s.admin("GET", "/admin/api/flags/mappings?owner=user_7", "").into(&list)
	if len(list.Flags) != 2 || list.Flags[0].Name == list.Flags[1].Name || list.Flags[0].Name+list.Flags[1].Name != "vaultdoor" {
		t.Errorf("%+v", list.Flags)
	}
	s.admin("DELETE", "/admin/api/flags/mapping/heist?part=vault", "").is(200)
	if got := shown(); got != "[{Doubt: First:door Parts:[{Name:vault Doubt: MappedTo:0}]}]" {
		t.Error(got)
	}
}
