package system

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/dockertest"
)

var flagForm = regexp.MustCompile(`FLAG\{own_it_[0-9a-f]{16}\}`)

// TestEveryTeamsFlagIsInItsContainerAndInCTFd goes the whole way of a flag with the real binary: made at a start, put
// into the container, registered in CTFd, recognised when somebody else submits it; also while CTFd is away.
func TestEveryTeamsFlagIsInItsContainerAndInCTFd(t *testing.T) {
	t.Parallel()
	ctfd := ctfdtest.New(t)
	ctfd.SetMode("teams")
	mapped := ctfd.AddChallenge(ctfdtest.Challenge{Name: "Own it", Category: "web", Value: 100})
	dir := t.TempDir()
	folder := filepath.Join(dir, "own-it")
	if err := os.CopyFS(folder, os.DirFS(dockertest.TestServerContext(t))); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"instance.toml": "name = \"Own it\"\n" + httpRoute, "flag.txt": "FLAG{own_it}\n",
		"compose.yaml": "services:\n  web:\n    build: .\n",
		"Dockerfile":   "FROM busybox:1.36\nCOPY server /server\nCOPY flag.txt /flag.txt\nCMD [\"/server\"]\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := &stack{tokens: map[string]string{}}
	users, teams := map[string]int{}, map[string]int{}
	for player, team := range map[string]string{alice: "red", mallory: "blue", bob: "green"} {
		teams[player] = ctfd.AddTeam(ctfdtest.Team{Name: team})
		users[player] = ctfd.AddUser(ctfdtest.User{Name: "of " + team, Team: teams[player]})
		s.tokens[player] = ctfd.Token(users[player])
	}
	const key = "an admin's key that nobody guesses 7b1"
	startStack(t, s, "127.0.0.1", "embedded", dir, "AUTH_MODE=ctfd", "CTFD_URL="+ctfd.URL, "CTFD_API_KEY="+ctfd.Admin,
		"ADMIN_KEY="+key, "MAX_INSTANCES_PER_TEAM=5")
	admin := func(method, path, body string) string {
		t.Helper()
		got := s.do(
			bob, method, s.dashboard+"/admin/api"+path, strings.NewReader(body), "X-Admin-Key", key, "Content-Type",
			"application/json",
		)
		if got.Status >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, got.Status, got.Body)
		}
		return got.Body
	}
	admin("POST", "/flags/sync-challenge", fmt.Sprintf(`{"local_challenge_id":"own-it","ctfd_challenge_id":%d}`, mapped))

	inside := func(player string) string {
		t.Helper()
		in := s.running(player, "own-it")
		out, err := exec.Command("docker", "exec", containers(t, in.ID)[0], "cat", "/flag.txt").Output()
		if flag := strings.TrimSpace(string(out)); err == nil && flagForm.MatchString(flag) {
			return flag
		}
		t.Fatalf("%s finds %q inside, %v", player, out, err)
		return ""
	}
	registered := func(flag string) {
		t.Helper()
		s.eventually(flag+" is in CTFd", 60*time.Second, func() error {
			for _, f := range ctfd.Flags(mapped) {
				if f.Content == flag && f.Type == "static" {
					return nil
				}
			}
			return fmt.Errorf("CTFd has %+v", ctfd.Flags(mapped))
		})
	}
	red, blue := inside(alice), inside(mallory)
	if red == blue {
		t.Fatalf("two teams have the same flag %s", red)
	}
	registered(red)
	registered(blue)
	s.eventually("the API says so too", 40*time.Second, func() error { // CTFd has it before the sidecar knows that
		if state := s.flagState(alice); state != "live" {
			return fmt.Errorf("it says %q", state)
		}
		return nil
	})

	s.call(bob, "GET", "/me", "", nil) // CTFd has said who he is before it goes away
	ctfd.Down()
	green := inside(bob)
	if state := s.flagState(bob); state != "pending" {
		t.Errorf("the API says of a flag that CTFd cannot be told of: %q", state)
	}
	told := s.hears(bob, `"flag_state":"live"`)
	ctfd.Recover()
	registered(green)
	if err := <-told; err != nil {
		t.Errorf("who looks at the dashboard is not told that CTFd has the flag: %v", err)
	}

	if status := ctfd.Attempt(users[mallory], mapped, red); status != "correct" {
		t.Fatalf("CTFd says of a foreign flag: %s", status)
	}
	admin("POST", "/flags/check-submissions", `{}`)
	s.eventually("the review list has it", 30*time.Second, func() error {
		list := admin("GET", "/flags/suspicious", "")
		if !strings.Contains(list, `"foreign_flag"`) || !strings.Contains(list, "red") || !strings.Contains(list, "blue") {
			return fmt.Errorf("%s", list)
		}
		return nil
	})
	if log := s.log.String(); strings.Contains(log, red) || strings.Contains(log, blue) ||
		strings.Contains(log, ctfd.Admin) {
		t.Error("a flag or a token is in the log")
	}

	// A player who joins another team has that team's copy, and the old one no more.
	before, left := s.address(mallory, "own-it"), s.live(mallory, "own-it").ID
	// A banned player is refused. What they had is stopped first, so that the end of the test has nothing to do.
	s.call(bob, "DELETE", "/instances/"+s.live(bob, "own-it").ID, "", nil)
	ctfd.ChangeUser(users[bob], func(u *ctfdtest.User) { u.Banned = true })
	ctfd.ChangeUser(users[mallory], func(u *ctfdtest.User) { u.Team = teams[alice] })
	s.eventually("the change of team counts", 90*time.Second, func() error {
		if now := s.address(mallory, "own-it"); now == before {
			return fmt.Errorf("still %s", now)
		}
		return nil
	})
	if in := s.live(mallory, "own-it"); in == nil || in.ID != s.live(alice, "own-it").ID {
		t.Errorf("the new team's copy is %+v", in)
	}
	s.eventually("a banned player is refused", 90*time.Second, func() error {
		got, err := s.try(bob, "GET", s.dashboard+"/instances", nil)
		if err == nil && got.Status != http.StatusForbidden {
			err = fmt.Errorf("%d %s", got.Status, got.Body)
		}
		return err
	})
	s.tokens[bob] = s.tokens[alice]
	admin("DELETE", "/instances/"+left, "") // nobody is in its team any more
	s.eventually("it is gone", 30*time.Second, func() error {
		if all := containers(t, left); len(all) > 0 {
			return fmt.Errorf("%v", all)
		}
		return nil
	})
}

// flagState is what the API says of the flag of a player's only instance.
func (s *stack) flagState(player string) string {
	s.t.Helper()
	var list struct {
		Instances []struct {
			FlagState string `json:"flag_state"`
		}
	}
	var raw json.RawMessage
	s.call(player, "GET", "/instances", "", &raw)
	if err := json.Unmarshal(raw, &list); err != nil || len(list.Instances) != 1 {
		s.t.Fatalf("%s has %s %v", player, raw, err)
	}
	return list.Instances[0].FlagState
}

// hears opens a player's stream of events, and says when something is told there that was not so at first.
func (s *stack) hears(player, want string) <-chan error {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	s.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", s.dashboard+"/events", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.tokens[player])
	client := s.client(player)
	client.Timeout = 0
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
	}
	if strings.Contains(lines.Text(), want) {
		s.t.Fatalf("it is so already: %s", lines.Text())
	}
	told := make(chan error, 1)
	go func() {
		for lines.Scan() {
			if strings.Contains(lines.Text(), want) {
				told <- nil
				return
			}
		}
		told <- fmt.Errorf("the stream ended: %v", lines.Err())
	}()
	return told
}
