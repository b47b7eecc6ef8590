package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/rehearse"
)

const solveUsage = `whaley solve ID [--to URL] [--insecure]

Has a Whaley that runs solve one of its challenges by its own solver, against an instance that is thrown away, and prints what
came of it. URL is the dashboard's address; by default that of DASHBOARD_URL, or of make run on this machine. The key of
organisers is read from ADMIN_KEY or ADMIN_KEY_FILE, else it is asked for.

The exit code is 0 if the instance's own flag came out, else 1.
`

// solverStatus is what the API says of a solver.
type solverStatus struct {
	Running bool
	Last    *struct {
		State, Reason, Output string
		At                    time.Time
		TookMS                int `json:"took_ms"`
	}
}

func solveChallenge(ctx context.Context, env map[string]string, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("solve", flag.ContinueOnError)
	to, insecure := flags.String("to", "", ""), flags.Bool("insecure", false, "")
	ids, err := arguments(flags, solveUsage, args, out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case len(ids) != 1 || ids[0] == "":
		return fmt.Errorf("solve takes the id of one challenge\n\n%s", solveUsage)
	}
	address, key, err := whereAndKey(env, *to, out)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	on := rehearse.Admin(rehearse.Options{To: address, Key: key, Insecure: *insecure})
	path := "/admin/api/challenges/" + url.PathEscape(ids[0]) + "/solver"
	var before, now solverStatus
	if err := on.Call(ctx, "GET", path, nil, &before); err != nil {
		return err
	}
	if err := on.Call(ctx, "POST", path, nil, &now); err != nil {
		return err
	}
	for {
		fresh := now.Last != nil && (before.Last == nil || now.Last.At.After(before.Last.At))
		if fresh && !now.Running {
			break
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := on.Call(ctx, "GET", path, nil, &now); err != nil {
			return err
		}
	}
	fmt.Fprint(out, now.Last.Output)
	if now.Last.State != "green" {
		return fmt.Errorf("%s: %s", now.Last.State, now.Last.Reason)
	}
	fmt.Fprintf(out, "Solved in %s.\n", time.Duration(now.Last.TookMS)*time.Millisecond)
	return nil
}
