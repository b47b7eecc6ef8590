package main

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
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/webhook"
)

// gather is how long an event waits for others that go in the same message.
const gather = time.Second

// notify tells Discord and another webhook of the events of this sidecar, where the settings name them.
func notify(ctx context.Context, g *errgroup.Group, live *config.Live, db *store.Store, library *challenge.Library, surface *api.API, seen *observers, log *slog.Logger) {
	senders := []*webhook.Sender{
		webhook.New(webhook.Options{
			Target: "discord", Gather: gather, Wants: discord.Wants,
			URL: func() string { return string(live.Config().DiscordWebhookURL) },
			Encode: discord.Encoder(func(ctx context.Context, ev instancer.Event) (discord.Details, error) {
				in, err := db.Get(ctx, ev.Instance)
				if err != nil {
					return discord.Details{}, err
				}
				d := discord.Details{Owner: in.Owner.Name, Ways: surface.Ways(in), ExpiresAt: in.ExpiresAt}
				if ch, ok := library.Get(in.Challenge); ok {
					d.Challenge = ch.Name
				}
				return d, nil
			}),
		}, seen.metrics.Notified, log),
		webhook.New(webhook.Options{
			Target: "webhook", Gather: gather / 4, Encode: webhook.Encode,
			URL: func() string { return string(live.Config().WebhookURL) },
			Wants: func(ev instancer.Event) bool {
				types := live.Config().WebhookEvents
				return len(types) == 0 || slices.Contains(types, ev.Type)
			},
			Sign: webhook.Signer(func() string { return string(live.Config().WebhookSecret) }),
		}, seen.metrics.Notified, log),
	}
	for _, s := range senders {
		seen.events.Own(s.Tell)
		g.Go(func() error { return s.Run(ctx) })
	}
}
