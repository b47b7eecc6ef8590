package main

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
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// sidecar is one process with the embedded edge, asked as a player would.
type sidecar struct {
	process   *exec.Cmd
	edge      string
	dashboard string
	urls      map[string]string // challenge → address of its first route
	pool      int
	data      string
	log       string // a file
}

// startSidecar starts the nth of a run; further settings go last.
func startSidecar(ctx context.Context, dir string, number, pool int, settings ...string) (*sidecar, error) {
	s := &sidecar{pool: pool, data: filepath.Join(dir, fmt.Sprint("data-", number))}
	s.log = logBeside(s.data)
	ports, err := freePorts(4)
	if err != nil {
		return nil, err
	}
	local := func(n int) string { return "127.0.0.1:" + ports[n] }
	s.edge, s.dashboard = local(0), "http://whaley.localhost:"+ports[0]
	s.process = exec.Command(filepath.Join(dir, "whaley"), "serve")
	s.process.Env = append(os.Environ(), "DATA_DIR="+s.data, "CHALLENGES_DIR="+filepath.Join(dir, "challenges"),
		"EDGE_LISTEN="+local(0), "EDGE_TLS_LISTEN="+local(1), "LISTEN="+local(2), "INTERNAL_LISTEN="+local(3),
		"DASHBOARD_URL="+s.dashboard, fmt.Sprintf("SUBNET_POOL=10.187.%d.0/20", 16*number), fmt.Sprint("SANDBOX_POOL=", pool),
		"USER_RATE_LIMIT=0", "ADDRESS_RATE_LIMIT=0")
	s.process.Env = append(s.process.Env, settings...)
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	out, err := os.Create(s.log + ".out")
	if err != nil {
		return nil, err
	}
	defer out.Close()
	s.process.Stdout, s.process.Stderr = out, log
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	if err := s.started(ctx, 2); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// started waits until as many challenges can be started, and keeps their addresses.
func (s *sidecar) started(ctx context.Context, challenges int) error {
	return s.until(ctx, "the challenges can be started", func() error {
		var list struct {
			Challenges []struct {
				ID     string
				Routes []struct{ URL string }
			}
		}
		if err := s.call("127.0.0.1", "GET", "/challenges", &list); err != nil {
			return err
		}
		s.urls = map[string]string{}
		for _, ch := range list.Challenges {
			s.urls[ch.ID] = ch.Routes[0].URL
		}
		if n := strings.Count(s.said(), "images ready"); n < challenges {
			return fmt.Errorf("the images of %d challenges are ready", n)
		}
		return nil
	})
}

// said is its log.
func (s *sidecar) said() string {
	text, _ := os.ReadFile(s.log) // nothing yet is as good as nothing
	return string(text)
}

// transport leads every name to the edge, from a player's address.
func (s *sidecar) transport(player string) *http.Transport {
	return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(player)}}).DialContext(ctx, network, s.edge)
	}}
}

func (s *sidecar) call(player, method, path string, into any) error {
	r, err := http.NewRequest(method, s.dashboard+path, nil)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Transport: s.transport(player), Timeout: 30 * time.Second}).Do(r)
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

func (s *sidecar) until(ctx context.Context, what string, try func() error) error {
	const every = 50 * time.Millisecond
	err := poll(ctx, 2*time.Minute, every, every, try)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%s, after two minutes: %w (log: %s)", what, err, s.log)
	}
	return nil
}

// wake opens the address of a challenge that sleeps, reads the answer, and puts everything back.
func (s *sidecar) wake(ctx context.Context, challenge string) (time.Duration, error) {
	if err := s.until(ctx, "sandboxes are ready", s.ready); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := s.get(s.urls[challenge], "127.0.0.1"); err != nil {
		return 0, err
	}
	took := time.Since(began)
	if err := s.until(ctx, "it is stopped", func() error { return s.stop("127.0.0.1") }); err != nil {
		return 0, err
	}
	return took, s.until(ctx, "sandboxes are ready again", s.ready)
}

// get reads an address as the player at an address of this machine.
func (s *sidecar) get(url, player string) error {
	answer, err := (&http.Client{Transport: s.transport(player), Timeout: time.Minute}).Get(url)
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

func (s *sidecar) stop(player string) error {
	var list instances
	if err := s.call(player, "GET", "/instances", &list); err != nil || len(list.Instances) == 0 {
		return err
	}
	for _, in := range list.Instances {
		if in.State == "running" {
			if err := s.call(player, "DELETE", "/instances/"+in.ID, nil); err != nil {
				return err
			}
		}
	}
	return errNotYet
}

// ready wants holders in all networks of the pool.
func (s *sidecar) ready() error {
	deployment := deploymentIn(s.said())
	if deployment == "" {
		return errors.New("no deployment yet")
	}
	out, err := exec.Command("docker", "ps", "--format", "{{.Networks}}", "--filter", "label=whaley.deployment="+deployment+"/sandbox").Output()
	networks := map[string]bool{}
	for _, name := range strings.Fields(string(out)) {
		networks[name] = true
	}
	if got := len(networks); err == nil && got < s.pool {
		err = fmt.Errorf("%d of %d sandboxes are ready", got, s.pool)
	}
	return err
}

// counted is how many instances it has been asked for.
func (s *sidecar) counted() int { return strings.Count(s.said(), "msg=\"instance running\"") }

// close ends it; with nothing alive it takes its sandboxes and rules along.
func (s *sidecar) close() {
	_ = s.process.Process.Signal(syscall.SIGTERM)
	_ = s.process.Wait()
}
