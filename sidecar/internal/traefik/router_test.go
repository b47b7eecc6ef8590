package traefik_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/traefik"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// bench is a router on a Redis with the repository's own configuration.
type bench struct {
	*traefik.Router
	t      *testing.T
	server *testkit.RedisServer
	client *redis.Client
}

func newBench(t *testing.T, opts traefik.Options) *bench {
	t.Helper()
	b := &bench{t: t, server: testkit.StartRedis(t, filepath.Join("..", "..", "..", "traefik", "redis.conf"))}
	url := "redis://" + b.server.Addr() + "/0"
	router, err := traefik.New(url, opts, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	b.Router, b.client = router, redis.NewClient(&redis.Options{Addr: b.server.Addr()})
	t.Cleanup(func() {
		b.Close()
		b.client.Close()
	})
	return b
}

func (b *bench) keys() map[string]string {
	b.t.Helper()
	ctx := context.Background()
	all := map[string]string{}
	names, err := b.client.Keys(ctx, "*").Result()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, name := range names {
		if name == "whaley:generation" {
			continue
		}
		all[name] = b.client.Get(ctx, name).Val()
	}
	return all
}

func (b *bench) sync(all ...whaley.Publication) {
	b.t.Helper()
	if err := b.Sync(context.Background(), func(context.Context) ([]whaley.Publication, error) { return all, nil }); err != nil {
		b.t.Fatal(err)
	}
}

func publication(name string, kind whaley.RouteType, access whaley.Access) whaley.Publication {
	return whaley.Publication{Instance: name, Name: name, Host: name + ".instances.localhost", Type: kind, Access: access,
		Backend: "10.240.0.2:80", EntryPoint: "ssh"}
}

func TestARouteIsInRedisAsTraefikReadsIt(t *testing.T) {
	b := newBench(t, traefik.Options{HTTP: true})
	ctx := context.Background()
	passthrough := publication("pass", whaley.RouteTCP, whaley.AccessLink)
	passthrough.Passthrough = true
	grpc, own := publication("grpc", whaley.RouteHTTP, whaley.AccessLink), publication(
		"own", whaley.RouteHTTP, whaley.AccessLink,
	)
	grpc.Scheme, own.Scheme = whaley.SchemeH2C, whaley.SchemeHTTPS
	grpc.Forwarded = "append"
	for _, p := range []whaley.Publication{
		publication("open", whaley.RouteHTTP, whaley.AccessLink), publication("mine", whaley.RouteHTTP, whaley.AccessOwner),
		publication("sni", whaley.RouteTCP, whaley.AccessLink), passthrough,
		publication("shell", whaley.RouteCustom, whaley.AccessLink),
		publication("nc", whaley.RoutePort, whaley.AccessLink), grpc, own,
	} {
		if err := b.Publish(ctx, p.Instance, []whaley.Publication{p}); err != nil {
			t.Fatal(err)
		}
	}
	have := b.keys()
	for key, want := range map[string]string{
		"traefik/http/routers/open/rule":                          "Host(`open.instances.localhost`)",
		"traefik/http/routers/open/priority":                      "1000",
		"traefik/http/routers/open/entryPoints/0":                 "web",
		"traefik/http/routers/open/service":                       "noop@internal",
		"traefik/http/routers/open/middlewares/0":                 "open",
		"traefik/http/middlewares/open/plugin/whaley/backend":     "http://10.240.0.2:80",
		"traefik/http/routers/mine/middlewares/0":                 "whaley@file",
		"traefik/tcp/routers/sni/rule":                            "HostSNI(`sni.instances.localhost`)",
		"traefik/tcp/routers/sni/entryPoints/0":                   "tcp",
		"traefik/tcp/routers/sni/tls":                             "true",
		"traefik/tcp/services/sni/loadBalancer/servers/0/address": "10.240.0.2:80",
		"traefik/tcp/routers/pass/tls/passthrough":                "true",
		"traefik/tcp/routers/pass/tls":                            "",
		"traefik/tcp/routers/shell/entryPoints/0":                 "ssh",
		"traefik/tcp/routers/shell/rule":                          "HostSNI(`*`)",
		"traefik/tcp/routers/nc/rule":                             "",
		"traefik/http/middlewares/grpc/plugin/whaley/backend":     "h2c://10.240.0.2:80",
		"traefik/http/middlewares/grpc/plugin/whaley/forwarded":   "append",
		"traefik/http/middlewares/own/plugin/whaley/forwarded":    "",
		"traefik/http/middlewares/own/plugin/whaley/backend":      "https://10.240.0.2:80",
	} {
		if have[key] != want {
			t.Errorf("%s is %q, want %q", key, have[key], want)
		}
	}
}

func TestEveryChangeIsOneTransactionAndOneMessage(t *testing.T) {
	b := newBench(t, traefik.Options{HTTP: true})
	ctx := context.Background()
	b.sync()
	heard := b.client.PSubscribe(ctx, "*")
	defer heard.Close()
	if _, err := heard.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	messages := heard.Channel()
	want := b.keys()
	routes := []whaley.Publication{
		publication("a", whaley.RouteHTTP, whaley.AccessOwner), publication("a-raw", whaley.RouteTCP, whaley.AccessLink),
	}
	if err := b.Publish(ctx, "a", routes); err != nil {
		t.Fatal(err)
	}
	if err := b.Retract(ctx, "a", routes); err != nil {
		t.Fatal(err)
	}
	b.sync() // nothing to change: no message
	if have := b.keys(); !maps.Equal(have, want) {
		t.Errorf("after it came and went: %v, want %v", have, want)
	}
	for n := 0; ; n++ {
		select {
		case m := <-messages:
			if !strings.HasPrefix(m.Channel, "__keyspace@0__:traefik/") || m.Payload != "set" || n > 1 {
				t.Errorf("message %d: %s %s", n, m.Channel, m.Payload)
			}
			continue
		case <-time.After(200 * time.Millisecond):
		}
		if n != 2 {
			t.Errorf("%d messages for two changes", n)
		}
		return
	}
}

func TestSyncHoldsExactlyWhatIsListed(t *testing.T) {
	b := newBench(t, traefik.Options{HTTP: true})
	ctx := context.Background()
	b.sync()
	empty := b.keys()
	if len(empty) == 0 {
		t.Error("without any route nothing is left that keeps the set from being empty")
	}
	b.sync(publication("a", whaley.RouteHTTP, whaley.AccessLink))
	if err := b.client.Set(ctx, "traefik/http/routers/old/rule", "Host(`old`)", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := b.client.Set(ctx, "unrelated", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	b.sync(publication("b", whaley.RouteHTTP, whaley.AccessLink))
	have := b.keys()
	for key := range have {
		if strings.Contains(key, "/a/") || strings.Contains(key, "/old/") {
			t.Errorf("%s is still there", key)
		}
	}
	if have["unrelated"] != "1" || have["traefik/http/routers/b/middlewares/0"] != "b" {
		t.Errorf("%v", have)
	}
	if err := b.Sync(ctx, func(context.Context) ([]whaley.Publication, error) { return nil, errors.New("no database") }); err == nil {
		t.Error("a list that failed was taken for an empty one")
	}
	if !maps.Equal(b.keys(), have) {
		t.Error("a list that failed changed something")
	}
}

func TestASyncDoesNotUndoWhatAnotherSidecarWroteMeanwhile(t *testing.T) {
	b := newBench(t, traefik.Options{HTTP: true})
	ctx := context.Background()
	other, err := traefik.New("redis://"+b.server.Addr()+"/0", traefik.Options{HTTP: true}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	fresh, lists := publication("fresh", whaley.RouteHTTP, whaley.AccessLink), 0
	err = b.Sync(ctx, func(ctx context.Context) ([]whaley.Publication, error) {
		if lists++; lists == 1 {
			return nil, other.Publish(ctx, "fresh", []whaley.Publication{fresh})
		}
		return []whaley.Publication{fresh}, nil
	})
	if err != nil || lists < 2 {
		t.Errorf("%d lists, %v", lists, err)
	}
	if b.keys()["traefik/http/routers/fresh/middlewares/0"] != "fresh" {
		t.Error("the other's route is gone")
	}
}

func TestWithoutRoutersOfTheirOwnOnlyTCPRoutesAreWritten(t *testing.T) {
	b := newBench(t, traefik.Options{HTTP: false})
	b.sync(publication("a", whaley.RouteHTTP, whaley.AccessLink), publication("b", whaley.RouteTCP, whaley.AccessLink))
	have := slices.Collect(maps.Keys(b.keys()))
	if slices.ContainsFunc(have, func(k string) bool { return strings.Contains(k, "/a/") }) ||
		!slices.ContainsFunc(have, func(k string) bool { return strings.Contains(k, "/b/") }) {
		t.Errorf("%v", have)
	}
}

func TestARedisThatComesBackEmptyIsFilledAgain(t *testing.T) {
	b := newBench(t, traefik.Options{HTTP: true})
	ctx, cancel := context.WithCancel(context.Background())
	list := func(context.Context) ([]whaley.Publication, error) {
		return []whaley.Publication{publication("a", whaley.RouteHTTP, whaley.AccessLink)}, nil
	}
	var all sync.WaitGroup
	all.Go(func() {
		if err := b.Run(ctx, func(ctx context.Context) error { return b.Sync(ctx, list) }); err != nil {
			t.Error(err)
		}
	})
	there := func() error {
		return b.client.Get(ctx, "traefik/http/routers/a/rule").Err()
	}
	testkit.Eventually(t, 10*time.Second, "the route is there", there)
	b.server.Stop()
	if err := b.Publish(ctx, "b", []whaley.Publication{publication("b", whaley.RouteHTTP, whaley.AccessLink)}); err == nil {
		t.Error("published without Redis")
	}
	b.server.Start()
	testkit.Eventually(t, 20*time.Second, "the route is there again", there)
	if err := b.client.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, "the route is there after somebody emptied Redis", there)
	cancel()
	all.Wait()
}

func TestPermanentKeysAreAlwaysThereAndNoneThatStopsTraefik(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(
		file,
		[]byte("http/middlewares/limit/rateLimit/average: 100\nhttp/routers/board/middlewares/0: dashboard-auth@redis\n"),
		0o644,
	); err != nil {
		t.Fatal(err)
	}
	extra, err := traefik.ReadExtra(
		`{"http/routers/board/rule": "Host(\u0060board.example.org\u0060)", "http/routers/board/service": "api@internal"}`,
		file,
	)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, traefik.Options{HTTP: true, Permanent: traefik.Permanent{
		DashboardUsers: "admin:$2y$05$abcdefghijklmnopqrstuv", CTFdURL: "https://ctf.example.org", Extra: extra}})
	b.sync()
	b.sync()
	have := b.keys()
	for key, want := range map[string]string{
		"traefik/http/middlewares/dashboard-auth/basicAuth/users/0":        "admin:$2y$05$abcdefghijklmnopqrstuv",
		"traefik/http/middlewares/ctfd-redirect/redirectRegex/replacement": "https://ctf.example.org",
		"traefik/http/middlewares/limit/rateLimit/average":                 "100",
		"traefik/http/routers/board/rule":                                  "Host(`board.example.org`)",
		"traefik/tcp/routers/block-all/priority":                           "1",
	} {
		if have[key] != want {
			t.Errorf("%s is %q, want %q", key, have[key], want)
		}
	}
	if got := have["traefik/tcp/services/block-all/loadBalancer/servers/0/address"]; got != "127.0.0.1:1" {
		t.Errorf("names of no route lead to %q, and nobody wants them", got)
	}
	for key, value := range map[string]string{
		"http/routers/board/rulle": "x", "http/routers/board": "x", "udp/routers/a/service": "x",
		"http/routers/a/priority": "high",
		"http/routers/a/tls":      "maybe", "http/routers/a b/rule": "x", "http/routers/a/rule": "",
		"/http/routers/a/rule":         "x",
		"http/routers/a/entryPoints/x": "web",
		"../other":                     "x", "http/services/a/loadBalancer/servers/0/url": "a\nb",
	} {
		if _, err := traefik.New(
			"redis://r:6379/0", traefik.Options{Permanent: traefik.Permanent{Extra: map[string]string{key: value}}}, nil,
		); err == nil || !strings.Contains(err.Error(), "TRAEFIK_EXTRA_KEYS") {
			t.Errorf("%s = %q: %v", key, value, err)
		}
	}
	for _, users := range []string{"admin", "admin:secret", ":$2y$05$abcdefghijklmnopqrstuv"} {
		if _, err := traefik.New(
			"redis://r:6379/0", traefik.Options{Permanent: traefik.Permanent{DashboardUsers: users}}, nil,
		); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", users, err)
		}
	}
	for _, bad := range []string{"[]", "{", `{"a": {"b": 1}}`, `{"a": null}`} {
		if _, err := traefik.ReadExtra(bad, ""); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	if _, err := traefik.ReadExtra("", "/nowhere"); err == nil {
		t.Error("a file that is not there is taken")
	}
}

func TestABadAddressIsRefusedWithoutItsPassword(t *testing.T) {
	if _, err := traefik.New("http://u:hunter2@r", traefik.Options{}, nil); err == nil ||
		strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}
