package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/program"
	"github.com/whaley-ctf/whaley/sidecar/internal/tryout"
)

const testUsage = `whaley test DIR [--solve] [--timeout 2m]

Tests a challenge: builds its images, starts a throw-away instance of it on this machine's Docker engine and prints its
address. It runs until Ctrl-C; with --solve, DIR/solve.sh, or what else solves it, is run against it instead, and must
print that instance's flag.
Everything lies in a temporary folder and is gone afterwards, but for layers of images that make the next test quick. A
Whaley that runs on this machine is not touched. Settings in the environment count, as FLAG_PREFIX and CONTAINER_MAX_MEMORY.

solve.sh gets the address of the first route as its arguments (http: URL; port: HOST PORT; tcp: HOST PORT NAME) and as
HOST, PORT, URL and SNI in its environment; those of each route are HOST_<ROUTE>, PORT_<ROUTE>, URL_<ROUTE>, SNI_<ROUTE>.

The exit code is 0 if all went well; 1 if the challenge is refused, not built, not ready, or not solved.
`

// arguments reads flags wherever they stand. Help was asked for, and printed, if the error is flag.ErrHelp.
func arguments(flags *flag.FlagSet, usage string, args []string, out io.Writer) (rest []string, err error) {
	flags.SetOutput(io.Discard)
	for len(args) > 0 {
		err := flags.Parse(args)
		switch {
		case errors.Is(err, flag.ErrHelp):
			fmt.Fprint(out, usage)
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("%w\n\n%s", err, usage)
		}
		if args = flags.Args(); len(args) > 0 {
			rest, args = append(rest, args[0]), args[1:]
		}
	}
	return rest, nil
}

// oneFolder is the one argument of a command that takes a challenge's folder, beside its flags. It is empty, without an
// error, if help was asked for and printed.
func oneFolder(flags *flag.FlagSet, usage string, args []string, out io.Writer) (string, error) {
	dirs, err := arguments(flags, usage, args, out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return "", nil
	case err != nil:
		return "", err
	case len(dirs) != 1 || dirs[0] == "":
		return "", fmt.Errorf("%s takes the folder of one challenge\n\n%s", flags.Name(), usage)
	}
	return dirs[0], nil
}

func testChallenge(ctx context.Context, env map[string]string, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	solve := flags.Bool("solve", false, "")
	timeout := flags.Duration("timeout", 2*time.Minute, "")
	dir, err := oneFolder(flags, testUsage, args, out)
	if err != nil || dir == "" {
		return err
	}
	bare := settingsOfAuthors(env)
	c, err := app.ReadSettings(bare)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return tryout.Run(ctx, tryout.Options{
		Dir: dir, Defaults: app.ChallengeDefaults(c), Program: program.Self, Env: bare, Solve: *solve, Timeout: *timeout,
		Out: out,
	})
}

// settingsOfAuthors are those that say what a challenge may have. Those of a Whaley that serves, with its secrets, are
// none of an author's command, but for those that are named.
func settingsOfAuthors(env map[string]string, named ...string) map[string]string {
	bare := map[string]string{}
	for name, value := range env {
		if slices.Contains(named, name) || !strings.HasSuffix(name, "_FILE") && !slices.Contains(ofAServer, name) {
			bare[name] = value
		}
	}
	return bare
}

var ofAServer = []string{
	"DATA_DIR", "CHALLENGES_DIR", "DATABASE_URL", "REDIS_URL", "TRAEFIK_REDIS_URL", "SECRET", "PLUGIN_KEY", "ADMIN_KEY",
	"ADAPTER_KEY", "RCTF_AUTH_TOKEN", "METRICS_SECRET", "ADMIN_PATH",
	"AUTH_MODE", "CTFD_URL", "CTFD_PUBLIC_URL", "CTFD_API_KEY", "EDGE", "LISTEN", "LISTEN_HOSTS", "INTERNAL_LISTEN",
	"EDGE_LISTEN", "EDGE_TLS_LISTEN",
	"BASE_DOMAIN", "DASHBOARD_URL", "TRUSTED_PROXIES", "BACKEND", "BACKEND_HOST", "SUBNET_POOL", "PORT_RANGE_START",
	"PORT_RANGE_END", "DRAIN",
	"DASHBOARD_USERS", "DISCORD_WEBHOOK_URL", "WEBHOOK_URL", "WEBHOOK_SECRET", "EVENTS_FILE", "FORENSICS_LOG_DIR",
	"OTEL_TRACES_EXPORTER",
}
