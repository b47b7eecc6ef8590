package system

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAChallengeThatGoesLeavesItsRunningInstancesReachable takes a challenge away under a running instance, in each way
// that it can go: its players go on as if nothing had happened, and cannot start it anew.
func TestAChallengeThatGoesLeavesItsRunningInstancesReachable(t *testing.T) {
	t.Parallel()
	const key = "the key of organisers"
	for _, edge := range []string{"embedded", "traefik"} {
		t.Run(edge, func(t *testing.T) {
			dir := t.TempDir()
			names := []string{"removed", "broken", "emptied", "closed", "dropped"}
			for _, name := range names {
				toml := "timeout = 60\nextend_time = 60\n" + httpRoute +
					"\n[[routes]]\nname = \"nc\"\nservice = \"web\"\nport = 9000\ntype = \"port\"\n"
				if name == "emptied" {
					toml = "access = \"owner\"\n" + toml
				}
				writeFixture(t, filepath.Join(dir, name), fixture{toml: toml})
			}
			s := start(t, edge, dir, "ADMIN_KEY="+key)
			running := map[string]*instance{}
			for _, name := range names {
				running[name] = s.running(alice, name)
			}
			reload := func() {
				t.Helper()
				before := strings.Count(s.log.String(), "challenges loaded again")
				s.process.Process.Signal(syscall.SIGHUP)
				s.eventually("the challenges are loaded again", 30*time.Second, func() error {
					if strings.Count(s.log.String(), "challenges loaded again") == before {
						return fmt.Errorf("not yet")
					}
					return nil
				})
			}
			for _, err := range []error{
				os.RemoveAll(filepath.Join(dir, "removed")),
				os.WriteFile(filepath.Join(dir, "broken", "instance.toml"), []byte("name = 5\n"), 0o644),
				os.WriteFile(filepath.Join(dir, "emptied", "compose.yaml"), nil, 0o644),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			admin := func(method, path, body string) answer {
				t.Helper()
				return s.do(
					alice, method, s.dashboard+"/admin/api"+path, strings.NewReader(body), "Content-Type", "application/json",
					"X-Admin-Key", key,
				)
			}
			if got := admin("POST", "/challenges/closed/toggle", `{"active":false}`); got.Status != http.StatusOK {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			if got := admin("DELETE", "/challenges/dropped?confirm=dropped", ""); got.Status >= 300 {
				t.Logf("removed by the panel: %d %s", got.Status, got.Body)
				if err := os.RemoveAll(filepath.Join(dir, "dropped")); err != nil {
					t.Fatal(err)
				}
			}
			reload()
			look := func(when string) {
				t.Helper()
				for _, name := range names {
					in := running[name]
					s.eventually(name+" answers "+when, 60*time.Second, func() error {
						got, err := s.try(alice, "GET", in.Routes[0].URL+"/", nil)
						if err != nil || got.Status != http.StatusOK {
							return fmt.Errorf("%d %.300s %v", got.Status, got.Body, err)
						}
						return nil
					})
					if got := s.do(bob, "GET", in.Routes[0].URL+"/", nil); (got.Status == http.StatusOK) != (name != "emptied") {
						t.Errorf("%s %s: somebody with its address gets %d", name, when, got.Status)
					}
					if got := s.do(alice, "GET", s.dashboard+"/instances/"+in.ID, nil); got.Status != http.StatusOK ||
						!strings.Contains(got.Body, `"running"`) {
						t.Errorf("%s %s: %d %s", name, when, got.Status, got.Body)
					}
					if got := admin("GET", "/instances/"+in.ID, ""); got.Status != http.StatusOK {
						t.Errorf("%s %s: organisers get %d %s", name, when, got.Status, got.Body)
					}
				}
			}
			look("after the reload")
			s.kill()
			s.serve()
			look("after a restart")
			for _, name := range names {
				in := running[name]
				s.eventually(
					name+" is extended", 60*time.Second,
					func() error { return s.tryCall(alice, "POST", "/instances/"+in.ID+"/extend", "", nil) },
				)
				s.call(alice, "DELETE", "/instances/"+in.ID, "", nil)
				s.eventually(name+" is gone", 30*time.Second, func() error {
					if left := containers(t, in.ID); len(left) > 0 {
						return fmt.Errorf("%v", left)
					}
					return nil
				})
			}
		})
	}
}
