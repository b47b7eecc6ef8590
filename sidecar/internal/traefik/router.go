package traefik

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	callTimeout = 5 * time.Second
	retry       = time.Second // after a republication that failed
	scanCount   = 1000
	syncTries   = 10
	lookEvery   = 5 * time.Second     // whether somebody has emptied Redis
	generation  = "whaley:generation" // counts changes, so that a Sync notices one; not under the root
)

// Options are the settings of a Router.
type Options struct {
	Root       string // of all keys; default "traefik"
	HTTP       bool   // false: ROUTE_MODE=plugin, no routers for web routes
	AsSent     bool   // Traefik passes on what clients send as forwarding headers
	Secure     bool   // web routes are on the entry point websecure with TLS, else on web
	Middleware string // in front of challenges of access "owner"; default "whaley@file"
	Transport  string // to containers of TCP routes; default "whaley@file"
	Names      string // where connections by TLS go whose name is no route's, as host:port; empty: they end
	Permanent  Permanent
}

// Router implements instancer.Router.
type Router struct {
	redis *redis.Client
	opts  Options
	log   *slog.Logger
	topic string
	extra map[string]string // checked

	mu sync.Mutex // one change at a time
}

var _ instancer.Router = (*Router)(nil)

// New makes a Router for a Redis URL (redis://user:password@host:port/db). It connects when it is first used.
func New(url string, opts Options, log *slog.Logger) (*Router, error) {
	parsed, err := redis.ParseURL(url)
	if err != nil {
		// the error may quote the password
		return nil, errors.New("TRAEFIK_REDIS_URL must look like redis://user:password@host:6379/0")
	}
	if opts.Root == "" {
		opts.Root = "traefik"
	}
	if opts.Middleware == "" {
		opts.Middleware = "whaley@file"
	}
	if opts.Transport == "" {
		opts.Transport = "whaley@file"
	}
	extra, err := opts.Permanent.keys(opts.Root)
	if err != nil {
		return nil, err
	}
	return &Router{
		redis: redis.NewClient(parsed), opts: opts, log: log, extra: extra,
		topic: fmt.Sprintf("__keyspace@%d__:%s/whaley", parsed.DB, opts.Root),
	}, nil
}

// Close ends all connections.
func (r *Router) Close() error { return r.redis.Close() }

// Ping says whether Redis answers.
func (r *Router) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return r.redis.Ping(ctx).Err()
}

// Publish puts all routes of an instance live in one step.
func (r *Router) Publish(ctx context.Context, _ string, routes []whaley.Publication) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	set := map[string]string{}
	for _, p := range routes {
		maps.Copy(set, r.keys(p))
	}
	return r.write(ctx, r.redis, set, nil)
}

// Retract takes all routes of an instance away in one step.
func (r *Router) Retract(ctx context.Context, _ string, routes []whaley.Publication) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var gone []string
	for _, p := range routes {
		gone = append(gone, r.everyKey(p)...)
	}
	return r.write(ctx, r.redis, nil, gone)
}

// Sync makes Redis hold the permanent keys and the listed routes, and nothing else under the root. When another
// sidecar writes meanwhile, it lists again.
func (r *Router) Sync(ctx context.Context, list func(context.Context) ([]whaley.Publication, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for try := 1; ; try++ {
		err := r.redis.Watch(ctx, func(tx *redis.Tx) error { return r.syncOnce(ctx, tx, list) }, generation)
		if !errors.Is(err, redis.TxFailedErr) || try == syncTries {
			return err
		}
	}
}

func (r *Router) syncOnce(
	ctx context.Context, tx *redis.Tx, list func(context.Context) ([]whaley.Publication, error),
) error {
	all, err := list(ctx)
	if err != nil {
		return err
	}
	want := r.permanent()
	for _, p := range all {
		maps.Copy(want, r.keys(p))
	}
	have, err := r.read(ctx)
	if err != nil {
		return err
	}
	set, gone := map[string]string{}, []string{}
	for key, value := range want {
		if had, there := have[key]; !there || had != value {
			set[key] = value
		}
	}
	for key := range have {
		if _, wanted := want[key]; !wanted {
			gone = append(gone, key)
		}
	}
	return r.write(ctx, tx, set, gone)
}

// transactor is a client, or one under WATCH.
type transactor interface {
	TxPipelined(ctx context.Context, fn func(redis.Pipeliner) error) ([]redis.Cmder, error)
}

// write changes keys in one transaction and tells Traefik once.
func (r *Router) write(ctx context.Context, to transactor, set map[string]string, gone []string) error {
	if len(set) == 0 && len(gone) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := to.TxPipelined(ctx, func(p redis.Pipeliner) error {
		if len(gone) > 0 {
			p.Del(ctx, gone...)
		}
		for _, key := range slices.Sorted(maps.Keys(set)) {
			p.Set(ctx, key, set[key], 0)
		}
		p.Incr(ctx, generation)
		p.Publish(ctx, r.topic, "set")
		return nil
	})
	if err != nil {
		return fmt.Errorf("write routes to Redis: %w", err)
	}
	return nil
}

// read is everything under the root.
func (r *Router) read(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 6*callTimeout)
	defer cancel()
	have := map[string]string{}
	var cursor uint64
	for {
		keys, next, err := r.redis.Scan(ctx, cursor, r.opts.Root+"/*", scanCount).Result()
		if err != nil {
			return nil, fmt.Errorf("read routes from Redis: %w", err)
		}
		if len(keys) > 0 {
			values, err := r.redis.MGet(ctx, keys...).Result()
			if err != nil {
				return nil, fmt.Errorf("read routes from Redis: %w", err)
			}
			for n, key := range keys {
				value, _ := values[n].(string)
				have[key] = value
			}
		}
		if cursor = next; cursor == 0 {
			return have, nil
		}
	}
}

// emptied says whether Redis answers and lacks what is always there.
func (r *Router) emptied(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	n, err := r.redis.Exists(ctx, r.opts.Root+sentinelRule).Result()
	return err == nil && n == 0
}

// Run republishes whenever a connection to Redis came about anew or somebody has emptied it, until ctx ends.
func (r *Router) Run(ctx context.Context, republish func(context.Context) error) error {
	watch := r.redis.Subscribe(ctx, r.topic+"/connection")
	defer watch.Close()
	connected := watch.ChannelWithSubscriptions()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case message := <-connected:
			if _, anew := message.(*redis.Subscription); !anew {
				continue
			}
		case <-look.C:
			if !r.emptied(ctx) {
				continue
			}
			r.log.Warn("the routes are gone from Redis")
		}
		for republish(ctx) != nil {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(retry):
			}
		}
		r.log.Info("routes are in Redis")
	}
}
