package flagtest

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/cheating"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/flag"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const bank = oneRoute + `
[flag]
decoys = ["FLAG{the_vault_is_empty}", "not-part_three-yet"]

[[flags]]
text = "FLAG{it's the lobby}"

[[flags]]
text = "ABC+{the.safe}"
name = "safe"
ctfd = "Bank: the safe"

[[flags]]
text = "part_three"
`

// A challenge in three parts has three flags of each owner's own, in images, values and mounted files; what only looks
// like a flag stays; and each is recognised when somebody else submits it.
func TestAChallengeInPartsHasAFlagOfEach(t *testing.T) {
	board := ctfdtest.New(t)
	whole, safe := board.AddChallenge(ctfdtest.Challenge{Name: "Bank"}), board.AddChallenge(ctfdtest.Challenge{
		Name: "Bank: the safe",
	})
	client, err := ctfd.New(board.URL, ctfd.Fixed(board.Admin), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var flags *flag.Flags
	var detector *cheating.Detector
	w := newWorldWith(t, 9, func(db *store.Store, library *challenge.Library) instancer.Flags {
		flags = flag.New(
			db, client, library, flag.Options{MapEvery: time.Hour, VerifyEvery: time.Hour}, slog.New(slog.DiscardHandler),
		)
		detector = cheating.New(cheating.Needs{
			Store: db, CTFd: client, Challenges: library, Missing: flags.Recheck, Log: slog.New(slog.DiscardHandler),
		}, cheating.Options{ScanEvery: time.Hour})
		return flags
	})
	w.write("bank", "instance.toml", bank, "compose.yaml", `services:
  web:
    build: .
    environment: {SAFE: "x ABC+{the.safe}", AGAIN: "${FLAG_SAFE}", NOTE: "FLAG{the_vault_is_empty}"}
    volumes: ["./ledger.txt:/ledger.txt"]
`, "lobby.py", "print('FLAG{the_vault_is_empty}') # it\nx = \"FLAG{it's the lobby}\"\ny = 'not-part_three-yet'\n",
		"ledger.txt", "part_three, not-part_three-yet\n", "Dockerfile", "FROM busybox:1.36\nCOPY lobby.py /"+listen)
	w.load()
	if _, err := flags.Map(t.Context(), "bank", "", whole); err != nil {
		t.Fatal(err)
	}
	go func() { _ = flags.Run(t.Context()) }()
	if st := w.built("bank"); st.State != whaley.BuildReady || st.PerOwner {
		t.Fatalf("%+v", st)
	}
	ch, _ := w.library.Get("bank")
	seen := map[string]bool{}
	for n, owner := range []string{whaley.UserID(7), whaley.UserID(8)} {
		in := w.running(owner, "bank")
		own, err := flags.Flags(t.Context(), whaley.Owner{ID: owner}, ch)
		if err != nil || len(own) != 3 {
			t.Fatal(own, err)
		}
		all := w.inside(in, "web", "sh", "-c", "cat /lobby.py /ledger.txt; echo $SAFE; echo $AGAIN; echo $NOTE")
		want := "print('FLAG{the_vault_is_empty}') # it\nx = \"" + own[0] + "\"\ny = 'not-part_three-yet'\n" + own[2] +
			", not-part_three-yet\nx " + own[1] + "\n" + own[1] + "\nFLAG{the_vault_is_empty}\n"
		if all != want {
			t.Errorf("%s sees\n%s\nand should see\n%s", owner, all, want)
		}
		for k, f := range own {
			if seen[f] || !strings.HasPrefix(f, []string{"FLAG{it's the lobby_", "ABC+{the.safe_", "part_three_"}[k]) {
				t.Errorf("flag %d of %s is %q", k, owner, f)
			}
			seen[f] = true
			testkit.Eventually(t, 5*time.Second, "CTFd knows "+f, func() error {
				got, err := client.Flags(t.Context(), []int{whole, safe, whole}[k], f)
				if err == nil && len(got) != 1 {
					err = whaley.Errorf(whaley.NotFound, "x", "%d there", len(got))
				}
				return err
			})
			board.AddSubmission(ctfdtest.Submission{
				Challenge: []int{whole, safe, whole}[k], User: 90 + n, Provided: f, Type: "correct",
			})
		}
		w.stop(owner, in)
	}
	if _, err := detector.CheckSubmissions(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	found, err := detector.Suspicions(t.Context(), whaley.SuspicionFilter{Challenge: "bank"}, "", 100)
	found = slices.DeleteFunc(found, func(s *whaley.Suspicion) bool { return s.Kind != whaley.SuspicionSharing })
	if err != nil || len(found) != 6 {
		t.Fatalf("%d of 6 flags that others submitted are recognised: %v", len(found), err)
	}
}

// A part that cannot be replaced in the image has an image built for each owner, with all flags; one that is in no
// image at all is told when the images are built.
func TestAPartIsBuiltForItsOwnerOrRefused(t *testing.T) {
	w := newWorld(t, 8)
	const two = oneRoute + "[[flags]]\ntext = \"FLAG{one}\"\n[[flags]]\ntext = \"FLAG{two}\"\n"
	w.write("packed-part", "instance.toml", two, "one.txt", "FLAG{one}", "two.txt", "FLAG{two}", "Dockerfile",
		"FROM busybox:1.36 AS pack\nCOPY two.txt /\nRUN gzip /two.txt\nFROM busybox:1.36\nCOPY one.txt /\nCOPY --from=pack /two.txt.gz /"+
			listen)
	w.write(
		"lost-part", "instance.toml", two, "one.txt", "FLAG{one}", "two.txt", "FLAG{two}", "Dockerfile",
		"FROM busybox:1.36\nCOPY one.txt /"+listen,
	)
	w.load()
	if st := w.built("lost-part"); st.State != whaley.BuildFailed || whaley.CodeOf(st.Reason) != "flag_nowhere" ||
		!strings.Contains(st.Reason.Detail, "Flag 2") {
		t.Errorf("%+v", st)
	}
	if st := w.built("packed-part"); st.State != whaley.BuildReady || !st.PerOwner {
		t.Fatalf("%+v", st)
	}
	ch, _ := w.library.Get("packed-part")
	in := w.running("alice", "packed-part")
	own, _ := w.flags.Flags(t.Context(), whaley.Owner{ID: "alice"}, ch)
	if got := w.inside(in, "web", "sh", "-c", "cat /one.txt; zcat /two.txt.gz"); got != own[0]+own[1] {
		t.Errorf("alice sees %q, and her flags are %q", got, own)
	}
}
