package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/traefik"
)

// routes is how long it takes until a route that was just written is live in a real Traefik that has many already, and
// what a request costs there. With ROUTE_MODE=plugin there is nothing to wait for and no router more than without
// instances: that is the line of 0 routers.
func routes(ctx context.Context, dir string, rounds int, r *results) error {
	f, err := startBareTraefik(ctx, filepath.Join(dir, "routes"))
	if err != nil {
		return err
	}
	defer f.end() //nolint:errcheck // nothing is left behind
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "here") }))
	defer backend.Close()
	to := strings.TrimPrefix(backend.URL, "http://")
	published := 0
	var first time.Duration
	for _, count := range []int{0, 10, 300, 1000, 3000} {
		var more []instancer.Publication
		for ; published < count; published++ {
			more = append(more, route(fmt.Sprint("standing-", published), to))
		}
		if len(more) > 0 {
			for part := range slices.Chunk(more, 500) {
				if err := f.router.Publish(ctx, "", part); err != nil {
					return err
				}
			}
			if _, err := f.live(ctx, more[len(more)-1].Host); err != nil {
				return err
			}
		}
		progress("%d routers", count)
		var took, asked []time.Duration
		for n := range max(5, rounds/2) {
			p := route(fmt.Sprintf("new-%d-%d", count, n), to)
			began := time.Now()
			if err := f.router.Publish(ctx, p.Instance, []instancer.Publication{p}); err != nil {
				return err
			}
			if _, err := f.live(ctx, p.Host); err != nil {
				return err
			}
			took = append(took, time.Since(began))
			for range 100 {
				one, err := f.live(ctx, p.Host)
				if err != nil {
					return err
				}
				asked = append(asked, one)
			}
			if err := f.router.Retract(ctx, p.Instance, []instancer.Publication{p}); err != nil {
				return err
			}
		}
		if count == 0 {
			first = percentile(asked, 50)
		} else {
			r.ratio(fmt.Sprintf("routes_%d_request_p50_over_none", count), float64(percentile(asked, 50))/float64(first))
		}
		r.milliseconds(fmt.Sprintf("routes_%d_live_p50_ms", count), percentile(took, 50))
		r.milliseconds(fmt.Sprintf("routes_%d_live_p95_ms", count), percentile(took, 95))
		r.milliseconds(fmt.Sprintf("routes_%d_request_p50_ms", count), percentile(asked, 50))
	}
	return nil
}

func route(name, backend string) instancer.Publication {
	return instancer.Publication{Instance: name, Name: name, Host: name + ".instances.localhost", Type: instancer.RouteHTTP, Access: instancer.AccessLink, Backend: backend}
}

// bareTraefik is a Traefik with its Redis and without a sidecar, which would take back routes that it knows nothing of.
type bareTraefik struct {
	router  *traefik.Router
	client  http.Client
	started []*exec.Cmd
}

func startBareTraefik(ctx context.Context, dir string) (*bareTraefik, error) {
	if err := os.MkdirAll(filepath.Join(dir, "redis"), 0o700); err != nil {
		return nil, err
	}
	var ports []string
	for range 6 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
		l.Close()
	}
	f := &bareTraefik{client: http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+ports[0])
	}}}}
	started := func(command *exec.Cmd) error {
		command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		f.started = append(f.started, command)
		return command.Start()
	}
	err := started(exec.Command("redis-server", "../traefik/redis.conf", "--port", ports[3], "--bind", "127.0.0.1", "--dir", filepath.Join(dir, "redis"),
		"--user", "default", "on", "nopass", "~*", "&*", "+@all", "-config"))
	if err != nil {
		return nil, err
	}
	derive := exec.CommandContext(ctx, "../scripts/traefik-config", ports[0], ports[1], ports[2], "127.0.0.1:"+ports[3], dir)
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
	server.Env = append(os.Environ(), "BASE_DOMAIN=elsewhere.localhost", "DASHBOARD_HOST=whaley.localhost", "DASHBOARD_URL=http://whaley.localhost",
		"PLUGIN_KEY=bench", "WHALEY_PUBLIC_URL=http://127.0.0.1:1", "WHALEY_INTERNAL_URL=http://127.0.0.1:1")
	log, err := os.Create(filepath.Join(dir, "traefik.log"))
	if err != nil {
		return nil, errors.Join(err, f.end())
	}
	defer log.Close()
	server.Stdout, server.Stderr = log, log
	if err := started(server); err != nil {
		return nil, errors.Join(err, f.end())
	}
	f.router, err = traefik.New("redis://127.0.0.1:"+ports[3]+"/0", traefik.Options{HTTP: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, errors.Join(err, f.end())
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := f.router.Sync(ctx, func(context.Context) ([]instancer.Publication, error) { return nil, nil })
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(err, f.end())
		}
	}
	return f, nil
}

// live asks a host until it answers, and says how long the last request took.
func (f *bareTraefik) live(ctx context.Context, host string) (time.Duration, error) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(2 * time.Millisecond) {
		began := time.Now()
		answer, err := f.client.Get("http://" + host + "/")
		if err != nil {
			continue // it is starting
		}
		_, err = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if err == nil && answer.StatusCode == http.StatusOK {
			return time.Since(began), nil
		}
	}
	return 0, errors.Join(fmt.Errorf("%s is not live", host), ctx.Err())
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
