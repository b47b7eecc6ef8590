package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Sidecar is one process and the edge in front of it.
type Sidecar struct {
	Process   *exec.Cmd
	Edge      string            // host:port of the web
	TLS       string            // host:port of TLS by name
	Public    string            // host:port of the API without an edge
	Traefik   string            // host:port of Traefik's own API; empty: there is none
	Dashboard string            // URL
	URLs      map[string]string // challenge → address of its first route, of the player at 127.0.0.1
	Pool      int
	Data      string
	Log       string // a file
}

// Started waits until as many challenges can be started, and keeps their addresses.
func (s *Sidecar) Started(ctx context.Context, challenges int) error {
	return s.Until(ctx, "the challenges can be started", func() error {
		var list struct {
			Challenges []struct {
				ID     string
				Routes []struct{ URL string }
			}
		}
		if err := s.Call("127.0.0.1", "GET", "/challenges", &list); err != nil {
			return err
		}
		s.URLs = map[string]string{}
		for _, ch := range list.Challenges {
			s.URLs[ch.ID] = ch.Routes[0].URL
		}
		if n := strings.Count(s.Said(), "images ready"); n < challenges {
			return fmt.Errorf("the images of %d challenges are ready", n)
		}
		return nil
	})
}

// Said is its log.
func (s *Sidecar) Said() string {
	text, _ := os.ReadFile(s.Log) // nothing yet is as good as nothing
	return string(text)
}

// Transport leads every name to the edge, from a player's address.
func (s *Sidecar) Transport(player string) *http.Transport {
	return &http.Transport{
		DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(player)}}).DialContext(ctx, network, s.Edge)
		},
	}
}

// Call asks the public API as a player; into, unless nil, is what its JSON is read into. An answer from 300 on is an
// error.
func (s *Sidecar) Call(player, method, path string, into any) error {
	r, err := http.NewRequest(method, s.Dashboard+path, nil)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Transport: s.Transport(player), Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s %s", method, path, answer.Status, text)
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// Until tries again and again until it works, for two minutes at most.
func (s *Sidecar) Until(ctx context.Context, what string, try func() error) error {
	const every = 50 * time.Millisecond
	err := Poll(ctx, 2*time.Minute, every, every, try)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%s, after two minutes: %w (log: %s)", what, err, s.Log)
	}
	return nil
}

// Get reads an address as the player at an address of this machine.
func (s *Sidecar) Get(url, player string) error {
	answer, err := (&http.Client{Transport: s.Transport(player), Timeout: time.Minute}).Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %.200s", url, answer.Status, text)
	}
	return err
}

type instances struct{ Instances []struct{ ID, State string } }

// Stop tells all of a player's instances to stop. It is an error until they are gone; those that failed are.
func (s *Sidecar) Stop(player string) error {
	var list instances
	if err := s.Call(player, "GET", "/instances", &list); err != nil {
		return err
	}
	var left error
	for _, in := range list.Instances {
		if in.State != "failed" {
			left = ErrNotYet
		}
		if in.State == "running" {
			if err := s.Call(player, "DELETE", "/instances/"+in.ID, nil); err != nil {
				return err
			}
		}
	}
	return left
}

// Ready wants holders in all networks of the pool.
func (s *Sidecar) Ready() error {
	deployment := DeploymentIn(s.Said())
	if deployment == "" {
		return errors.New("no deployment yet")
	}
	out, err := exec.Command(
		"docker", "ps", "--format", "{{.Networks}}", "--filter", "label=whaley.deployment="+deployment+"/sandbox",
	).Output()
	networks := map[string]bool{}
	for _, name := range strings.Fields(string(out)) {
		networks[name] = true
	}
	if got := len(networks); err == nil && got < s.Pool {
		err = fmt.Errorf("%d of %d sandboxes are ready", got, s.Pool)
	}
	return err
}

// Counted is how many instances it has been asked for.
func (s *Sidecar) Counted() int { return strings.Count(s.Said(), "msg=\"instance running\"") }

// Pid is the process of the sidecar itself, behind Traefik the script's child.
func (s *Sidecar) Pid() (int, error) { return s.pidOf("whaley") }

// TraefikPid is Traefik's process.
func (s *Sidecar) TraefikPid() (int, error) { return s.pidOf("traefik") }

func (s *Sidecar) pidOf(program string) (int, error) {
	pid := s.Process.Process.Pid
	for _, candidate := range append([]string{fmt.Sprint(pid)}, children(pid)...) {
		if name, err := os.ReadFile("/proc/" + candidate + "/comm"); err == nil && strings.HasPrefix(string(name), program) {
			return strconv.Atoi(candidate)
		}
	}
	return 0, fmt.Errorf("%s does not run any more (log: %s)", program, s.Log)
}

func children(pid int) []string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // none when it has ended
	return strings.Fields(string(text))
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
