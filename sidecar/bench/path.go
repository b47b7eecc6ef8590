package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	clients  = 16                     // connections of a load
	loadTime = 500 * time.Millisecond // of one contender in one round: short turns, so that a disturbance meets all alike
)

// routed is one way of a request to a container that runs.
type routed struct {
	name, host, address string
	pid                 int   // of the edge's process
	rounds              []int // how many were answered in each
	slow                []time.Duration
	used                time.Duration // the processor's time by the edge
}

// path is what a request costs once the instance runs: through a router that knows nothing of Whaley, as an instance of
// access link and of access owner, through forwardAuth with the cheapest of checks, and through the embedded edge.
func path(ctx context.Context, dir string, rounds int, r *results) error {
	return byAllWays(ctx, dir, func(ways []*routed) error { return short(ctx, ways, rounds, r) })
}

// whole is what goes through each way besides short requests: a websocket's echo, message by message, and a download.
func whole(ctx context.Context, dir string, rounds int, r *results) error {
	return byAllWays(ctx, dir, func(ways []*routed) error {
		return errors.Join(echoes(ctx, ways, rounds, r), downloads(ctx, ways, rounds, r))
	})
}

// byAllWays opens all ways to containers that run, for as long as they are used.
func byAllWays(ctx context.Context, dir string, use func([]*routed) error) error {
	owner := filepath.Join(dir, "challenges/owner")
	if err := os.CopyFS(owner, os.DirFS(filepath.Join(dir, "challenges/bench"))); err != nil {
		return err
	}
	text := "name = \"Owner\"\naccess = \"owner\"\n[[routes]]\nservice = \"web\"\nport = 8080\ntype = \"http\"\n"
	if err := os.WriteFile(filepath.Join(owner, "instance.toml"), []byte(text), 0o644); err != nil {
		return err
	}
	defer os.RemoveAll(owner)
	s, end, err := startTraefik(ctx, dir, 0, 3)
	if err != nil {
		return err
	}
	defer end()
	embedded, err := startSidecar(ctx, dir, 1, 0)
	if err != nil {
		return err
	}
	defer embedded.close()
	for _, front := range []*sidecar{s, embedded} {
		for _, challenge := range []string{"bench", "owner"} {
			if err := front.Get(front.URLs[challenge], "127.0.0.1"); err != nil {
				return err
			}
		}
		// the next run does it else
		defer front.Until(ctx, "it is stopped", func() error { return front.Stop("127.0.0.1") }) //nolint:errcheck
	}
	if err := s.plainRouters(); err != nil {
		return err
	}
	if err := s.Until(ctx, "Traefik has the plain routers", func() error {
		return errors.Join(s.Get("http://plain.bench/", "127.0.0.1"), s.Get("http://forward.bench/", "127.0.0.1"))
	}); err != nil {
		return err
	}
	traefik, err := s.TraefikPid()
	if err != nil {
		return err
	}
	itself, err := embedded.Pid()
	if err != nil {
		return err
	}
	return use([]*routed{
		{name: "plain", host: "plain.bench", address: s.Edge, pid: traefik},
		{name: "link", host: hostOf(s.URLs["bench"]), address: s.Edge, pid: traefik},
		{name: "owner", host: hostOf(s.URLs["owner"]), address: s.Edge, pid: traefik},
		{name: "forwardauth", host: "forward.bench", address: s.Edge, pid: traefik},
		{name: "embedded", host: hostOf(embedded.URLs["bench"]), address: embedded.Edge, pid: itself},
	})
}

// short are requests with short answers.
func short(ctx context.Context, ways []*routed, rounds int, r *results) error {
	for round := range rounds + 2 {
		for n := range ways {
			if err := ways[(n+round)%len(ways)].load(ctx); err != nil {
				return err
			}
		}
		if round == 1 { // caches and connections are warm
			for _, w := range ways {
				w.rounds, w.slow, w.used = nil, nil, 0
			}
		}
	}
	for _, w := range ways[1:] {
		r.ratio("path_"+w.name+"_over_plain", w.over(ways[0]))
		r.ratio("path_"+w.name+"_processor_over_plain", float64(w.each())/float64(ways[0].each()))
	}
	r.ratio("path_owner_over_forwardauth", ways[2].over(ways[3]))
	for _, w := range ways {
		r.value("path_"+w.name+"_per_s", int(float64(median(w.rounds))/loadTime.Seconds()))
		r.value("path_"+w.name+"_p99_ms", float64(percentile(w.slow, 99).Microseconds())/1000)
		r.value("path_"+w.name+"_processor_us", float64(w.each().Nanoseconds())/1000)
	}
	r.value("path_n", rounds)
	return nil
}

// over is how many times as many it answered as another way, of the median round.
func (w *routed) over(other *routed) float64 {
	var all []float64
	for n := range w.rounds {
		all = append(all, float64(w.rounds[n])/float64(other.rounds[n]))
	}
	return median(all)
}

// each is the processor's time that the edge uses for one request. Unlike how many are answered it tells two ways apart
// on a machine that does other things as well.
func (w *routed) each() time.Duration {
	count := 0
	for _, n := range w.rounds {
		count += n
	}
	return w.used / time.Duration(max(count, 1))
}

func hostOf(url string) string { return strings.TrimPrefix(url, "http://") }

// load sends requests over connections that stay, for loadTime.
func (w *routed) load(ctx context.Context) error {
	before, _, err := usage(w.pid)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
	transport := &http.Transport{
		MaxIdleConnsPerHost: clients, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, w.address)
		},
	}
	defer transport.CloseIdleConnections()
	var mu sync.Mutex
	var failed error
	count := 0
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				err := w.once(ctx, transport)
				mu.Lock()
				if ctx.Err() == nil {
					count++
					w.slow = append(w.slow, time.Since(began))
					failed = errors.Join(failed, err)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	after, _, err := usage(w.pid)
	w.rounds = append(w.rounds, count)
	w.used += after - before
	return errors.Join(failed, err)
}

func (w *routed) once(ctx context.Context, transport http.RoundTripper) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.host+"/", nil)
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", w.name, answer.Status)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// plainRouters gives Traefik a router to the running instance that knows nothing of Whaley, and one that asks the
// sidecar for leave before each request.
func (s *sidecar) plainRouters() error {
	var list struct {
		Instances []struct {
			ID        string
			Challenge string `json:"challenge_id"`
		}
	}
	if err := s.Call("127.0.0.1", "GET", "/instances", &list); err != nil {
		return err
	}
	for _, in := range list.Instances {
		if in.Challenge != "bench" {
			continue
		}
		address, err := exec.Command(
			"docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", in.ID+"-web",
		).Output()
		if err != nil {
			return err
		}
		text := fmt.Sprintf(`http:
  routers:
    plain: { rule: 'Host(%[1]splain.bench%[1]s)', priority: 1000, entryPoints: [web], service: bench }
    forward: { rule: 'Host(%[1]sforward.bench%[1]s)', priority: 1000, entryPoints: [web], middlewares: [ask], service: bench }
  middlewares:
    ask: { forwardAuth: { address: 'http://%[2]s/me', trustForwardHeader: true } }
  services:
    bench: { loadBalancer: { servers: [{ url: 'http://%[3]s:8080' }] } }
`, "`", s.Public, strings.TrimSpace(string(address)))
		return os.WriteFile(filepath.Join(s.Data, "traefik/dynamic/bench.yml"), []byte(text), 0o644)
	}
	return errors.New("the challenge bench does not run")
}
