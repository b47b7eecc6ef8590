package challenge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// elsewhere has no processes' limit, and cannot run what refuse names.
type elsewhere struct{ refuse string }

func (e elsewhere) Differs(ch *whaley.Challenge) ([]whaley.Note, error) {
	notes := []whaley.Note{{Key: "services.web.pids_limit", Text: "the limit is the node's"}}
	if ch.ID == e.refuse {
		return notes, whaley.Errorf(whaley.Unavailable, "platform", "It cannot run there.")
	}
	return notes, nil
}

func TestWhatItsPlatformCannotDoIsToldWhenAChallengeIsLoaded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "one")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"instance.toml": "[[routes]]\nservice = \"web\"\nport = 80\ntype = \"http\"\n",
		"compose.yaml":  "services:\n  web:\n    image: busybox:1.36\n    pids_limit: 9\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	on := defaults
	on.Platform = elsewhere{}
	ch, err := challenge.Load(t.Context(), dir, on)
	if err != nil {
		t.Fatal(err)
	}
	at := -1
	for n, note := range ch.Notes {
		if note.Text == "the limit is the node's" {
			at = n
		}
	}
	if at < 0 || ch.Notes[at].File != "one/compose.yaml" || ch.Notes[at].Line == 0 {
		t.Errorf("notes are %+v", ch.Notes)
	}
	on.Platform = elsewhere{refuse: "one"}
	if _, err := challenge.Load(t.Context(), dir, on); err == nil || !strings.Contains(err.Error(), "It cannot run there.") {
		t.Errorf("it is loaded: %v", err)
	}
}
