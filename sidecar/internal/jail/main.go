//go:build linux

package jail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/lookpath"
)

// downUnderUser is what DownUnderCTF's image runs once it has made control groups, which nobody needs here.
const downUnderUser = "/docker-init/nsjail-user.sh"

// Main does what the program of that name does, and returns how it ended.
func Main(args []string) int {
	if err := do(args); err != nil {
		var code ended
		if errors.As(err, &code) {
			return int(code)
		}
		fmt.Fprintln(os.Stderr, "whaley's stand-in for the jail:", err)
		return 1
	}
	return 0
}

func do(args []string) error {
	name := filepath.Base(args[0])
	switch name {
	case entering:
		return enter()
	case ending:
		return endUser(args[1:])
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c *Config
	var err error
	switch name {
	case "kctf_setup":
		return nil // there is nothing to set up
	case "kctf_pow":
		end := time.AfterFunc(workTime, func() { os.Exit(1) }) // who asks for nothing but time gives its place back
		if err := askKCTF(standardStreams{}); err != nil {
			return err
		}
		end.Stop()
		return instead(args[1:])
	case "kctf_drop_privs", "docker-entrypoint.sh": // the jail becomes its user by itself, and nothing is mounted
		return instead(args[1:])
	case "nsjail-launcher.sh":
		return instead([]string{downUnderUser})
	case "nsjail":
		c, err = Arguments(args[1:])
	case "run":
		c, err = hooked(ctx)
	case filepath.Base(Entry):
		c, err = cyber(os.Environ())
	default:
		return fmt.Errorf("there is no stand-in for a program %s", name)
	}
	if err != nil {
		return err
	}
	log := io.Writer(os.Stderr)
	if isSocket(os.Stderr) { // what is said there the player reads
		log = io.Discard
	}
	return (&Jail{Config: c, Log: slog.New(slog.NewTextHandler(log, nil))}).Run(ctx)
}

// standardStreams are what a program that is started for a connection has of it.
type standardStreams struct{}

func (standardStreams) Read(into []byte) (int, error)  { return os.Stdin.Read(into) }
func (standardStreams) Write(text []byte) (int, error) { return os.Stdout.Write(text) }

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
	hook := exec.CommandContext(ctx, "/bin/sh", redpwnHook)
	hook.Env = append(os.Environ(), "nsjail_cfg="+redpwnConfig)
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
	path, err := lookpath.Find(args[0], os.Environ(), usualPath)
	if err != nil {
		return err
	}
	return fmt.Errorf("run %s: %w", path, syscall.Exec(path, slices.Clone(args), os.Environ()))
}
