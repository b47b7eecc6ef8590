package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/importer"
)

// importChallenges makes challenges of folders as their authors keep them, and says what became of each. It needs no
// setting; those that bound challenges and say what flags begin with count.
func importChallenges(ctx context.Context, env map[string]string, args []string, out io.Writer) error {
	var o importer.Options
	var dirs []string
	for _, arg := range args {
		switch {
		case arg == "--check":
			o.Check = true
		case len(arg) > 1 && arg[0] == '-':
			return fmt.Errorf("import has no option %q\n\n%s", arg, usage)
		default:
			dirs = append(dirs, arg)
		}
	}
	if len(dirs) == 0 {
		return fmt.Errorf("import takes the folders to look for challenges in\n\n%s", usage)
	}
	c, err := app.ReadSettings(env)
	if err != nil {
		return err
	}
	o.Defaults = app.ChallengeDefaults(c)
	report, err := importer.Run(ctx, dirs, o)
	if err != nil {
		return err
	}
	from, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find out where this runs: %w", err)
	}
	if err := report.Print(out, from); err != nil {
		return err
	}
	switch {
	case len(report.Results) == 0:
		return errors.New("no challenge was found: one has a compose file or a Dockerfile")
	case report.Refused() > 0:
		return fmt.Errorf("%s refused", challengesAre(report.Refused()))
	}
	return nil
}

func challengesAre(n int) string {
	if n == 1 {
		return "1 challenge is"
	}
	return fmt.Sprintf("%d challenges are", n)
}
