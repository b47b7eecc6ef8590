package check

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd/ctfdtest"
	"github.com/whaley-ctf/whaley/sidecar/internal/datadir"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
	"golang.org/x/sys/unix"
)

// told is what probes say, and how many faults they find. Each of the texts must be in it.
func told(t *testing.T, faults int, probe func(r *report), texts ...string) {
	t.Helper()
	var out strings.Builder
	r := &report{out: &out}
	probe(r)
	if r.wrong != faults {
		t.Errorf("%d faults instead of %d:\n%s", r.wrong, faults, out.String())
	}
	for _, text := range texts {
		if !strings.Contains(out.String(), text) {
			t.Errorf("%q is not in\n%s", text, out.String())
		}
	}
	if faults == 0 && len(texts) == 0 && strings.Contains(out.String(), "note:") {
		t.Errorf("a note where nothing is to be said:\n%s", out.String())
	}
}

func settings(t *testing.T, env map[string]string) *config.Config {
	t.Helper()
	c, err := config.Load(env)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// challenges writes challenges of one service each, name → text of instance.toml and compose.yaml, and loads them.
func challenges(t *testing.T, env map[string]string, all map[string][2]string) (*config.Config, *challenge.Library) {
	t.Helper()
	dir := t.TempDir()
	for name, texts := range all {
		folder := filepath.Join(dir, name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		for n, file := range []string{"instance.toml", "compose.yaml"} {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(texts[n]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if env == nil {
		env = map[string]string{}
	}
	env["CHALLENGES_DIR"] = dir
	c := settings(t, env)
	library := challenge.NewLibrary(dir, app.ChallengeDefaults(c))
	if problems, err := library.Reload(context.Background()); err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	return c, library
}

const (
	webRoute  = "[[routes]]\nservice = \"web\"\nport = 80\n"
	webOnly   = "services:\n  web:\n    image: busybox:1.36\n"
	webWithIt = webOnly + "    environment: [\"SAYS=FLAG{own_it}\"]\n"
)

// serveTLS answers on a port of this machine with a certificate for localhost that ends at a time.
func serveTLS(t *testing.T, ends time.Time) (port string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: ends, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust it
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err = net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(cert)
	return port, roots
}

func TestCheckLooksAtTheCertificate(t *testing.T) {
	good, goodRoots := serveTLS(t, time.Now().Add(90*24*time.Hour))
	ending, endingRoots := serveTLS(t, time.Now().Add(24*time.Hour))
	over, overRoots := serveTLS(t, time.Now().Add(-time.Minute))
	_, nobody, _ := net.SplitHostPort(testkit.FreeAddress(t))
	for what, c := range map[string]struct {
		port   string
		roots  *x509.CertPool
		faults int
		says   []string
	}{
		"good":           {good, goodRoots, 0, nil},
		"not trusted":    {good, endingRoots, 1, []string{"is not good", "*.ctf.example"}},
		"ends tomorrow":  {ending, endingRoots, 1, []string{"ends on", "Renew"}},
		"over":           {over, overRoots, 1, []string{"is not good"}},
		"nothing answer": {nobody, nil, 0, []string{"nothing answers with TLS"}},
	} {
		settings := &config.Config{
			BaseDomain: "ctf.example", Dashboard: &url.URL{Scheme: "https", Host: "whaley.example:" + c.port},
		}
		t.Run(what, func(t *testing.T) {
			told(t, c.faults, func(r *report) { checkCertificate(t.Context(), "localhost", settings, c.roots, r) }, c.says...)
		})
	}
}

func TestCheckLooksAtRedis(t *testing.T) {
	for what, c := range map[string]struct {
		config string
		faults int
		says   string
	}{
		"may be configured":  {"user whaley on nopass ~* &* +@all\n", 0, "-config in its ACL"},
		"as it should be":    {"maxmemory 64mb\nmaxmemory-policy noeviction\n", 0, "redis       ok"},
		"throws keys away":   {"maxmemory 64mb\nmaxmemory-policy allkeys-lru\n", 1, "noeviction"},
		"tells of every key": {"notify-keyspace-events KEA\n", 1, `notify-keyspace-events ""`},
	} {
		t.Run(what, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "redis.conf")
			if !strings.Contains(c.config, "user ") {
				c.config += "user whaley on nopass ~* &* +@all -config\n"
			}
			if err := os.WriteFile(file, []byte(c.config), 0o600); err != nil {
				t.Fatal(err)
			}
			env := map[string]string{
				"EDGE": "traefik", "PLUGIN_KEY": "Kq7bW2xZp9LmRt4vYc6N",
				"TRAEFIK_REDIS_URL": "redis://whaley:x@" + testkit.StartRedis(t, file).Addr() + "/0",
			}
			told(t, c.faults, func(r *report) { checkRedis(t.Context(), settings(t, env), r) }, c.says)
		})
	}
	t.Run("is not there", func(t *testing.T) {
		env := map[string]string{
			"EDGE": "traefik", "PLUGIN_KEY": "Kq7bW2xZp9LmRt4vYc6N",
			"TRAEFIK_REDIS_URL": "redis://:hunter2@" + testkit.FreeAddress(t) + "/0",
		}
		told(t, 1, func(r *report) { checkRedis(t.Context(), settings(t, env), r) }, "TRAEFIK_REDIS_URL must name")
	})
}

func TestCheckLooksAtClocks(t *testing.T) {
	told(t, 0, func(r *report) { checkClock(func() bool { return false }, r) }, "chrony")
	told(t, 0, func(r *report) { checkClock(func() bool { return true }, r) })
	told(t, 0, func(r *report) { checkSkew("the database's", maxSkew, r) })
	told(
		t, 1, func(r *report) { checkSkew("the database's", -time.Minute, r) }, "the database's clock is -1m0s off ours",
		"chrony",
	)

	scoreboard := ctfdtest.New(t)
	admin := scoreboard.AddUser(ctfdtest.User{Name: "whaley", Type: "admin"})
	target, err := url.Parse(scoreboard.URL)
	if err != nil {
		t.Fatal(err)
	}
	fast := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
			return nil
		},
	}
	server := httptest.NewServer(fast)
	defer server.Close()
	env := map[string]string{"AUTH_MODE": "ctfd", "CTFD_URL": server.URL, "CTFD_API_KEY": scoreboard.Token(admin)}
	told(t, 1, func(r *report) { checkCTFd(t.Context(), settings(t, env), known{}, r) }, "CTFd's clock is")
}

func TestCheckLooksAtTheModeOfTeams(t *testing.T) {
	scoreboard := ctfdtest.New(t)
	admin := scoreboard.AddUser(ctfdtest.User{Name: "whaley", Type: "admin"})
	env := map[string]string{"AUTH_MODE": "ctfd", "CTFD_URL": scoreboard.URL, "CTFD_API_KEY": scoreboard.Token(admin)}
	fine := []string{"teams       ok"}
	for _, c := range []struct {
		setting, mode string
		faults        int
		says          []string
	}{
		{"auto", "teams", 0, fine}, {"auto", "users", 0, fine}, {"enabled", "teams", 0, fine}, {"disabled", "users", 0, fine},
		{"enabled", "users", 1, []string{"each of them would be refused", "TEAM_MODE=auto"}},
		{"disabled", "teams", 0, []string{"each member has instances"}},
	} {
		env["TEAM_MODE"] = c.setting
		scoreboard.SetMode(c.mode)
		told(t, c.faults, func(r *report) { checkCTFd(t.Context(), settings(t, env), known{}, r) }, c.says...)
	}
}

func TestCheckSaysWhatIsWrongWithTheWayToCTFd(t *testing.T) {
	scoreboard := ctfdtest.New(t)
	player := scoreboard.Token(scoreboard.AddUser(ctfdtest.User{Name: "player"}))
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusMovedPermanently) }
	}
	for name, c := range map[string]struct {
		path, key string
		answer    http.HandlerFunc
		says      []string
	}{
		"not set up": {"", scoreboard.Admin, redirect("/setup"), []string{"/setup", "not set up yet"}},
		"https": {
			"", scoreboard.Admin, redirect("https://ctf.example/api/v1/users/me"),
			[]string{"https://ctf.example", "write CTFD_URL with https://"},
		},
		"elsewhere": {
			"", scoreboard.Admin, redirect("http://other.example/"),
			[]string{"http://other.example/", "Write into CTFD_URL where that leads"},
		},
		"too long":        {"/api/v1", scoreboard.Admin, nil, []string{"without /login or /api/v1"}},
		"a key of nobody": {"", "ctfd_unknown", nil, []string{"access token is invalid", "CTFD_API_KEY must be"}},
		"a player's key":  {"", player, nil, []string{"CTFD_API_KEY"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.answer != nil {
				scoreboard.Answer(c.answer)
				defer scoreboard.Recover()
			}
			env := map[string]string{"AUTH_MODE": "ctfd", "CTFD_URL": scoreboard.URL + c.path, "CTFD_API_KEY": c.key}
			told(t, 1, func(r *report) { checkCTFd(t.Context(), settings(t, env), known{}, r) }, c.says...)
			told(t, 1, func(r *report) {
				checkCTFd(t.Context(), settings(t, env), known{}, r)
				if text := fmt.Sprint(r.out); strings.Contains(text, "ell an organiser") {
					t.Errorf("organisers are sent to themselves:\n%s", text)
				}
			})
		})
	}
}

func TestCheckLooksAtWhatIsInCTFd(t *testing.T) {
	scoreboard := ctfdtest.New(t)
	admin := scoreboard.AddUser(ctfdtest.User{Name: "whaley", Type: "admin"})
	id := scoreboard.AddChallenge(ctfdtest.Challenge{Name: "Notes", ConnectionInfo: "nc old 1"})
	env := map[string]string{"AUTH_MODE": "ctfd", "CTFD_URL": scoreboard.URL, "CTFD_API_KEY": scoreboard.Token(admin)}
	k := known{mapped: []*whaley.Mapping{{Challenge: "notes", CTFdChallenge: id, CTFdName: "Notes"}}}
	look := func(r *report) { checkCTFd(t.Context(), settings(t, env), k, r) }
	told(
		t, 0, look, "mappings    ok", "players copy an access token",
		"something else than the link to the player's own instance for notes",
	)
	scoreboard.ChangeChallenge(id, func(c *ctfdtest.Challenge) { c.Name = "Bonus" })
	told(t, 1, look, `which was "Notes" and is "Bonus" now`, "mapped again")
	scoreboard.RemoveChallenge(id)
	told(t, 1, look, `"Notes", which is gone`)
	k.written = `{"page":9,"content":"x"}`
	told(t, 2, look, "deleted in CTFd", "Connect CTFd again")
}

func TestCheckTellsOfFlagsThatCTFdLost(t *testing.T) {
	scoreboard := ctfdtest.New(t)
	admin := scoreboard.AddUser(ctfdtest.User{Name: "whaley", Type: "admin"})
	id := scoreboard.AddChallenge(ctfdtest.Challenge{Name: "Notes"})
	env := map[string]string{"AUTH_MODE": "ctfd", "CTFD_URL": scoreboard.URL, "CTFD_API_KEY": scoreboard.Token(admin)}
	k := known{live: map[int][]whaley.Registration{}}
	var rows []int
	for n := range 3 {
		value := fmt.Sprintf("FLAG{%d}", n)
		rows = append(rows, scoreboard.AddFlag(id, value))
		k.live[id] = append(k.live[id], whaley.Registration{
			Challenge: "notes", CTFdChallenge: id, Value: value, State: whaley.RegistrationLive,
		})
	}
	k.live[id] = append(k.live[id], whaley.Registration{
		Challenge: "notes", CTFdChallenge: id, Value: "FLAG{retired}", State: whaley.RegistrationRemoved,
	})
	look := func(r *report) { checkCTFd(t.Context(), settings(t, env), k, r) }
	told(t, 0, look, "players copy an access token")
	scoreboard.RemoveFlag(rows[0])
	scoreboard.ChangeFlag(rows[1], "", "static", "case_insensitive")
	told(t, 1, look, "2 flags of notes's owners are not in CTFd", "--ignore flags")
}

func TestCheckLooksAtTheEngine(t *testing.T) {
	c, library := challenges(t, map[string]string{"MAX_INSTANCES": "500"}, map[string][2]string{
		"web": {webRoute + "[security]\nruntime = \"runsc\"\n", webOnly},
	})
	good := docker.About{Version: "28.5.2", Memory: 8 << 30, Runtimes: []string{"runc", "runsc"}}
	told(t, 0, func(r *report) { checkAbout(good, c, library, r) })
	for what, change := range map[string]struct {
		about    func(*docker.About)
		settings func(*config.Config)
		faults   int
		says     string
	}{
		"too old": {about: func(a *docker.About) { a.Version = "19.03.1" }, faults: 1, says: "Install Docker 28"},
		"slower":  {about: func(a *docker.About) { a.Version = "20.10.24" }, says: "half the time"},
		"cannot limit": {
			about: func(a *docker.About) { a.Unlimited = []string{"memory"} }, faults: 1, says: "cgroup_enable=memory",
		},
		"runtime missing": {about: func(a *docker.About) { a.Runtimes = []string{"runc"} }, faults: 1, says: "daemon.json"},
		"budget too large": {
			settings: func(c *config.Config) { c.MemoryBudget = 9 << 30 }, faults: 1, says: "MEMORY_BUDGET is more",
		},
		"no bounds": {
			settings: func(c *config.Config) { c.MaxInstances = 0 }, says: "neither MAX_INSTANCES nor MEMORY_BUDGET",
		},
	} {
		t.Run(what, func(t *testing.T) {
			about, changed := good, *c
			if change.about != nil {
				change.about(&about)
			}
			if change.settings != nil {
				change.settings(&changed)
			}
			told(t, change.faults, func(r *report) { checkAbout(about, &changed, library, r) }, change.says)
		})
	}
	small := *c
	small.Pool, small.DataDir, small.MaxInstances = netip.MustParsePrefix("10.193.8.0/24"), t.TempDir(), 17
	told(t, 1, func(r *report) { checkPool(t.Context(), &small, nil, r) }, "makes 16 networks")
	off := *c
	off.Firewall = "off"
	told(t, 0, func(r *report) { checkWall(t.Context(), &off, netip.Prefix{}, r) }, "FIREWALL=off")
	told(t, 0, func(r *report) { checkSockets(nil, r) })
	told(
		t, 0, func(r *report) { checkSockets([]string{"AF_VSOCK", "AF_ALG"}, r) }, "AF_VSOCK and AF_ALG", "seccomp",
		"update Docker",
	)
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	told(t, 1, func(r *report) { checkEngine(t.Context(), c, library, r, &known{}) }, "Is dockerd running")
}

func TestCheckAndHealthLookAtTheDisks(t *testing.T) {
	testkit.Need(t, testkit.Root)
	for options, says := range map[string]string{"size=8m": "has 8 MiB left", "size=2g,nr_inodes=100": "more files"} {
		scarce := t.TempDir()
		if err := unix.Mount("tmpfs", scarce, "tmpfs", 0, options); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Unmount(scarce, unix.MNT_DETACH) })
		c := settings(t, map[string]string{"DATA_DIR": scarce, "FORENSICS_LOG_DIR": t.TempDir()})
		told(t, 1, func(r *report) { checkDisks(c, r) }, "DATA_DIR="+scarce, says, "Make room")
		if err := datadir.Ping(c)(t.Context()); err == nil || !strings.Contains(err.Error(), "DATA_DIR="+scarce) ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("health with %s: %v", options, err)
		}
	}
	roomy := t.TempDir()
	if err := unix.Mount("tmpfs", roomy, "tmpfs", 0, "size=2g,nr_inodes=1000000"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(roomy, unix.MNT_DETACH) })
	if err := datadir.Ping(settings(t, map[string]string{"DATA_DIR": roomy}))(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "FORENSICS_LOG_DIR") {
		t.Errorf("a folder that is not there: %v", err)
	}
	if err := datadir.Ping(settings(t, map[string]string{"DATA_DIR": roomy, "FORENSICS_LOG_DIR": roomy}))(t.Context()); err != nil {
		t.Errorf("where there is room: %v", err)
	}
}

func TestCheckLooksAtTheDatabase(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"DATA_DIR": dir, "MAX_INSTANCES_PER_USER": "3"}
	ctx := context.Background()
	db, err := store.Open(ctx, "", dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []func() error{
		func() error {
			return db.ChangeSettings(ctx, "an admin", func(map[string]string) (map[string]string, error) {
				return map[string]string{"LISTEN": ":1", "DRAIN": "true"}, nil
			})
		},
		func() error { return db.Map(ctx, &whaley.Mapping{Challenge: "web", CTFdChallenge: 7}) },
		func() error {
			return db.SetChallenge(ctx, whaley.ChallengeSetting{Challenge: "pwn", UpdatedAt: time.Now()}, whaley.Event{})
		},
		db.Close,
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	c := settings(t, env)
	k := known{mappings: map[string]int{}, closed: map[string]bool{}}
	told(
		t, 1, func(r *report) { checkDatabase(ctx, c, env, r, &k) }, "LISTEN is set in the database and ignored",
		"database    ok",
	)
	if k.mappings["web"] != 7 || !k.closed["pwn"] || !k.now.Drain || c.Drain {
		t.Errorf("%+v", k)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(strings.Repeat("another secret ", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	told(t, 1, func(r *report) { checkDatabase(ctx, c, env, r, &k) }, "The secret and the database belong together")
	c.DatabaseURL = config.Secret("postgres://whaley:hunter2@" + testkit.FreeAddress(t) + "/none")
	told(t, 1, func(r *report) { checkDatabase(ctx, c, env, r, &k) }, "DATABASE_URL names PostgreSQL")
}

func TestCheckTellsWhyNobodyCanStartAnything(t *testing.T) {
	c, library := challenges(t, nil, map[string][2]string{"one": {webRoute, webOnly}, "two": {webRoute, webOnly}})
	of := func(closed ...string) known {
		k := known{now: c, closed: map[string]bool{}}
		for _, id := range closed {
			k.closed[id] = true
		}
		return k
	}
	told(t, 0, func(r *report) { checkOpen(of(), library, r) })
	told(t, 0, func(r *report) { checkOpen(of("two"), library, r) }, "closed to players: two")
	told(t, 0, func(r *report) { checkOpen(of("one", "two"), library, r) }, "every challenge is closed")
	c.Drain, c.DrainMessage = true, "Back at two."
	told(t, 0, func(r *report) { checkOpen(of(), library, r) }, "DRAIN is on", "Back at two.")
	c.Drain = false
	_, none := challenges(t, nil, nil)
	told(t, 0, func(r *report) { checkOpen(of(), none, r) }, "no challenge in CHALLENGES_DIR")
}

func TestCheckTellsWhichFlagsCTFdWillNotTake(t *testing.T) {
	ctfd := map[string]string{"AUTH_MODE": "ctfd", "CTFD_URL": "http://ctfd.example", "CTFD_API_KEY": "x"}
	c, library := challenges(t, ctfd, map[string][2]string{
		"own": {webRoute, webWithIt}, "shared": {"disable_dynamic_flags = true\n" + webRoute, webWithIt},
	})
	look := func(c *config.Config, library *challenge.Library, mappings map[string]int) func(*report) {
		return func(r *report) { checkFlags(known{now: c, mappings: mappings}, library, r) }
	}
	told(t, 0, look(c, library, nil), "next step: say which challenge of CTFd each of own is")
	told(
		t, 1, look(c, library, map[string]int{"another": 1}), "CTFd is not told of the owners' flags of own,",
		"disable_dynamic_flags",
	)
	told(t, 0, look(c, library, map[string]int{"own": 4}))
	alone := *c
	alone.AuthMode = "none"
	told(t, 0, look(&alone, library, nil), "no scoreboard is told of them")
	off := *c
	off.DynamicFlags = false
	told(t, 0, look(&off, library, nil), "DYNAMIC_FLAGS_ENABLED=false")
	other, unfound := challenges(
		t, map[string]string{"FLAG_PREFIX": "CTF"}, map[string][2]string{"own": {webRoute, webWithIt}},
	)
	told(t, 0, look(other, unfound, nil), "CTF{…}", "FLAG_PREFIX")
}

func TestCheckTellsWhoGetsLessThanTheyAskFor(t *testing.T) {
	c, library := challenges(t, nil, map[string][2]string{
		"silent": {webRoute, webOnly},
		"modest": {webRoute + "[limits]\nmemory = \"64m\"\n", webOnly},
		"greedy": {webRoute + "[limits]\nmemory = \"1g\"\ncpus = 4\n", webOnly},
		"inside": {webRoute, webOnly + "    pids_limit: 5000\n"},
	})
	var out strings.Builder
	r := &report{out: &out}
	checkCaps(t.Context(), c, library, r)
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 2 || r.wrong != 0 ||
		!strings.Contains(
			lines[0], "web of greedy gets 384 MiB of 1024 MiB (CONTAINER_MAX_MEMORY), 0.5 CPUs of 4 CPUs (CONTAINER_MAX_CPU)",
		) ||
		!strings.Contains(lines[1], "web of inside gets 256 processes of 5000 processes (CONTAINER_PIDS_LIMIT)") {
		t.Errorf("%d faults\n%s", r.wrong, out.String())
	}
}

func TestCheckTellsWhenHostPortsRunOut(t *testing.T) {
	c, library := challenges(
		t, map[string]string{"PORT_RANGE_START": "20320", "PORT_RANGE_END": "20339", "MAX_INSTANCES": "15"},
		map[string][2]string{
			"two": {
				"[[routes]]\nservice = \"web\"\nport = 1\ntype = \"port\"\n[[routes]]\nname = \"b\"\nservice = \"web\"\nport = 2\ntype = \"port\"\n",
				webOnly,
			},
		},
	)
	held := func(n int) known {
		k := known{now: c, ports: map[int]string{1: "of an earlier range"}}
		for i := range n {
			k.ports[c.PortRangeStart+i] = fmt.Sprint(i)
		}
		return k
	}
	told(
		t, 1, func(r *report) { checkCapacity(held(18), library, r) }, "18 of 20 host ports are held",
		"PORT_RANGE_END larger",
	)
	told(t, 0, func(r *report) { checkCapacity(held(17), library, r) }, "need 30 host ports, and the range has 20")
	c.MaxInstances = 10
	told(t, 0, func(r *report) { checkCapacity(held(17), library, r) })
}

func TestCheckTellsOfWhatIsNextToNothing(t *testing.T) {
	for what, c := range map[string]struct {
		env  map[string]string
		says []string
	}{
		"all is well": {map[string]string{"FORENSICS_AUTO_CAPTURE": "true"}, nil},
		"no captures": {map[string]string{}, []string{"FORENSICS_AUTO_CAPTURE=false"}},
		"short captures": {
			map[string]string{"FORENSICS_AUTO_CAPTURE": "true", "FORENSICS_TAIL_LINES": "20"},
			[]string{"FORENSICS_TAIL_LINES=20"},
		},
		"one call a minute": {
			map[string]string{"FORENSICS_AUTO_CAPTURE": "true", "USER_RATE_LIMIT": "1"}, []string{"USER_RATE_LIMIT=1"},
		},
		"less for a room": {
			map[string]string{"FORENSICS_AUTO_CAPTURE": "true", "ADDRESS_RATE_LIMIT": "5"},
			[]string{"ADDRESS_RATE_LIMIT=5", "USER_RATE_LIMIT=10"},
		},
		"no limit for one": {
			map[string]string{"FORENSICS_AUTO_CAPTURE": "true", "USER_RATE_LIMIT": "0"}, []string{"USER_RATE_LIMIT=0"},
		},
	} {
		t.Run(what, func(t *testing.T) { told(t, 0, func(r *report) { checkSmall(settings(t, c.env), r) }, c.says...) })
	}
}

func TestManyInstancesWantHigherLimitsOfTheKernel(t *testing.T) {
	proc := t.TempDir()
	limit := func(name, value string) {
		file := filepath.Join(proc, "sys", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	probe := func(c *config.Config, library *challenge.Library, about docker.About, texts ...string) {
		t.Helper()
		told(t, 0, func(r *report) { checkKernel(proc, c, about, library, r) }, texts...)
	}
	most, plain := challenges(
		t, map[string]string{"MAX_INSTANCES": "1000"}, map[string][2]string{"web": {webRoute, webOnly}},
	)
	few := settings(t, map[string]string{"MAX_INSTANCES": "200"})
	probe(most, plain, docker.About{}) // nothing is known
	limit("net/ipv4/neigh/default/gc_thresh3", "1024")
	limit("fs/inotify/max_user_instances", "8192")
	probe(
		most, plain, docker.About{}, "note: more than 500 instances", "sysctl -w net.ipv4.neigh.default.gc_thresh3=16384\n",
	)
	probe(few, plain, docker.About{})
	limit("net/ipv4/neigh/default/gc_thresh3", "16384")
	probe(most, plain, docker.About{})

	limit("net/netfilter/nf_conntrack_max", "65536")
	probe(few, plain, docker.About{})
	for kind, definition := range map[string]string{
		"out": "egress = true\n" + webRoute, "in": webRoute + "type = \"port\"\n",
	} {
		c, outward := challenges(
			t, map[string]string{"MAX_INSTANCES": "10", "CONTAINER_MAX_CONNECTIONS": "500"},
			map[string][2]string{kind: {definition, webOnly}},
		)
		probe(
			c, outward, docker.About{}, "10 instances that use up CONTAINER_MAX_CONNECTIONS=500",
			"sysctl -w net.netfilter.nf_conntrack_max=85536\n",
		)
		c.ContainerMaxConnections = 0
		probe(c, outward, docker.About{}, "note: nothing bounds", ": "+kind+"\n")
	}

	behind := settings(t, map[string]string{"MAX_INSTANCES": "200"})
	behind.Edge = "traefik"
	probe(behind, plain, docker.About{})
	limit("net/ipv4/tcp_notsent_lowat", "4294967295")
	probe(few, plain, docker.About{})
	probe(behind, plain, docker.About{}, "note: of answers that a client does not read", "sysctl -w net.ipv4.tcp_notsent_lowat=131072\n")
	limit("net/ipv4/tcp_notsent_lowat", "131072")
	probe(behind, plain, docker.About{})

	limit("kernel/keys/maxkeys", "200")
	limit("kernel/keys/maxbytes", "20000")
	probe(few, plain, docker.About{})
	probe(few, plain, docker.About{Remapped: true}, "sysctl -w kernel.keys.maxbytes=240000 kernel.keys.maxkeys=1600\n")

	_, raw := challenges(
		t, nil, map[string][2]string{"frames": {"[security]\ncapabilities = [\"NET_RAW\"]\n" + webRoute, webOnly}},
	)
	for release, says := range map[string][]string{
		"6.7.0-rc1": nil, "6.12.3+deb13": nil, "7.0.1": nil, "6.1.0-18-amd64": {"before Linux 6.7", ": frames\n"},
		"5.15.0": {"NET_RAW"}, "strange": nil,
	} {
		limit("kernel/osrelease", release)
		probe(few, raw, docker.About{}, says...)
	}
}
