package api_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"
)

type adminBuild struct {
	State, Log, Placing string
	Stages              []struct {
		Name   string
		Failed bool
	}
	Reason  *string
	EndedAt *time.Time `json:"ended_at"`
}

func TestAnOrganiserWatchesABuildBuildsAgainAndReadsWhyOneFailed(t *testing.T) {
	s := newSurface(t)
	// never built before
	recipe := "FROM busybox:1.36\nRUN echo the oven is hot; sleep 1\nCMD [\"sleep\", \"1000\"]\n# " + rand.Text() + "\n"
	t.Cleanup(func() {
		if images, err := exec.Command("docker", "images", "-q", "whaley/baked-web").Output(); err != nil ||
			exec.Command("docker", append([]string{"rmi", "-f"}, strings.Fields(string(images))...)...).Run() != nil {
			t.Error("the images are left")
		}
	})
	w := s.upload(zipped(
		t, "instance.toml", "id = \"baked\"\n"+minimalTOML, "compose.yaml", "services:\n  web:\n    build: .\n", "Dockerfile",
		recipe,
	))
	if w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	built := func() (b adminBuild) {
		t.Helper()
		s.into(s.manage("GET", "/baked/build?wait=30", ""), &b)
		return b
	}
	if b := built(); b.State != "ready" || !strings.Contains(b.Log, "the oven is hot") || len(b.Stages) != 1 ||
		b.Stages[0].Name != "image of web" || b.EndedAt == nil || b.Reason != nil {
		t.Fatalf("%+v", b)
	}

	states := buildStates(t, s, "baked")
	if state := <-states; state != "ready" {
		t.Errorf("the stream begins with %q", state)
	}
	if w := s.manage("POST", "/baked/build", ""); w.Code != http.StatusAccepted {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	s.refused(s.manage("POST", "/baked/build", ""), 409, "build_running")
	var seen []string
	for state := range states {
		if seen = append(seen, state); state == "ready" {
			break
		}
	}
	if all := strings.Join(seen, " "); !strings.Contains(all, "building") {
		t.Errorf("the stream told %s", all)
	}

	edit, err := json.Marshal(map[string]string{"content": strings.Replace(recipe, "sleep 1", "exit 3", 1)})
	if err != nil {
		t.Fatal(err)
	}
	if w := s.manage("PUT", "/baked/files/Dockerfile", string(edit)); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if b := built(); b.State != "failed" || b.Reason == nil || !strings.Contains(b.Log, "the oven is hot") ||
		len(b.Stages) != 1 || !b.Stages[0].Failed {
		t.Errorf("%+v", b)
	}
	s.refused(s.manage("GET", "/none/build", ""), 404, "challenge_not_found")
	s.refused(s.manage("POST", "/none/build", ""), 404, "challenge_not_found")
}

// buildStates is the state of each message of the stream of a challenge's build.
func buildStates(t *testing.T, s *surface, challenge string) <-chan string {
	t.Helper()
	server := httptest.NewServer(s.public)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/admin/api/challenges/"+challenge+"/build", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Admin-Key", adminKey)
	r.Header.Set("Accept", "text/event-stream")
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(answer, err)
	}
	t.Cleanup(func() {
		cancel()
		answer.Body.Close()
		server.Close()
	})
	states := make(chan string, 100)
	go func() {
		defer close(states)
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			var b adminBuild
			if text, found := strings.CutPrefix(lines.Text(), "data: "); found && json.Unmarshal([]byte(text), &b) == nil {
				states <- b.State
			}
		}
	}()
	return states
}
