package jail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
)

// Targets are the programs that the stand-in takes the place of: their paths in images of each family.
var Targets = []string{"/jail/run", "/usr/bin/nsjail", "/usr/local/bin/nsjail", "/usr/bin/kctf_setup", "/usr/bin/kctf_drop_privs", "/usr/bin/kctf_pow"}

// Roots are where redpwn's and kCTF's jails have theirs, and Devices what is in /dev of a jail: those that every container
// may use, which only the engine can put there.
var (
	Roots   = []string{redpwnRoot, "/chroot"}
	Devices = []string{"full", "null", "random", "urandom", "zero"}
)

// Main does what the program of that name does, and says whether there is such a one.
func Main(args []string) (err error, known bool) { //nolint:revive,staticcheck // whether it is one of ours comes second
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	var c *Config
	switch name := filepath.Base(args[0]); name {
	case entering:
		return enter(), true
	case "kctf_setup":
		return nil, true // there is nothing to set up
	case "kctf_drop_privs", "kctf_pow":
		return instead(args[1:]), true // the jail becomes its user by itself, and its owner has no others to keep out
	case "nsjail":
		c, err = Arguments(args[1:])
	case "run":
		if args[0] != "/jail/run" {
			return nil, false
		}
		c, err = hooked(ctx)
	default:
		return nil, false
	}
	if err != nil {
		return err, true
	}
	err = (&Jail{Config: c, Log: log}).Run(ctx)
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		os.Exit(max(ended.ExitCode(), 1))
	}
	return err, true
}

// hooked is the configuration of redpwn/jail, after its hook.
func hooked(ctx context.Context) (*Config, error) {
	text, err := redpwn(os.Environ())
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(redpwnHook); err != nil {
		return Parse(text)
	}
	if err := os.WriteFile(redpwnConfig, []byte(text), 0o600); err != nil {
		return nil, err
	}
	hook := exec.CommandContext(ctx, redpwnHook)
	hook.Stdout, hook.Stderr = os.Stderr, os.Stderr
	if err := hook.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w", redpwnHook, err)
	}
	changed, err := os.ReadFile(redpwnConfig)
	if err != nil {
		return nil, err
	}
	return Parse(string(changed))
}

// instead becomes another program.
func instead(args []string) error {
	if len(args) == 0 {
		return errors.New("there is no program to run")
	}
	path, err := find(args[0], os.Environ())
	if err != nil {
		return err
	}
	return fmt.Errorf("run %s: %w", path, syscall.Exec(path, slices.Clone(args), os.Environ()))
}
