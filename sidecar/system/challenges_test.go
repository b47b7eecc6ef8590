package system

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// TestAnEditIsThereAtTheNextSidecarAndAfterARestart edits a challenge that runs, closes it, and breaks it.
func TestAnEditIsThereAtTheNextSidecarAndAfterARestart(t *testing.T) {
	t.Parallel()
	const key, player = "the key of organisers", alice
	dir := t.TempDir()
	writeFixture(t, filepath.Join(dir, "edited"), fixture{})
	shared := []string{
		"DATABASE_URL=" + testkit.StartPostgres(t), "SECRET=what both of the sidecars derive from, 40 b",
		"SUBNET_POOL=10.187.0.0/24", "ADMIN_KEY=" + key,
	}
	one := start(t, "embedded", dir, shared...)
	active := one
	admin := func(method, path, body string) answer {
		t.Helper()
		return active.do(
			player, method, active.dashboard+"/admin/api/challenges"+path, strings.NewReader(body), "Content-Type",
			"application/json", "X-Admin-Key", key,
		)
	}
	named := func(s *stack, want string) {
		t.Helper()
		s.eventually("it is called "+want, 30*time.Second, func() error {
			if got := s.do(player, "GET", s.dashboard+"/challenges", nil); !strings.Contains(got.Body, fmt.Sprintf("%q", want)) {
				return fmt.Errorf("%s", got.Body)
			}
			return nil
		})
	}
	before := one.running(player, "edited")

	text, err := os.ReadFile(filepath.Join(dir, "edited", "instance.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if got := admin(
		"PUT", "/edited/files/instance.toml",
		fmt.Sprintf(`{"content":%q}`, strings.Replace(string(text), `"Fixture"`, `"Second"`, 1)),
	); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	named(one, "Second")
	if got := admin("POST", "/edited/toggle", `{"active":false}`); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	one.kill()
	two := *one // in its place, with a folder of its own
	two.env = append(slices.Clone(one.env), "DATA_DIR="+t.TempDir())
	two.serve()
	active = &two
	named(&two, "Second")
	two.eventually("it is closed at the next one too", 30*time.Second, func() error {
		got := two.do(
			bob, "POST", two.dashboard+"/instances/spawn", strings.NewReader(`{"challenge_id":"edited"}`), "Content-Type",
			"application/json",
		)
		if got.Status != http.StatusConflict || !strings.Contains(got.Body, "challenge_inactive") {
			return fmt.Errorf("%d %s", got.Status, got.Body)
		}
		return nil
	})
	if now := two.live(player, "edited"); now == nil || now.ID != before.ID {
		t.Errorf("%+v instead of %s", now, before.ID)
	}
	if got := admin("POST", "/edited/toggle", `{"active":true}`); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}

	// Broken while nobody looks: after the restart it can still be started, and what ran goes on.
	if err := os.WriteFile(filepath.Join(dir, "edited", "instance.toml"), []byte("name = 5\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	two.kill()
	one.serve()
	active = one
	named(one, "Second")
	if now := one.live(player, "edited"); now == nil || now.ID != before.ID {
		t.Errorf("%+v instead of %s", now, before.ID)
	}
	one.running(mallory, "edited")
	if got := admin("GET", "/list", ""); !strings.Contains(
		got.Body, `"line":1,"key":"name","text":"must be a text in quotes, and is a whole number"`,
	) {
		t.Errorf("%s", got.Body)
	}
}
