package system

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

// stack is one running Whaley: a sidecar and the edge in front of it.
type stack struct {
	t         *testing.T
	edge      string   // embedded or traefik
	web       string   // host:port of the edge for HTTP
	tls       string   // host:port of the edge for TLS
	public    string   // host:port of the sidecar's public API
	internal  string   // and of its internal one
	peers     []string // the same of further sidecars behind the same edge
	standbys  []string // URLs of their public APIs
	metrics   string   // host:port of Traefik's metrics
	api       string   // host:port of Traefik's own API
	ssh       string   // host:port of Traefik's entry point for custom routes
	dashboard string   // URL
	env       []string
	log       *testkit.Log
	process   *exec.Cmd
	traefik   *os.Process // nil with the embedded edge
	redis     *redisHandle
	binary    string            // other than the one under test that all have
	secure    bool              // the edge for the web is TLS
	tokens    map[string]string // of CTFd, of each player; nil: they are their addresses
}

const base = "instances.localhost"

// subnets gives every stack its own part of the pool, so that their networks never meet.
var subnets = struct {
	sync.Mutex
	next int
}{next: 0}

func nextPool() string {
	subnets.Lock()
	defer subnets.Unlock()
	n := subnets.next
	subnets.next++
	if n == 2*64 {
		panic("there are pools for 128 stacks")
	}
	return fmt.Sprintf("10.%d.%d.0/22", 130+2*(os.Getpid()%27)+n/64, 4*(n%64)) // another run on this machine has others
}

// start runs a sidecar with the given challenges folder and settings behind an edge, and takes everything down at the
// end of the test.
func start(t *testing.T, edge, challenges string, settings ...string) *stack {
	t.Helper()
	return startOn(t, "127.0.0.1", edge, challenges, settings...)
}

// startOn lets the public API and the edge listen on an address of choice.
func startOn(t *testing.T, listen, edge, challenges string, settings ...string) *stack {
	t.Helper()
	return startStack(t, &stack{}, listen, edge, challenges, settings...)
}

// startStack starts what is described by s as far as that was made already.
func startStack(t *testing.T, s *stack, listen, edge, challenges string, settings ...string) *stack {
	t.Helper()
	s.t, s.edge, s.log = t, edge, &testkit.Log{}
	s.web, s.tls, s.public = testkit.FreeAddress(t), testkit.FreeAddress(t), testkit.FreeAddress(t)
	s.internal = testkit.FreeAddress(t)
	_, port, _ := net.SplitHostPort(s.web)
	s.dashboard = "http://whaley.localhost:" + port
	if s.secure {
		s.dashboard = "https://whaley.localhost:" + port
	}
	data := t.TempDir()
	s.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"DATA_DIR=" + data, "CHALLENGES_DIR=" + challenges, "EDGE=" + edge,
		"LISTEN=" + net.JoinHostPort(listen, portOnly(t, s.public)), "INTERNAL_LISTEN=" + s.internal,
		"EDGE_LISTEN=" + net.JoinHostPort(listen, portOnly(t, s.web)), "EDGE_TLS_LISTEN=" + s.tls,
		"BASE_DOMAIN=" + base, "DASHBOARD_URL=" + s.dashboard, "SUBNET_POOL=" + nextPool(),
		"PLUGIN_KEY=" + strings.Repeat("k", 40), "LOG_LEVEL=debug", "SANDBOX_POOL=0", "WAITING=0", "MAX_INSTANCES_PER_USER=20",
		"USER_RATE_LIMIT=0", "ADDRESS_RATE_LIMIT=0",
		fmt.Sprintf("PORT_RANGE_START=%d", portRange(t)), fmt.Sprintf("PORT_RANGE_END=%d", portRange(t)+200),
	}, settings...)
	if edge == "traefik" {
		s.env = append(s.env, "WAKE_LISTEN="+testkit.FreeAddress(t))
		s.startTraefik(strings.Join(append([]string{s.internal}, s.peers...), ",http://"))
	}
	s.serve()
	t.Cleanup(s.remember())
	t.Cleanup(func() {
		s.t = t // not a subtest of it, which is over
		s.stopAll()
		if t.Failed() {
			t.Logf("sidecar's log:\n%s", s.log.Tail(200))
		}
	})
	return s
}

// serve starts the sidecar and waits until it is ready.
func (s *stack) serve() {
	s.t.Helper()
	s.launch()
	s.eventually("the sidecar is ready", 60*time.Second, func() error {
		resp, err := http.Get("http://" + s.public + "/health/ready")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			body, _ := io.ReadAll(resp.Body)
			return fmt.Errorf("%s: %s", resp.Status, body)
		}
		return nil
	})
}

// launch starts the sidecar and waits for nothing.
func (s *stack) launch() {
	s.t.Helper()
	s.process = exec.Command(cmp.Or(s.binary, binary), "serve")
	s.process.Env = s.env
	s.process.Stdout, s.process.Stderr = s.log, s.log
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// kill ends the sidecar as a power cut would.
func (s *stack) kill() {
	s.process.Process.Kill()
	s.process.Wait()
}

// terminate ends the sidecar as an organiser would.
func (s *stack) terminate() error {
	s.process.Process.Signal(syscall.SIGTERM)
	return s.process.Wait()
}

// stopAll stops every instance through the API, then the sidecar.
func (s *stack) stopAll() {
	s.eventually("all instances are told to stop", 60*time.Second, func() (err error) {
		for _, owner := range owners {
			var list instances
			if s.tryCall(owner, "GET", "/instances", "", &list) != nil {
				continue // it is nobody there; what is left of others is seen below
			}
			for _, in := range list.Instances {
				if in.State != "failed" && in.State != "stopping" && in.State != "stopped" {
					err = errors.Join(err, s.tryCall(owner, "DELETE", "/instances/"+in.ID, "", nil))
				}
			}
		}
		return err
	})
	s.awaitNothingLeft()
	s.terminate()
}

// awaitNothingLeft waits until no owner has an instance any more.
func (s *stack) awaitNothingLeft() {
	s.eventually("all instances are stopped", 60*time.Second, func() error {
		for _, owner := range owners {
			var list instances
			if err := s.tryCall(owner, "GET", "/instances", "", &list); err != nil {
				return err
			}
			for _, in := range list.Instances {
				if in.State != "failed" {
					return fmt.Errorf("%s is %s", in.ID, in.State)
				}
			}
		}
		return nil
	})
}

// The players of these tests are addresses of this machine.
const (
	alice   = "127.0.0.1"
	bob     = "127.0.0.2"
	mallory = "127.0.0.3"
)

var owners = []string{alice, bob, mallory}

// client speaks from a player's address to the edge, whatever the host name; it follows no redirects.
func (s *stack) client(player string) *http.Client { return clientTo(player, s.web) }

func clientTo(player, address string) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // self-signed
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(player)}}
				return d.DialContext(ctx, network, address)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       90 * time.Second,
	}
}

// answer is a response that was read to its end.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// do sends a request from a player to a URL through the edge.
func (s *stack) do(player, method, target string, body io.Reader, header ...string) answer {
	s.t.Helper()
	got, err := s.try(player, method, target, body, header...)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	return got
}

// try sends a request.
func (s *stack) try(player, method, target string, body io.Reader, header ...string) (answer, error) {
	r, err := http.NewRequest(method, target, body)
	if err != nil {
		return answer{}, err
	}
	if token := s.tokens[player]; token != "" && strings.HasPrefix(target, s.dashboard) {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	resp, err := s.client(player).Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

// call uses the public API through the dashboard's host.
func (s *stack) call(player, method, path, body string, into any) {
	s.t.Helper()
	if err := s.tryCall(player, method, path, body, into); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) tryCall(player, method, path, body string, into any) error {
	got, err := s.try(player, method, s.dashboard+path, strings.NewReader(body), "Content-Type", "application/json")
	if err != nil {
		return err
	}
	if got.Status >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, got.Status, got.Body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal([]byte(got.Body), into)
}

type instances struct{ Instances []instance }

type instance struct {
	ID        string    `json:"id"`
	Challenge string    `json:"challenge_id"`
	State     string    `json:"state"`
	Routes    []route   `json:"routes"`
	ExpiresAt time.Time `json:"expires_at"`
	Version   int64     `json:"version"`
	Problem   *problem  `json:"problem"`

	EstimateMS int64 `json:"estimate_ms"`
}

type route struct {
	Name, Type, Host, URL, Hint string
	Port                        int
}

type problem struct {
	Status     int    `json:"status"`
	Code       string `json:"code"`
	Detail     string `json:"detail"`
	RetryAfter int    `json:"retry_after"`
}

func (a answer) problem(t *testing.T) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal([]byte(a.Body), &p); err != nil {
		t.Fatalf("not a problem: %d %q", a.Status, a.Body)
	}
	return p
}

// address is the URL of a player's copy of a challenge, known before it ever ran.
func (s *stack) address(player, challenge string) string {
	s.t.Helper()
	return s.route(player, challenge, "").URL
}

func (s *stack) route(player, challenge, name string) route {
	s.t.Helper()
	var list struct {
		Challenges []struct {
			ID     string
			Routes []route
		}
	}
	s.call(player, "GET", "/challenges", "", &list)
	for _, ch := range list.Challenges {
		if ch.ID != challenge {
			continue
		}
		for _, r := range ch.Routes {
			if r.Name == name {
				return r
			}
		}
	}
	s.t.Fatalf("challenge %s has no route %q in %+v", challenge, name, list)
	return route{}
}

// live is a player's live instance of a challenge.
func (s *stack) live(player, challenge string) *instance {
	s.t.Helper()
	var list instances
	s.call(player, "GET", "/instances", "", &list)
	for _, in := range list.Instances {
		if in.Challenge == challenge {
			return &in
		}
	}
	return nil
}

// running spawns a challenge for a player and waits until it runs.
func (s *stack) running(player, challenge string) *instance {
	s.t.Helper()
	var in instance
	s.call(player, "POST", "/instances/spawn?wait=60", fmt.Sprintf(`{"challenge_id":%q}`, challenge), &in)
	if in.State != "running" {
		s.t.Fatalf("%s is %s after the wait: %+v", challenge, in.State, in.Problem)
	}
	return &in
}

func (s *stack) eventually(what string, within time.Duration, try func() error) {
	s.t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("not within %s: %s: %v\nsidecar's log:\n%s", within, what, err, s.log.Tail(60))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// portRange is the first of 200 host ports for one test, below those that connections to the outside are given. Tests
// that run at once have different ones.
func portRange(t *testing.T) int {
	ports.Lock()
	defer ports.Unlock()
	first, ok := ports.of[t.Name()]
	if !ok {
		first = 10000 + 200*((len(ports.of)+os.Getpid())%100) // another run on this machine begins elsewhere
		ports.of[t.Name()] = first
	}
	return first
}

var ports = struct {
	sync.Mutex
	of map[string]int // by test
}{of: map[string]int{}}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Hostname()
}

// containers lists the ids of an instance's containers on the engine.
func containers(t *testing.T, instance string) []string {
	t.Helper()
	out, err := exec.Command("docker", "ps", "-aq", "--no-trunc", "--filter", "label=whaley.instance="+instance).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}
