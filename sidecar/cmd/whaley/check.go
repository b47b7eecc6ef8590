package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker"
	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
)

// checkTimeout bounds each thing that is looked at.
const checkTimeout = 15 * time.Second

// check looks at everything that serve needs and says all that is wrong. It changes nothing but what a first start
// would make: DATA_DIR and the database's tables; what the firewall is tried with is taken away again.
func check(ctx context.Context, env map[string]string, out io.Writer) error {
	c, err := config.Load(env)
	if err != nil {
		return fmt.Errorf("the settings are not right:\n%w", err)
	}
	fmt.Fprintln(out, "settings    ok")
	wrong := 0
	say := func(what string, err error, help string) bool {
		if err == nil {
			fmt.Fprintf(out, "%-11s ok\n", what)
			return true
		}
		wrong++
		fmt.Fprintf(out, "%-11s %v\n%-11s %s\n", what, err, "", help)
		return false
	}
	looking := func(look func(ctx context.Context) error) error {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		return look(ctx)
	}
	library := challenge.NewLibrary(c.ChallengesDir, defaults(c))
	problems, err := library.Reload(ctx)
	say("challenges", err, "CHALLENGES_DIR must be a folder with one folder per challenge.")
	for _, p := range problems {
		wrong++
		fmt.Fprintln(out, "challenges ", p)
	}
	if err == nil {
		fmt.Fprintf(out, "challenges  %d can be started\n", len(library.All()))
	}
	works := say("engine", looking(func(ctx context.Context) error {
		engine, err := docker.New(docker.Options{Deployment: "check", Folder: c.DataDir}, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		defer engine.Close()
		return engine.Ping(ctx)
	}), "Is dockerd running, and may this user use its socket? DOCKER_HOST names another.")
	works = say("database", looking(func(ctx context.Context) error {
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			return err
		}
		db, err := store.Open(ctx, string(c.DatabaseURL), c.DataDir)
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = deriveKeys(ctx, c, db)
		return err
	}), "DATABASE_URL names PostgreSQL; without it DATA_DIR must be writable.") && works
	if c.AuthMode == "ctfd" {
		say("ctfd", looking(func(ctx context.Context) error {
			client, err := ctfd.New(c.CTFdURL, string(c.CTFdKey), slog.New(slog.DiscardHandler))
			if err != nil {
				return err
			}
			return client.Check(ctx)
		}), "CTFD_URL must lead to CTFd, and CTFD_API_KEY be the access token of one of its admins.")
	}
	if c.Edge == "traefik" {
		say("redis", looking(func(ctx context.Context) error {
			kv, err := newRouter(c, slog.New(slog.DiscardHandler))
			if err != nil {
				return err
			}
			defer kv.Close()
			return kv.Ping(ctx)
		}), "TRAEFIK_REDIS_URL must name the Redis that Traefik's provider reads.")
	}
	if c.Firewall == "auto" && works {
		err := checkFirewall(ctx, c)
		if errors.Is(err, firewall.ErrNotStatic) {
			fmt.Fprintf(out, "firewall    can be set, not tried from inside: %v\n", err)
			err = nil
		}
		say("firewall", err, "It must run in the network namespace of the engine's host (network_mode: host), with CAP_NET_ADMIN. FIREWALL=off goes without.")
	}
	if wrong > 0 {
		return errors.New(count(wrong) + " wrong")
	}
	return nil
}

func count(n int) string {
	if n == 1 {
		return "1 thing is"
	}
	return fmt.Sprintf("%d things are", n)
}
