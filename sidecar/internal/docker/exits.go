package docker

import (
	"context"
	"time"

	"github.com/docker/docker/api/types/events"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/loop"
)

// reconnect is how long to wait before the engine's events are asked for again.
const reconnect = time.Second

// Exits reports containers of ours that ended, until ctx does. What happened while the engine could not be heard is
// not repeated: an Exit without an instance says that it is time to look.
func (e *Engine) Exits(ctx context.Context) <-chan instancer.Exit {
	exits := make(chan instancer.Exit)
	send := func(exit instancer.Exit) {
		select {
		case exits <- exit:
		case <-ctx.Done():
		}
	}
	go func() {
		defer close(exits)
		for {
			e.listen(ctx, send)
			if loop.Sleep(ctx, reconnect) != nil {
				return
			}
			if e.Ping(ctx) == nil {
				send(instancer.Exit{})
			}
		}
	}()
	return exits
}

func (e *Engine) listen(ctx context.Context, send func(instancer.Exit)) {
	api, err := e.api(ctx)
	if err != nil {
		return
	}
	filter := e.mine("")
	filter.Add("type", string(events.ContainerEventType))
	filter.Add("event", string(events.ActionDie))
	messages, failed := api.Events(ctx, events.ListOptions{Filters: filter})
	for {
		select {
		case m := <-messages:
			labels := parse(m.Actor.Attributes)
			send(instancer.Exit{Instance: labels.Instance, Service: labels.Service})
		case err := <-failed:
			if ctx.Err() == nil {
				e.log.Warn("the engine's events ended", "err", err)
			}
			return
		}
	}
}
