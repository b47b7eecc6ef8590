package app

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/discord"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/webhook"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// gather is how long an event waits for others that go in the same message.
const gather = time.Second

// receivers are who is told of events, if the settings name them.
func receivers(live *config.Live) (channel, hook webhook.Options) {
	channel = webhook.Options{
		Target: "discord", Gather: gather, Wants: discord.Wants,
		URL: func() string { return string(live.Config().DiscordWebhookURL) },
	}
	hook = webhook.Options{
		Target: "webhook", Gather: gather / 4, Encode: webhook.Encode,
		URL: func() string { return string(live.Config().WebhookURL) },
		Wants: func(ev whaley.Event) bool {
			types := live.Config().WebhookEvents
			return len(types) == 0 || slices.Contains(types, ev.Type)
		},
		Sign: webhook.Signer(func() string { return string(live.Config().WebhookSecret) }),
	}
	return channel, hook
}

// owed has every event put into the outbox of who is to be told of it.
func owed(live *config.Live, db *store.Store) {
	channel, hook := receivers(live)
	db.OnOwed(func(ev whaley.Event) (targets []string) {
		for _, o := range []webhook.Options{channel, hook} {
			if o.Owed(ev) {
				targets = append(targets, o.Target)
			}
		}
		return targets
	})
}

// notify tells Discord and another webhook of what is in the outbox.
func notify(
	ctx context.Context, g *errgroup.Group, live *config.Live, db *store.Store, library *challenge.Library,
	surface *api.API, watching *observers, log *slog.Logger,
) {
	channel, hook := receivers(live)
	channel.Encode = discord.Encoder(func(ctx context.Context, ev whaley.Event) (discord.Details, error) {
		in, err := db.Get(ctx, ev.Instance)
		if err != nil {
			return discord.Details{}, err
		}
		d := discord.Details{Owner: in.Owner.Name, Ways: surface.Ways(in), ExpiresAt: in.ExpiresAt}
		if ch, ok := library.Get(in.Challenge); ok {
			d.Challenge = ch.Name
		}
		return d, nil
	})
	for _, o := range []webhook.Options{channel, hook} {
		s := webhook.New(db, o, watching.metrics.Notified, log)
		watching.events.Own(s.Tell)
		g.Go(func() error { return s.Run(ctx) })
	}
}
