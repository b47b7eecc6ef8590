package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rig"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/traefik"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// bareTraefik is a Traefik with its Redis and without a sidecar, which would take back routes that it knows nothing of.
// Its plugin asks whatever internal API it is given.
type bareTraefik struct {
	router  *traefik.Router
	client  http.Client
	started []*exec.Cmd
}

func startBareTraefik(ctx context.Context, dir, internal string) (*bareTraefik, error) {
	if err := os.MkdirAll(filepath.Join(dir, "redis"), 0o700); err != nil {
		return nil, err
	}
	ports, err := rig.FreePorts(6)
	if err != nil {
		return nil, err
	}
	f := &bareTraefik{client: http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+ports[0])
		}},
	}}
	started := func(command *exec.Cmd) error {
		command.SysProcAttr = testkit.EndsWithParent()
		f.started = append(f.started, command)
		return command.Start()
	}
	err = started(exec.Command(
		"redis-server", "../traefik/redis.conf", "--port", ports[3], "--bind", "127.0.0.1", "--dir",
		filepath.Join(dir, "redis"), "--user", "default", "on", "nopass", "~*", "&*", "+@all", "-config",
	))
	if err != nil {
		return nil, err
	}
	derive := exec.CommandContext(
		ctx, "../scripts/traefik-config", ports[0], ports[1], ports[2], "127.0.0.1:"+ports[3], dir,
	)
	derive.Env = append(os.Environ(), "METRICS_PORT="+ports[4], "SSH_PORT="+ports[5], "WEB_ADDRESS=")
	config, err := derive.Output()
	if err != nil {
		return nil, errors.Join(err, f.end())
	}
	binary, err := exec.CommandContext(ctx, "../scripts/traefik-build").Output()
	if err != nil {
		return nil, errors.Join(err, f.end())
	}
	server := exec.Command(strings.TrimSpace(string(binary)), "--configFile="+strings.TrimSpace(string(config)))
	server.Dir = dir
	server.Env = append(
		os.Environ(), "BASE_DOMAIN="+pluginDomain, "DASHBOARD_HOST=whaley.localhost", "DASHBOARD_URL=http://whaley.localhost",
		"PLUGIN_KEY="+pluginKey, "WHALEY_PUBLIC_URL=http://127.0.0.1:1", "WHALEY_INTERNAL_URL="+internal,
	)
	log, err := os.Create(filepath.Join(dir, "traefik.log"))
	if err != nil {
		return nil, errors.Join(err, f.end())
	}
	defer log.Close()
	server.Stdout, server.Stderr = log, log
	if err := started(server); err != nil {
		return nil, errors.Join(err, f.end())
	}
	f.router, err = traefik.New(
		"redis://127.0.0.1:"+ports[3]+"/0", traefik.Options{HTTP: true}, slog.New(slog.DiscardHandler),
	)
	if err != nil {
		return nil, errors.Join(err, f.end())
	}
	const every = 50 * time.Millisecond
	err = rig.Poll(ctx, 30*time.Second, every, every, func() error {
		return f.router.Sync(ctx, func(context.Context) ([]whaley.Publication, error) { return nil, nil })
	})
	if err != nil {
		return nil, errors.Join(err, f.end())
	}
	return f, nil
}

// live asks a host until it answers, and says how long the last request took.
func (f *bareTraefik) live(ctx context.Context, host string) (took time.Duration, err error) {
	const every = 2 * time.Millisecond
	err = rig.Poll(ctx, time.Minute, every, every, func() error {
		began := time.Now()
		answer, err := f.client.Get("http://" + host + "/")
		if err != nil {
			return err // it is starting
		}
		_, err = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if err == nil && answer.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", host, answer.Status)
		}
		took = time.Since(began)
		return err
	})
	return took, err
}

func (f *bareTraefik) end() error {
	var all []error
	if f.router != nil {
		all = append(all, f.router.Close())
	}
	f.client.CloseIdleConnections()
	for _, command := range slices.Backward(f.started) {
		if command.Process != nil {
			all = append(all, command.Process.Signal(syscall.SIGTERM))
			_ = command.Wait() // it was told to end
		}
	}
	return errors.Join(all...)
}
