// Command whaley is the sidecar: it owns the engine, the database, the routes and the web pages.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/check"
	"github.com/whaley-ctf/whaley/sidecar/internal/firewall"
	"github.com/whaley-ctf/whaley/sidecar/internal/survey"
	"github.com/whaley-ctf/whaley/sidecar/internal/warden"
	"golang.org/x/sys/unix"
)

const usage = `whaley gives every player their own running copy of a challenge.

  whaley serve     run (the default); settings come from the environment, see docs/settings.md
  whaley check     look at the settings, every challenge, the engine, the database and Redis, and say all that is wrong
  whaley new KIND NAME          make a folder with a new challenge (web, pwn, two-services, bot); see whaley new --help
  whaley import [--check] DIR…  make challenges of the folders found there: instance.toml, and a compose file where
                   there is none, beside what is there; --check only says what would become of them
  whaley export --ctfcli [--replace] DIR  write the link to players' instances into each challenge.yml of a ctfcli project, and make
                   those that are missing; flags are never written
  whaley test DIR [--solve]     build a challenge, start a throw-away instance of it here, and solve it; see whaley test --help
  whaley push DIR [--to URL]    send a challenge to a Whaley that runs; see whaley push --help
  whaley solve ID [--to URL]    have a Whaley that runs solve a challenge by its own solver; see whaley solve --help
  whaley rehearse [--teams N]   play an event with synthetic teams on a Whaley that runs; see whaley rehearse --help
  whaley size --from FILE       which machine an event needs, by what a rehearsal has measured; see whaley size --help
  whaley canary    try addresses: what serve and check run in a container to see whether the firewall holds
  whaley relay     lead an instance's own addresses to its services: what runs inside instances that want it
  whaley plugin D  lay out the plugin in the folder D, for a Traefik beside it: only in Whaley's own image
  whaley survey    measure what instances have on the disk: what serve runs in a container and asks
  whaley warden    bound what builds use: what serve runs in a container while BuildKit builds
  whaley backup F   put all that must not be lost into the file F; the sidecar may go on serving
  whaley restore F  bring it back, into an empty database and empty folders
  whaley health    ask the one that serves with these settings whether it is ready
  whaley version   print the version

While serving, SIGHUP loads the challenges again; SIGTERM ends it and leaves the instances running.
`

func main() {
	// Files of challenges are read by whoever runs in their containers, however the machine's root is set up. What is
	// nobody else's is made with a mode of its own.
	unix.Umask(0o022)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], environment(), os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "whaley:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, env map[string]string, out io.Writer) error {
	command := "serve"
	if len(args) > 0 {
		command = args[0]
	}
	if command == "canary" {
		return firewall.Canary(ctx, args[1:], out)
	}
	if command == "import" {
		return importChallenges(ctx, env, args[1:], out)
	}
	if command == "export" {
		return exportChallenges(ctx, env, args[1:], out)
	}
	if command == "test" {
		return testChallenge(ctx, env, args[1:], out)
	}
	if command == "push" {
		return pushChallenge(ctx, env, args[1:], out)
	}
	if command == "solve" {
		return solveChallenge(ctx, env, args[1:], out)
	}
	if command == "rehearse" {
		return rehearseEvent(ctx, env, args[1:], out)
	}
	if command == "size" {
		return sizeEvent(args[1:], out)
	}
	if command == "plugin" {
		return layPlugin(args[1:])
	}
	if command == "new" {
		return newChallenge(env, args[1:], out)
	}
	if command == "relay" {
		return app.ServeRelay(ctx, env)
	}
	if command == "backup" || command == "restore" {
		if len(args) != 2 {
			return fmt.Errorf("%s takes the name of a file\n\n%s", command, usage)
		}
		if command == "backup" {
			return saveBackup(ctx, env, args[1], out)
		}
		return restoreBackup(ctx, env, args[1], out)
	}
	if len(args) > 1 {
		return fmt.Errorf("%s takes no arguments\n\n%s", command, usage)
	}
	switch command {
	case "survey":
		return survey.Serve(ctx, os.Stdin, out)
	case "warden":
		return warden.Serve(ctx, os.Stdin, out)
	case "serve":
		err := app.Serve(ctx, env, out)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil // it was told to end before it had begun
		}
		return err
	case "check":
		return check.Run(ctx, env, out)
	case "health":
		return app.Health(ctx, env, out)
	case "version":
		fmt.Fprintln(out, "whaley", app.Version)
		return nil
	case "help", "-h", "--help":
		fmt.Fprint(out, usage)
		return nil
	}
	return fmt.Errorf("there is no command %q\n\n%s", command, usage)
}

func environment() map[string]string {
	env := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}
