package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/rehearse"
)

const rehearseUsage = `whaley rehearse [--teams 20] [--profile first-hour] [--for 3m] [--event-teams N]
                [--to URL] [--edge HOST:PORT] [--insecure] [--json FILE] [--html FILE] [--compare FILE]
                [--chaos PART]…

Plays an event on a Whaley that runs, with teams that are none: they come, start instances by opening their addresses, load
pages, connect, start anew and go. It says what the host carries, what gives way first and which setting moves that, and
whether it is enough (go or no-go). Players notice it as they would notice as many teams; no team is in any statistics, and
no flag of theirs in CTFd. Ctrl-C stops it at once, and nothing of it is left.

  --profile   first-hour, release, steady or finale
  --event-teams  teams of the event that the forecast is for; default: those that play
  --to        the dashboard's address; default DASHBOARD_URL, or that of make run on this machine
  --edge      where instances' addresses are reached, if their names lead elsewhere from here
  --insecure  do not check certificates
  --json, --html  files that the result is written into; --compare reads an earlier one of --json
  --chaos     has a part of the deployment fail meanwhile, with REHEARSE_CHAOS=true there: sidecar, redis, postgres or ctfd (as
              Compose runs them on this host), engine, or name=command that breaks something and mends it. May be repeated

Run it on the host itself: there each team comes from an address of its own, as players do. The key of organisers is read
from ADMIN_KEY or ADMIN_KEY_FILE, else it is asked for. The exit code is 0 for go and 1 for no-go.
`

const sizeUsage = `whaley size --from FILE [--teams 100] [--per-team 3] [--challenges A,B]

Says which machine an event needs, by what its challenges cost in a rehearsal: FILE is what whaley rehearse --json has
written. --per-team is how many instances a team has at once.
`

func rehearseEvent(ctx context.Context, env map[string]string, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("rehearse", flag.ContinueOnError)
	o := rehearse.Options{Out: out}
	flags.IntVar(&o.Teams, "teams", 20, "")
	flags.IntVar(&o.Event, "event-teams", 0, "")
	flags.StringVar(&o.Name, "profile", "first-hour", "")
	flags.DurationVar(&o.Lasts, "for", 3*time.Minute, "")
	flags.StringVar(&o.To, "to", "", "")
	flags.StringVar(&o.Edge, "edge", "", "")
	flags.BoolVar(&o.Insecure, "insecure", false, "")
	flags.Func("chaos", "", func(text string) error {
		fault, err := rehearse.FaultOf(text)
		o.Chaos = append(o.Chaos, fault)
		return err
	})
	into, page, before := flags.String("json", "", ""), flags.String("html", "", ""), flags.String("compare", "", "")
	rest, err := arguments(flags, rehearseUsage, args, out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case len(rest) > 0 || o.Teams < 1 || o.Lasts < time.Second:
		return fmt.Errorf("rehearse takes at least 1 team and 1 s, and no arguments\n\n%s", rehearseUsage)
	}
	if _, err := rehearse.ProfileNamed(o.Name); err != nil {
		return err
	}
	var earlier *rehearse.Result
	if *before != "" {
		if earlier, err = readResult(*before); err != nil {
			return err
		}
	}
	if o.To, o.Key, err = whereAndKey(env, o.To, out); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	result, err := rehearse.Run(ctx, o)
	if err != nil && ctx.Err() != nil && err == ctx.Err() { //nolint:errorlint // nothing else went wrong
		return errors.New("the rehearsal was stopped; nothing of it is left")
	}
	if err != nil {
		return err
	}
	result.Print(out)
	if earlier != nil {
		result.Compare(*earlier, out)
	}
	if err := writeResult(result, *into, *page); err != nil {
		return err
	}
	if !result.Go {
		return errors.New("no-go: " + strings.Join(result.Reasons, "; "))
	}
	return nil
}

// whereAndKey is the dashboard's address and the key of organisers of a Whaley that runs.
func whereAndKey(env map[string]string, to string, out io.Writer) (address, key string, err error) {
	c, err := app.ReadSettings(settingsOfAuthors(env, "DASHBOARD_URL"))
	if err != nil {
		return "", "", err
	}
	key, err = adminKey(env, out)
	return cmp.Or(to, c.DashboardURL), key, err
}

func writeResult(r rehearse.Result, into, page string) error {
	if into != "" {
		text, err := json.MarshalIndent(r, "", "  ")
		if err == nil {
			err = os.WriteFile(into, append(text, '\n'), 0o644) //nolint:gosec // no secrets
		}
		if err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	if page == "" {
		return nil
	}
	f, err := os.Create(page)
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return errors.Join(r.HTML(f), f.Close())
}

func readResult(file string) (*rehearse.Result, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read an earlier result: %w", err)
	}
	r := &rehearse.Result{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s is no result of whaley rehearse --json: %w", file, err)
	}
	return r, nil
}

func sizeEvent(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("size", flag.ContinueOnError)
	from, challenges := flags.String("from", "", ""), flags.String("challenges", "", "")
	teams, each := flags.Int("teams", 100, ""), flags.Int("per-team", 3, "")
	rest, err := arguments(flags, sizeUsage, args, out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case len(rest) > 0 || *from == "" || *teams < 1 || *each < 1:
		return fmt.Errorf("size takes --from with what whaley rehearse --json has written, and numbers above 0\n\n%s", sizeUsage)
	}
	r, err := readResult(*from)
	if err != nil {
		return err
	}
	var only []string
	if *challenges != "" {
		only = strings.Split(*challenges, ",")
	}
	return r.Size(*teams, *each, only, out)
}
