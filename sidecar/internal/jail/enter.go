//go:build linux

package jail

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/lookpath"
	"golang.org/x/sys/unix"
)

// entering is the name by which the stand-in starts itself to become a program in its jail.
const entering = "whaley-jail-enter"

// settingOf is the variable that then holds the configuration. The program never sees it.
const settingOf = "WHALEY_JAIL"

// numbers of resources, as the kernel has them.
var numbers = map[Resource]int{
	AddressSpace: unix.RLIMIT_AS, Core: unix.RLIMIT_CORE, CPU: unix.RLIMIT_CPU, FileSize: unix.RLIMIT_FSIZE,
	OpenFiles: unix.RLIMIT_NOFILE, Processes: unix.RLIMIT_NPROC, Stack: unix.RLIMIT_STACK,
}

// enter becomes the program of a configuration: it returns only if that fails.
func enter() error {
	runtime.LockOSThread() // what is given up is this thread's
	debug.SetGCPercent(-1) // it makes threads, which count as processes of the user
	var c Config
	if err := json.Unmarshal([]byte(os.Getenv(settingOf)), &c); err != nil {
		return fmt.Errorf("the jail's configuration: %w", err)
	}
	environment := c.environment(os.Environ())
	root := os.Geteuid() == 0
	if root && c.Root != "/" {
		if err := unix.Chroot(c.Root); err != nil {
			return fmt.Errorf("enter the root %s: %w", c.Root, err)
		}
	}
	if err := unix.Chdir(c.Dir); err != nil {
		return fmt.Errorf("enter the folder %s: %w", c.Dir, err)
	}
	if root {
		for _, become := range []func() error{
			func() error { return unix.Setgroups(nil) },
			func() error { return unix.Setresgid(c.GID, c.GID, c.GID) },
			func() error { return unix.Setresuid(c.UID, c.UID, c.UID) },
		} {
			if err := become(); err != nil {
				return fmt.Errorf("become user %d: %w", c.UID, err)
			}
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil { // else a setuid program could leave the root
		return fmt.Errorf("give up privileges: %w", err)
	}
	path, err := lookpath.Find(c.Command[0], environment, usualPath)
	if err != nil {
		return err
	}
	if err := c.limit(); err != nil { // last: they are the program's, not ours
		return err
	}
	return fmt.Errorf("run %s: %w", path, unix.Exec(path, c.Command, environment))
}

// limit sets the limits, that of processes as the last: this process has threads, which may be more, and needs no
// further one.
func (c *Config) limit() error {
	for _, resource := range []Resource{AddressSpace, Core, CPU, FileSize, OpenFiles, Stack, Processes} {
		most, limited := c.Limits[resource]
		if !limited {
			continue
		}
		var now unix.Rlimit
		if err := unix.Getrlimit(numbers[resource], &now); err != nil {
			return fmt.Errorf("read the limit of %s: %w", resource, err)
		}
		most = min(most, now.Max)
		if err := unix.Setrlimit(numbers[resource], &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("limit %s to %d: %w", resource, most, err)
		}
	}
	return nil
}

// environment is what the program gets: its own variables, and those outside if it keeps them.
func (c *Config) environment(outside []string) []string {
	var all []string
	if c.KeepEnv {
		for _, e := range outside {
			if !strings.HasPrefix(e, settingOf+"=") {
				all = append(all, e)
			}
		}
	}
	for _, e := range c.Env {
		if strings.Contains(e, "=") {
			all = append(all, e)
			continue
		}
		for _, known := range outside {
			if strings.HasPrefix(known, e+"=") {
				all = append(all, known)
			}
		}
	}
	return all
}

// usualPath is where programs lie if nothing else is said.
const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
