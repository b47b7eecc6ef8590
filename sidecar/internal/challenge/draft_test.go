package challenge_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func drafting(t *testing.T) *libraryWorld {
	t.Helper()
	s := newLibraryWorld(t)
	if err := s.library.KeepDrafts(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	s.put("web/instance.toml", oneRoute)
	s.put("web/compose.yaml", "services:\n  web:\n    build: .\n")
	s.put("web/Dockerfile", "FROM busybox:1.36\n")
	s.reload()
	return s
}

// edit writes into a draft.
func (s *libraryWorld) edit(id, name, text string) challenge.Draft {
	s.t.Helper()
	d, err := s.library.EditDraft(s.t.Context(), id, "admin", func(root *os.Root) error {
		return root.WriteFile(name, []byte(text), 0o644)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

func (s *libraryWorld) publish(id string, anyway bool) (challenge.Entry, error) {
	s.t.Helper()
	_, over, err := s.library.DraftChanges(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.library.PublishDraft(s.t.Context(), id, "admin", over, anyway)
}

func TestADraftOfSeveralFilesIsSeenByNobodyUntilItIsPublished(t *testing.T) {
	s := drafting(t)
	first := s.get("web").Revision
	if d, err := s.library.Draft(t.Context(), "web"); err != nil || d.Begun || !d.Exists || d.Loaded == nil {
		t.Fatalf("%+v %v", d, err)
	}
	d := s.edit("web", "compose.yaml", "services:\n  web:\n    privileged: true\n    build: .\n")
	if !d.Begun || d.Loaded != nil || len(d.Problems) != 1 || d.Problems[0].File != "web/compose.yaml" || d.Problems[0].Line != 3 {
		t.Errorf("%+v", d)
	}
	if _, err := s.publish("web", false); !errors.As(err, &challenge.Problems{}) {
		t.Errorf("a draft with problems is published: %v", err)
	}
	s.edit("web", "compose.yaml", "services:\n  web:\n    build: app\n")
	if d = s.edit("web", "added", "x"); d.Stale {
		t.Error("it is stale at once")
	}
	s.reload()
	if s.get("web").Revision != first {
		t.Error("players get what was not published")
	}
	changes, over, err := s.library.DraftChanges(t.Context(), "web")
	if err != nil || len(changes.Files) != 2 || over != first {
		t.Errorf("%+v %s %v", changes, over, err)
	}
}

func TestAPublishedDraftIsTheNextRevisionAndGone(t *testing.T) {
	s := drafting(t)
	first := s.get("web")
	s.edit("web", "added", "x")
	e, err := s.publish("web", false)
	if err != nil || e.Loaded == nil || e.Loaded.Revision == first.Revision {
		t.Fatalf("%+v %v", e, err)
	}
	if d, err := s.library.Draft(t.Context(), "web"); err != nil || d.Begun {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := s.library.RollBack(t.Context(), "web", first.Revision, "admin"); err != nil ||
		s.get("web").Revision != first.Revision {
		t.Errorf("rolled back to %s: %v", s.get("web").Revision, err)
	}
}

func TestARevisionWithOwnersFlagsIsRolledBackTo(t *testing.T) {
	s := drafting(t)
	own := defaults
	own.FlagPrefix = "FLAG"
	s.library.SetDefaults(own)
	s.put("web/flag.txt", "FLAG{placeholder}\n")
	s.reload()
	first := s.get("web").Revision
	s.edit("web", "added", "x")
	e, err := s.publish("web", false)
	if err != nil || e.Loaded.Revision == first || !s.library.HasRevision(e, first) {
		t.Fatalf("%s can be rolled back to: %v; %v", first, s.library.HasRevision(e, first), err)
	}
	if e, err = s.library.RollBack(t.Context(), "web", first, "admin"); err != nil || e.Loaded.Revision != first {
		t.Errorf("%+v %v", e, err)
	}
}

func TestADraftIsPublishedOnlyOverWhatItWasComparedWith(t *testing.T) {
	s := drafting(t)
	s.edit("web", "added", "x")
	_, over, err := s.library.DraftChanges(t.Context(), "web")
	if err != nil {
		t.Fatal(err)
	}
	s.put("web/by-hand", "y") // by who has the folder in a repository
	if d, err := s.library.Draft(t.Context(), "web"); err != nil || !d.Stale {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := s.library.PublishDraft(t.Context(), "web", "admin", over, false); whaley.CodeOf(err) != "draft_outdated" {
		t.Error(err)
	}
	changes, _, err := s.library.DraftChanges(t.Context(), "web")
	if err != nil || len(changes.Files) != 2 {
		t.Errorf("what was added by hand is not among what publishing removes: %+v %v", changes, err)
	}
	if _, err := s.publish("web", false); err != nil {
		t.Error(err)
	}
}

func TestADraftOutlivesTheProcessAndEndsWhenDiscarded(t *testing.T) {
	s := drafting(t)
	drafts := t.TempDir()
	if err := s.library.KeepDrafts(drafts); err != nil {
		t.Fatal(err)
	}
	s.edit("web", "added", "x")
	s.start()
	if err := s.library.KeepDrafts(drafts); err != nil {
		t.Fatal(err)
	}
	all, err := s.library.Drafts(t.Context())
	if err != nil || len(all) != 1 || all[0].ID != "web" || all[0].By != "admin" || all[0].At.IsZero() {
		t.Errorf("%+v %v", all, err)
	}
	if err := s.library.DiscardDraft("web"); err != nil {
		t.Error(err)
	}
	if err := s.library.DiscardDraft("web"); whaley.CodeOf(err) != "draft_not_found" {
		t.Error(err)
	}
	if left, err := os.ReadDir(drafts); err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
}

func TestAnEditThatIsRefusedBeginsNoDraft(t *testing.T) {
	s := drafting(t)
	for name, change := range map[string]func(root *os.Root) error{
		"out of the folder":        func(root *os.Root) error { return files.Create(root, "../x", nil) },
		"a file that is not there": func(root *os.Root) error { return files.Delete(root, "none") },
	} {
		if _, err := s.library.EditDraft(t.Context(), "web", "admin", change); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if all, err := s.library.Drafts(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("%+v %v", all, err)
	}
	for _, id := range []string{"none", "..", ".", "", strings.Repeat("x", 5000), "a/b"} {
		if _, err := s.library.EditDraft(t.Context(), id, "admin", nil); whaley.CodeOf(err) != "challenge_not_found" {
			t.Errorf("%.10q: %v", id, err)
		}
	}
}

func TestAnArchiveWithProblemsBecomesADraftThatIsMendedAndPublishedClosed(t *testing.T) {
	s := drafting(t)
	upload := func(toml string, replace bool) (challenge.Draft, error) {
		archive := zipped(t, "new/instance.toml", toml, "new/compose.yaml", "services:\n  web:\n    image: busybox:1.36\n")
		return s.library.UploadDraft(
			t.Context(), challenge.Archive{ReaderAt: bytes.NewReader(archive), Size: int64(len(archive)), Name: "up.zip", Replace: replace},
			"admin",
		)
	}
	d, err := upload("nonsense = 1\n"+oneRoute, false)
	if err != nil || d.ID != "new" || d.Exists || d.Loaded != nil || len(d.Problems) == 0 {
		t.Fatalf("%+v %v", d, err)
	}
	if _, ok := s.library.Get("new"); ok {
		t.Error("it is a challenge already")
	}
	if _, err := upload(oneRoute, false); whaley.CodeOf(err) != "draft_exists" {
		t.Error(err)
	}
	if _, err := s.publish("new", true); !errors.As(err, &challenge.Problems{}) {
		t.Errorf("a new challenge that never was good is published: %v", err)
	}
	if d = s.edit("new", "instance.toml", oneRoute); d.Loaded == nil {
		t.Fatalf("%+v", d.Problems)
	}
	if e, err := s.publish("new", false); err != nil || e.ID != "new" || e.Loaded == nil {
		t.Errorf("%+v %v", e, err)
	}
	if d, err = upload("broken = [", false); err != nil || d.ID != "new" || !d.Exists {
		t.Errorf("an update without an id that can be read: %+v %v", d, err)
	}
	if d, err = upload("id = \"web\"\n"+oneRoute, false); err != nil || d.ID != "web" || !d.Exists || d.Folder != "web" {
		t.Errorf("an update: %+v %v", d, err)
	}
}

func TestADraftThatTakesAnothersIDHasThatProblem(t *testing.T) {
	s := drafting(t)
	s.put("other/instance.toml", oneRoute)
	s.put("other/compose.yaml", "services:\n  web:\n    image: busybox:1.36\n")
	s.reload()
	d := s.edit("other", "instance.toml", "id = \"web\"\n"+oneRoute)
	if d.Loaded != nil || len(d.Problems) != 1 || d.Problems[0].Key != "id" {
		t.Errorf("%+v", d)
	}
}

func TestWhatIsTriedOfADraftIsAChallengeOfItsOwnThatPlayersDoNotSee(t *testing.T) {
	s := drafting(t)
	s.edit("web", "added", "x")
	ch, err := s.library.TryDraft(t.Context(), "web")
	if err != nil {
		t.Fatal(err)
	}
	real := s.get("web")
	if ch.ID == "web" || ch.Of != "web" || !ch.Inactive || ch.Revision == real.Revision ||
		ch.Services[0].Image == real.Services[0].Image || !strings.Contains(ch.Services[0].Image, ch.ID) {
		t.Errorf("%+v", ch)
	}
	if got, ok := s.library.Get(ch.ID); !ok || got != ch {
		t.Error("an instance of it could not be made")
	}
	if all := s.library.All(); len(all) != 1 || all[0].ID != "web" {
		t.Errorf("%+v", all)
	}
	for range 3 {
		if err := s.library.Prune(func(string) bool { return false }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(ch.Dir); err != nil {
		t.Errorf("its files are gone while it is tried: %v", err)
	}
	s.library.ForgetTry(ch.ID)
	if _, ok := s.library.Get(ch.ID); ok || len(s.library.Tried()) > 0 {
		t.Error("it is still there")
	}
}
