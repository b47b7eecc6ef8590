package system

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestARestartLosesAndStopsNothing(t *testing.T) {
	t.Parallel()
	for _, edge := range []string{"embedded", "traefik"} {
		t.Run(edge, func(t *testing.T) {
			s := start(t, edge, writeFixtures(t, "echo", "brief", "slow"), "SANDBOX_POOL=2")
			echo := s.address(alice, "echo")
			if got := s.do(alice, "GET", echo+"/", nil); got.Status != http.StatusOK {
				t.Fatalf("waking: %d", got.Status)
			}
			before := s.live(alice, "echo")
			had := containers(t, before.ID)
			brief := s.running(alice, "brief")
			// One is in the middle of its start when the power goes.
			s.call(bob, "POST", "/instances/spawn", `{"challenge_id":"slow"}`, nil)
			s.eventually("it has a container", 40*time.Second, func() error {
				if in := s.live(bob, "slow"); in == nil || len(containers(t, in.ID)) == 0 {
					return fmt.Errorf("%+v", in)
				}
				return nil
			})
			half := s.live(bob, "slow")
			s.kill()
			s.serve()

			after := s.live(alice, "echo")
			if after == nil || after.ID != before.ID || after.State != "running" || !after.ExpiresAt.Equal(before.ExpiresAt) {
				t.Fatalf("before %+v, after %+v", before, after)
			}
			if has := containers(t, before.ID); !slices.Equal(has, had) {
				t.Errorf("its containers were %v and are %v", had, has)
			}
			if got := s.do(alice, "GET", echo+"/", nil); got.Status != http.StatusOK {
				t.Errorf("it answers %d %s", got.Status, got.Body)
			}
			s.eventually("the half-made one runs", 30*time.Second, func() error {
				if in := s.live(bob, "slow"); in == nil || in.State != "running" || in.ID != half.ID {
					return fmt.Errorf("%+v", in)
				}
				return nil
			})
			s.eventually("the one whose time is over expires", 40*time.Second, func() error {
				if in := s.live(alice, "brief"); in != nil {
					return fmt.Errorf("%+v", in)
				}
				return nil
			})
			if left := containers(t, brief.ID); len(left) != 0 {
				t.Errorf("an expired instance left %v", left)
			}
		})
	}
}

func TestAnInstanceWhoseContainerEndsIsStoppedAndWakesAnew(t *testing.T) {
	t.Parallel()
	s := start(t, "embedded", writeFixtures(t, "echo"))
	echo := s.address(alice, "echo")
	if got := s.do(alice, "GET", echo+"/", nil); got.Status != http.StatusOK {
		t.Fatalf("waking: %d", got.Status)
	}
	in := s.live(alice, "echo")
	if out, err := exec.Command("docker", "kill", containers(t, in.ID)[0]).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	s.eventually("it is no more", 40*time.Second, func() error {
		if now := s.live(alice, "echo"); now != nil {
			return fmt.Errorf("%+v", now)
		}
		return nil
	})
	if got := s.do(alice, "GET", echo+"/", nil); got.Status != http.StatusOK {
		t.Errorf("the next request: %d %s", got.Status, got.Body)
	}
	if now := s.live(alice, "echo"); now == nil || now.ID == in.ID {
		t.Errorf("not a new instance: %+v", now)
	}
}

func TestWithoutAnEngineOnlyWakingIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, "embedded", writeFixtures(t, "echo"))
	address := s.address(alice, "echo")
	s.terminate()
	s.env = append(s.env, "DOCKER_HOST=unix:///nowhere/docker.sock")
	s.launch()
	s.eventually("it answers", 40*time.Second, func() error {
		got, err := s.try(alice, "GET", s.dashboard+"/health/live", nil)
		if err == nil && got.Status != http.StatusOK {
			err = fmt.Errorf("%d", got.Status)
		}
		return err
	})
	if got := s.do(alice, "GET", s.dashboard+"/health/ready", nil); got.Status != http.StatusServiceUnavailable ||
		!strings.Contains(got.Body, "engine") {
		t.Errorf("ready without an engine: %d %s", got.Status, got.Body)
	}
	got := s.do(alice, "GET", address+"/", nil)
	if p := got.problem(t); got.Status != http.StatusServiceUnavailable || p.Code != "engine_unavailable" || p.Detail == "" {
		t.Errorf("waking without an engine: %d %s", got.Status, got.Body)
	}
	if got := s.do(alice, "GET", s.dashboard+"/challenges", nil); got.Status != http.StatusOK {
		t.Errorf("the list of challenges: %d", got.Status)
	}
}

func TestABrokenChallengeStopsNoOther(t *testing.T) {
	t.Parallel()
	dir := writeFixtures(t, "echo")
	writeFixture(
		t, filepath.Join(dir, "broken"), fixture{compose: "services:\n  web:\n    build: .\n    privileged: true\n"},
	)
	s := start(t, "embedded", dir)
	if got := s.do(alice, "GET", s.address(alice, "echo")+"/", nil); got.Status != http.StatusOK {
		t.Errorf("the good one: %d", got.Status)
	}
	if got := s.do(alice, "GET", s.dashboard+"/challenges/broken", nil); got.Status != http.StatusNotFound {
		t.Errorf("the broken one: %d %s", got.Status, got.Body)
	}
	if log := s.log.String(); !strings.Contains(log, "compose.yaml") || !strings.Contains(log, "privileged") {
		t.Errorf("the log does not name file and key:\n%s", log)
	}
	check := exec.Command(binary, "check")
	check.Env = s.env
	out, err := check.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "broken/compose.yaml") || !strings.Contains(string(out), "privileged") {
		t.Errorf("check: %v\n%s", err, out)
	}
}

func TestEveryExampleCanBeSolved(t *testing.T) {
	t.Parallel()
	for _, edge := range []string{"embedded", "traefik"} {
		t.Run(edge, func(t *testing.T) {
			s := start(t, edge, filepath.Join(root, "challenges"))
			folders, err := os.ReadDir(filepath.Join(root, "challenges"))
			if err != nil || len(folders) < 4 {
				t.Fatalf("%d examples: %v", len(folders), err)
			}
			for _, folder := range folders {
				t.Run(folder.Name(), func(t *testing.T) { solve(t, s, folder.Name()) })
			}
		})
	}
}

// ownersFlag is what a placeholder of the examples becomes.
var ownersFlag = regexp.MustCompile(`FLAG\{[a-z_]+_[0-9a-f]{16}\}`)

// solve wants two owners to find a flag by the example's own solution, each another one.
func solve(t *testing.T, s *stack, challenge string) {
	s.t = t
	found := map[string]string{} // flag → owner
	for _, player := range []string{alice, bob} {
		in := s.running(player, challenge)
		r := in.Routes[0]
		var arguments []string
		switch r.Type {
		case "http":
			arguments = []string{r.URL}
		case "port":
			arguments = []string{"127.0.0.1", fmt.Sprint(r.Port)}
		case "tcp":
			arguments = []string{"127.0.0.1", portOnly(t, s.tls), r.Host}
		}
		s.eventually("it is solved", 40*time.Second, func() error {
			out, err := exec.Command(filepath.Join(root, "challenges", challenge, "solve.sh"), arguments...).CombinedOutput()
			flag := ownersFlag.Find(out)
			if err != nil || flag == nil {
				return fmt.Errorf("%v: %q", err, out)
			}
			if other, taken := found[string(flag)]; taken && other != player {
				t.Errorf("%s and %s have the same flag", other, player)
			}
			found[string(flag)] = player
			return nil
		})
	}
}
