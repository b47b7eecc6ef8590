package limit

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	prefix      = "whaley:limit:"
	callTimeout = 300 * time.Millisecond
	quiet       = int64(time.Minute) // between two lines of log about the same trouble
)

// take is one step in Redis: a sorted set holds a member for each count, by the time of Redis, which all sidecars share.
var take = redis.NewScript(`
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local window, n = tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, ms - window)
local count = redis.call('ZCARD', KEYS[1])
if count >= n then
	local first = redis.call('ZRANGE', KEYS[1], count - n, count - n, 'WITHSCORES')
	return math.max(1, first[2] + window - ms)
end
redis.call('ZADD', KEYS[1], ms, ARGV[1])
redis.call('PEXPIRE', KEYS[1], window)
return 0`)

// Redis is a Limiter that sidecars share. While Redis does not answer each counts by itself.
type Redis struct {
	client *redis.Client
	local  *Local
	log    *slog.Logger
	logged atomic.Int64
}

var _ Limiter = (*Redis)(nil)

// NewRedis makes a Limiter on the Redis at a URL.
func NewRedis(url string, log *slog.Logger) (*Redis, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("REDIS_URL is no valid Redis address") // the library's text may quote the password
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = callTimeout, callTimeout, callTimeout
	options.MaxRetries = -1
	return &Redis{client: redis.NewClient(options), local: NewLocal(), log: log}, nil
}

// Ping says whether Redis answers.
func (r *Redis) Ping(ctx context.Context) error { return r.client.Ping(ctx).Err() }

// Close ends the connections.
func (r *Redis) Close() error { return r.client.Close() }

// Take implements Limiter.
func (r *Redis) Take(ctx context.Context, key string, n int, window time.Duration) (time.Duration, error) {
	asking, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	ms, err := take.Run(asking, r.client, []string{prefix + key}, rand.Text(), window.Milliseconds(), n).Int64()
	if err == nil {
		return time.Duration(ms) * time.Millisecond, nil
	}
	if now, last := time.Now().UnixNano(), r.logged.Load(); now-last > quiet && r.logged.CompareAndSwap(last, now) {
		r.log.Warn("redis does not count requests, each sidecar does so by itself", "err", err)
	}
	return r.local.Take(ctx, key, n, window)
}
