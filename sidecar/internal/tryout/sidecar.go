package tryout

import (
	"bytes"
	"context"
	"crypto/rand"
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

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// sidecar is a whole Whaley of a test's own.
type sidecar struct {
	Options
	process  *exec.Cmd
	ended    chan struct{} // closed when the process is
	data     string
	log      string // a file
	api      string // host:port
	edge     string // of the web
	adminKey string
	instance string // that runs, or empty
	closers  []io.Closer
}

// start has it serve a copy of the challenge, at ports that nothing else has.
func start(ctx context.Context, o Options, dir, scratch string, ch *whaley.Challenge) (*sidecar, error) {
	challenges := filepath.Join(scratch, "challenges")
	if err := os.Mkdir(challenges, 0o755); err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	if err := challenge.CopyFolder(ctx, dir, filepath.Join(challenges, filepath.Base(dir))); err != nil {
		return nil, fmt.Errorf("copy %s: %w", o.Dir, err)
	}
	ports, err := freePorts(5)
	if err != nil {
		return nil, err
	}
	local := func(n int) string { return fmt.Sprintf("127.0.0.1:%d", ports[n]) }
	s := &sidecar{
		Options: o, ended: make(chan struct{}), data: filepath.Join(scratch, "data"), log: filepath.Join(scratch, "log"),
		edge: local(0), api: local(2), adminKey: rand.Text(),
	}
	lanes := min(ports[4], 65000)
	settings := map[string]string{
		"DATA_DIR": s.data, "CHALLENGES_DIR": challenges, "EDGE": "embedded", "EDGE_LISTEN": local(0),
		"EDGE_TLS_LISTEN": local(1),
		"LISTEN":          local(2), "INTERNAL_LISTEN": local(3), "BASE_DOMAIN": "instances.localhost",
		"DASHBOARD_URL": fmt.Sprintf("http://whaley.localhost:%d", ports[0]), "ADMIN_KEY": s.adminKey, "AUTH_MODE": "none",
		"SANDBOX_POOL": "0", "WAITING": "0", "USER_RATE_LIMIT": "0", "ADDRESS_RATE_LIMIT": "0", "ADMIN_RATE_LIMIT": "0", "LOG_FORMAT": "text",
		"FORENSICS_AUTO_CAPTURE": "true", "PORT_RANGE_START": fmt.Sprint(lanes), "PORT_RANGE_END": fmt.Sprint(lanes + 200),
	}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, fmt.Errorf("make a log: %w", err)
	}
	defer log.Close()
	s.process = exec.Command(o.Program, "serve")
	s.process.Stdout, s.process.Stderr = log, log
	// It ends when it is told to, not with the terminal's Ctrl-C: the instance has to be stopped first.
	s.process.SysProcAttr = groupThatEndsWithUs()
	for name, value := range o.Env {
		if _, ours := settings[name]; !ours {
			s.process.Env = append(s.process.Env, name+"="+value)
		}
	}
	for name, value := range settings {
		s.process.Env = append(s.process.Env, name+"="+value)
	}
	fmt.Fprintf(o.Out, "Testing %s …\n", ch.ID)
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Program, err)
	}
	go func() {
		_ = s.process.Wait() // its log says why
		close(s.ended)
	}()
	if err := s.until(ctx, func() (bool, error) {
		return s.call(ctx, http.MethodGet, "/config", nil, nil) == nil, nil // which it answers once it is active
	}); err != nil {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleaning)
		defer cancel()
		return nil, errors.Join(err, s.end(cleanup))
	}
	return s, nil
}

// until asks again and again, as long as the process lives.
func (s *sidecar) until(ctx context.Context, is func() (bool, error)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := is(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ended:
			text, _ := os.ReadFile(s.log) // nothing is as good as nothing
			return fmt.Errorf("whaley serve ended. Its last lines:\n%s", lastLines(string(text), 10))
		case <-tick.C:
		}
	}
}

func lastLines(text string, most int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-most):], "\n")
}

// call asks the API; body and into may be nil, and into a text.
func (s *sidecar) call(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.api+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("X-Admin-Key", s.adminKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err = io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		var problem struct{ Detail string }
		if json.Unmarshal(text, &problem) == nil && problem.Detail != "" {
			return errors.New(problem.Detail)
		}
		return fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	switch into := into.(type) {
	case nil:
		return nil
	case *string:
		*into = string(text)
		return nil
	}
	return json.Unmarshal(text, into)
}

// end stops what runs and takes everything away.
func (s *sidecar) end(ctx context.Context) error {
	for _, c := range s.closers {
		c.Close()
	}
	if s.instance != "" {
		if err := s.call(ctx, http.MethodDelete, "/instances/"+s.instance, nil, nil); err == nil {
			_ = s.until(ctx, func() (bool, error) { // what stays is swept below
				var in instance
				return s.call(ctx, http.MethodGet, "/instances/"+s.instance, nil, &in) != nil || in.State == "stopped" ||
						in.State == "failed",
					nil
			})
		}
	}
	_ = s.process.Process.Signal(syscall.SIGTERM) // ended already is as good
	select {
	case <-s.ended:
	case <-ctx.Done():
		_ = s.process.Process.Kill()
		<-s.ended
	}
	db, err := store.Open(ctx, "", s.data)
	if err != nil {
		return nil // it never got as far as the engine
	}
	deployment, err := db.Meta(ctx, "deployment", func() string { return "" })
	db.Close()
	if err != nil || deployment == "" {
		return err
	}
	return docker.Sweep(ctx, deployment)
}

// freePorts are ports of this machine that nothing listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
