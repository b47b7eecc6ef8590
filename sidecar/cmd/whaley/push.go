package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/app"
	"github.com/whaley-ctf/whaley/sidecar/internal/push"
	"golang.org/x/sys/unix"
)

const pushUsage = `whaley push DIR [--to URL] [--open]

Sends a challenge to a Whaley that runs, in the place of the one with the same id if there is one, and follows the building
of its images. Instances that run go on with what they were made of. Nothing changes there if it is refused.
A challenge that is new there is closed to players until it is opened in the panel; with --open they can start it at once.

URL is the dashboard's address, as https://whaley.example.org; by default that of DASHBOARD_URL, or of make run on this
machine. The key of organisers is read from ADMIN_KEY or ADMIN_KEY_FILE, else it is asked for.

The exit code is 0 if its images were built; 1 if it is refused, cannot be sent, or is not built.
`

func pushChallenge(ctx context.Context, env map[string]string, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("push", flag.ContinueOnError)
	to := flags.String("to", "", "")
	open := flags.Bool("open", false, "")
	dir, err := oneFolder(flags, pushUsage, args, out)
	if err != nil || dir == "" {
		return err
	}
	c, err := app.ReadSettings(settingsOfAuthors(env, "DASHBOARD_URL"))
	if err != nil {
		return err
	}
	key, err := adminKey(env, out)
	if err != nil {
		return err
	}
	return push.Run(
		ctx,
		push.Options{
			Dir: dir, To: cmp.Or(*to, c.DashboardURL), Key: key, Open: *open, Defaults: app.ChallengeDefaults(c), Out: out,
		},
	)
}

// adminKey is the key of organisers of another Whaley.
func adminKey(env map[string]string, out io.Writer) (string, error) {
	if key := env["ADMIN_KEY"]; key != "" {
		return key, nil
	}
	if file := env["ADMIN_KEY_FILE"]; file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("ADMIN_KEY_FILE: %w", err)
		}
		return strings.TrimSpace(string(text)), nil
	}
	return askKey(out)
}

// askKey asks for the key of organisers without showing it.
func askKey(out io.Writer) (string, error) {
	terminal := int(os.Stdin.Fd())
	state, err := unix.IoctlGetTermios(terminal, getTerminal)
	if err != nil {
		return "", errors.New("ADMIN_KEY is not set, and there is no terminal to ask for it: set it, or ADMIN_KEY_FILE")
	}
	fmt.Fprint(out, "Admin key: ")
	quiet := *state
	quiet.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(terminal, setTerminal, &quiet); err != nil {
		return "", fmt.Errorf("ask for the admin key: %w", err)
	}
	defer func() {
		_ = unix.IoctlSetTermios(terminal, setTerminal, state) // it is the terminal of before
		fmt.Fprintln(out)
	}()
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if key := strings.TrimSpace(line); key != "" {
		return key, nil
	}
	return "", errors.Join(errors.New("no admin key was given"), err)
}
