package traefik

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Standing is what an operator should know of Redis.
type Standing struct {
	Notifies bool   // of every key that changes, which makes Traefik read all of them each time
	Settable bool   // this user may switch that on, as Traefik's own does by itself if it may
	Evicts   string // policy by which it may forget routes when its memory is full; empty: it does not
}

// checked is the key that Standing writes and removes; not under the root.
const checked = "whaley:check"

// Standing tries what publishing routes needs, and listens whether Redis tells of keys by itself.
func (r *Router) Standing(ctx context.Context) (Standing, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var s Standing
	channel := fmt.Sprintf("__keyspace@%d__:%s", r.redis.Options().DB, checked)
	heard := r.redis.Subscribe(ctx, channel)
	defer heard.Close()
	if _, err := heard.Receive(ctx); err != nil {
		return s, fmt.Errorf("may not listen: %w", err)
	}
	_, err := r.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, checked, "1", 0)
		p.Del(ctx, checked)
		p.Publish(ctx, channel, "end") // whatever Redis itself has to say comes before it
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("may not write: %w", err)
	}
	for {
		message, err := heard.ReceiveMessage(ctx)
		if err != nil {
			return s, err
		}
		if message.Payload == "end" {
			break
		}
		s.Notifies = true
	}
	s.Settable = r.redis.ConfigGet(ctx, "notify-keyspace-events").Err() == nil
	info, err := r.redis.Info(ctx, "memory").Result()
	if err != nil {
		return s, nil // without the right to ask this stays unknown
	}
	facts := map[string]string{}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		facts[name] = value
	}
	if policy := facts["maxmemory_policy"]; facts["maxmemory"] != "0" && policy != "noeviction" {
		s.Evicts = policy
	}
	return s, nil
}
