package app

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/subnet"
)

// NewPools knows the pool, by what this host, the engine and the settings say.
func NewPools(
	now func() *config.Config, env map[string]string, db *store.Store, engine *docker.Engine, deployment string,
	log *slog.Logger,
) *subnet.Chooser {
	c := now()
	return subnet.NewChooser(db, c.Pool, c.MaxInstances, func(ctx context.Context) ([]subnet.Need, error) {
		c := now()
		from := subnet.Sources{
			Servers: serversOf(c, env), Trusted: trustedProxies(c), Bridges: docker.BridgePrefix(deployment),
		}
		networks, err := engine.Networks(ctx)
		for _, n := range networks {
			from.Networks = append(
				from.Networks, subnet.Network{Name: n.Name, Prefix: n.Prefix, Ours: n.Ours, Soft: n.Whaley || n.ToCome},
			)
		}
		needs, unknown := subnet.Look(ctx, from)
		return needs, errors.Join(err, unknown)
	}, log)
}

// serversOf are all machines that the settings name, each with the first setting that does.
func serversOf(c *config.Config, env map[string]string) []subnet.Server {
	var all []subnet.Server
	add := func(setting string, hosts ...string) {
		for _, host := range hosts {
			if !slices.ContainsFunc(all, func(s subnet.Server) bool { return s.Host == host }) {
				all = append(all, subnet.Server{Setting: setting, Host: host})
			}
		}
	}
	add("DATABASE_URL", store.Hosts(string(c.DatabaseURL))...)
	add("BACKEND_HOST", c.BackendHost)
	add("CTFD_URL", hostOf(c.CTFdURL))
	add("CTFD_PUBLIC_URL", hostOf(c.CTFdPublicURL))
	add("DASHBOARD_URL", hostOf(c.DashboardURL))
	add("REDIS_URL", hostOf(string(c.RedisURL)))
	add("TRAEFIK_REDIS_URL", hostOf(string(c.TraefikRedisURL)))
	add("WEBHOOK_URL", hostOf(string(c.WebhookURL)))
	add("DISCORD_WEBHOOK_URL", hostOf(string(c.DiscordWebhookURL)))
	for _, name := range []string{
		"DOCKER_HOST", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
	} {
		add(name, hostOf(env[name]))
	}
	return all
}

// hostOf is the host of a URL, which may lack its scheme; a socket has none.
func hostOf(address string) string {
	if address != "" && !strings.Contains(address, "://") {
		address = "//" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// trustedProxies are those of IPv4 that are not this host itself.
func trustedProxies(c *config.Config) []netip.Prefix {
	var all []netip.Prefix
	for _, p := range c.Trusted {
		if p.Addr().Is4() && p.Bits() >= 8 && !p.Addr().IsLoopback() {
			all = append(all, p)
		}
	}
	return all
}

// newSubnets hands out parts of the pool, follows it when it is another, and guards what it hands out.
func newSubnets(
	ctx context.Context, g *errgroup.Group, db *store.Store, pools *subnet.Chooser, log *slog.Logger,
) (*subnet.Pool, error) {
	subnets, err := subnet.New(db, pools.Pool())
	if err != nil {
		return nil, err
	}
	guard := subnet.NewGuard(db, pools, log)
	subnets.GuardedBy(guard)
	subnets.Except(pools.Needed)
	pools.OnChange(func(all []netip.Prefix) {
		if err := subnets.Move(all[0]); err != nil {
			log.Error("subnet pool cannot be used", "pool", all[0], "err", err)
		}
	})
	g.Go(func() error { return guard.Run(ctx) })
	return subnets, nil
}
