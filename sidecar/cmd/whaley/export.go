package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/ctfcli"
)

// exportChallenges writes the links of the challenges into the files that ctfcli brings into CTFd.
func exportChallenges(ctx context.Context, env map[string]string, args []string, out io.Writer) error {
	o, wanted, dir := ctfcli.Options{}, false, ""
	for _, arg := range args {
		switch {
		case arg == "--ctfcli":
			wanted = true
		case arg == "--replace":
			o.Replace = true
		case strings.HasPrefix(arg, "-") || dir != "":
			return fmt.Errorf("export does not know %q\n\n%s", arg, usage)
		default:
			dir = arg
		}
	}
	if !wanted || dir == "" {
		return fmt.Errorf("export takes --ctfcli and the folder of a ctfcli project\n\n%s", usage)
	}
	c, err := app.ReadSettings(env)
	if err != nil {
		return err
	}
	library := challenge.NewLibrary(c.ChallengesDir, app.ChallengeDefaults(c))
	problems, err := library.Reload(ctx)
	if err != nil {
		return fmt.Errorf("read CHALLENGES_DIR: %w", err)
	}
	for _, p := range problems {
		fmt.Fprintln(out, p.String())
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the folder of the ctfcli project: %w", err)
	}
	defer root.Close()
	o.Link = func(id string) string { return strings.TrimRight(c.DashboardURL, "/") + "/go/" + id }
	results, err := ctfcli.Export(root, library.All(), o)
	if err != nil {
		return err
	}
	failed := 0
	for _, r := range results {
		if r.Err != nil {
			failed++
			fmt.Fprintf(out, "%-24s %v\n", r.Challenge, r.Err)
			continue
		}
		fmt.Fprintf(out, "%-24s %s: %s\n", r.Challenge, r.File, r.Outcome)
	}
	fmt.Fprintln(
		out,
		"Points of files that were made are 100. During the event: ctf challenge sync --ignore flags --ignore connection_info",
	)
	if failed > 0 || len(problems) > 0 {
		return errors.New("not every challenge has its link")
	}
	return nil
}
