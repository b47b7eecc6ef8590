//go:build linux

package jail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Jail runs the program of a configuration.
type Jail struct {
	Config *Config
	Log    *slog.Logger

	children *children
	own      bool // each connection has a user of its own

	mu   sync.Mutex
	open int
	of   map[string]int // address → connections
}

// Run listens, or runs the program once or again and again, until the context ends.
func (j *Jail) Run(ctx context.Context) error {
	c := j.Config
	if len(c.Command) == 0 || c.Command[0] == "" {
		return errors.New("the jail has no program to run")
	}
	if err := c.lay(); err != nil {
		return err
	}
	root := os.Geteuid() == 0
	if !root && c.Root != "/" {
		return fmt.Errorf(
			"the jail's root is %s, which only root can enter: leave out USER in the Dockerfile, or user in the compose file",
			c.Root,
		)
	}
	if root && (c.Mode == Listen || c.Mode == Once && isSocket(os.Stdin)) { // which another server has accepted, as socat
		why := c.shared()
		if j.own = why == ""; !j.own {
			c.note(
				"all connections have the user %d, as %s; nothing counts their processes but the container's limit", c.UID, why,
			)
		}
	}
	for _, note := range c.Notes {
		j.Log.Info("the jail is not done as it is written", "what", note)
	}
	// A player who is this user too must not look into this process.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("hide from the program: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of what programs leave behind: %w", err)
	}
	j.of, j.children = map[string]int{}, follow()
	defer j.children.stop()
	in, out, problems := os.Stdin.Fd(), os.Stdout.Fd(), os.Stderr.Fd()
	switch c.Mode {
	case Listen:
		return j.listen(ctx)
	case Rerun:
		for ctx.Err() == nil {
			_ = j.once(ctx, in, out, problems) // its end is what is waited for
		}
		return nil
	}
	return j.once(ctx, in, out, problems)
}

// isSocket says whether a file is a connection.
func isSocket(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&fs.ModeSocket != 0
}

// setting is the configuration as a program that enters the jail is told it.
func (j *Jail) setting(uid int) (string, error) {
	c := *j.Config
	if uid != 0 {
		c.UID = uid
		if c.Pids > 0 {
			limits := map[Resource]uint64{Processes: uint64(c.Pids)}
			for resource, most := range c.Limits {
				limits[resource] = most
			}
			c.Limits = limits
		}
	}
	text, err := json.Marshal(c)
	return string(text), err
}
