package ctfdtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
)

func TestAChallengeWindowIsItsThemes(t *testing.T) {
	board := ctfdtest.New(t)
	player := board.AddUser(ctfdtest.User{Name: "ada"})
	board.AddChallenge(ctfdtest.Challenge{Name: "<Notes>", ConnectionInfo: "https://whaley.example/go/notes"})
	for theme, closes := range map[string]string{"core": "data-bs-dismiss", "core-deprecated": "data-dismiss"} {
		board.SetConfig("ctf_theme", theme)
		r, err := http.NewRequestWithContext(t.Context(), "GET", board.URL+"/api/v1/challenges/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Token "+board.Token(player))
		r.Header.Set("Content-Type", "application/json")
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Data struct{ View string } }
		text, err := io.ReadAll(w.Body)
		w.Body.Close()
		if err != nil || json.Unmarshal(text, &answer) != nil {
			t.Fatalf("%v %s", err, text)
		}
		for _, part := range []string{
			closes, `href="https://whaley.example/go/notes"`, "&lt;Notes&gt;", `id="challenge-id"`, "challenge-connection-info",
		} {
			if !strings.Contains(answer.Data.View, part) {
				t.Errorf("%s: no %s in %s", theme, part, answer.Data.View)
			}
		}
	}
}
