//go:build linux

package guest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

const (
	passwd = "/etc/passwd"
	group  = "/etc/group"
)

// identity is who a program is.
type identity struct {
	uid, gid int
	groups   []int
	home     string
}

// identify finds out who a container is for, as the engine and its runtime do.
func identify(o Order) (identity, error) {
	found, err := user.GetExecUserPath(o.User, nil, passwd, group)
	if err != nil {
		return identity{}, fmt.Errorf("become user %s: %w", o.User, err)
	}
	more, err := user.GetAdditionalGroupsPath(o.Groups, group)
	if err != nil {
		return identity{}, fmt.Errorf("become user %s of groups %s: %w", o.User, strings.Join(o.Groups, ", "), err)
	}
	who := identity{uid: found.Uid, gid: found.Gid, groups: []int{found.Gid}}
	for _, g := range slices.Concat(found.Sgids, more) {
		if !slices.Contains(who.groups, g) {
			who.groups = append(who.groups, g)
		}
	}
	// The runtime knows them by number only, and so finds the first of that number.
	home, err := user.GetExecUserPath(
		strconv.Itoa(who.uid)+":"+strconv.Itoa(who.gid), &user.ExecUser{Home: "/"}, passwd, group,
	)
	if err != nil {
		return identity{}, fmt.Errorf("find the home of user %s: %w", o.User, err)
	}
	who.home = home.Home
	return who, nil
}

// become makes this thread one of who the container is for, with what their program may do. It returns with all that
// done: the thread has to become the program.
func become(who identity, keep []string) error {
	runtime.LockOSThread()
	if err := giveDescriptors(who.uid); err != nil {
		return err
	}
	kept, err := capabilities(keep)
	if err != nil {
		return err
	}
	for c := range unix.CAP_LAST_CAP + 1 {
		if kept&(1<<c) == 0 {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
				return fmt.Errorf("give up capability %d: %w", c, err)
			}
		}
	}
	for _, step := range []func() error{
		func() error { return unix.Setgroups(who.groups) },
		func() error { return unix.Setresgid(who.gid, who.gid, who.gid) },
		func() error { return unix.Setresuid(who.uid, who.uid, who.uid) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("become user %d: %w", who.uid, err)
		}
	}
	return limitTo(kept)
}

// capabilities are those of some names as bits.
func capabilities(names []string) (bits uint64, err error) {
	for _, name := range names {
		n, known := numbers[name]
		if !known {
			return 0, fmt.Errorf("there is no capability %s", name)
		}
		bits |= 1 << n
	}
	return bits, nil
}

// limitTo takes all capabilities from this thread but some; a user who is not root has none by now.
func limitTo(kept uint64) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	for n := range sets {
		part := uint32(kept >> (32 * n))
		sets[n].Effective &= part
		sets[n].Permitted &= part
		sets[n].Inheritable &= part
	}
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	return nil
}

// giveDescriptors makes the standard descriptors those of a user, as runtimes do: else /dev/stdout could not be opened.
func giveDescriptors(uid int) error {
	var null, s unix.Stat_t
	if err := unix.Stat("/dev/null", &null); err != nil {
		return fmt.Errorf("look at /dev/null: %w", err)
	}
	for fd := range 3 {
		if err := unix.Fstat(fd, &s); err != nil {
			continue // it is closed
		}
		if s.Rdev == null.Rdev && s.Mode&unix.S_IFMT == unix.S_IFCHR || int(s.Uid) == uid {
			continue
		}
		if err := unix.Fchown(fd, uid, int(s.Gid)); err != nil && !errors.Is(err, unix.EINVAL) &&
			!errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EROFS) {
			return fmt.Errorf("give descriptor %d to user %d: %w", fd, uid, err)
		}
	}
	return nil
}

// resources are the limits that ulimits name.
var resources = map[string]int{
	"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA,
	"fsize": unix.RLIMIT_FSIZE,
	"locks": unix.RLIMIT_LOCKS, "memlock": unix.RLIMIT_MEMLOCK, "msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE,
	"nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "rss": unix.RLIMIT_RSS, "rtprio": unix.RLIMIT_RTPRIO,
	"rttime": unix.RLIMIT_RTTIME, "sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
}

// limit sets limits, down from what they are.
func limit(limits map[string]Limit) error {
	for name, l := range limits {
		resource, known := resources[name]
		if !known {
			return fmt.Errorf("there is no limit %s", name)
		}
		var now syscall.Rlimit
		if err := syscall.Getrlimit(resource, &now); err != nil {
			return fmt.Errorf("read the limit %s: %w", name, err)
		}
		hard := min(l.Hard, now.Max)
		// By the package syscall, which else sets what the program had of files at its beginning when it becomes another.
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: min(l.Soft, hard), Max: hard}); err != nil {
			return fmt.Errorf("limit %s to %d: %w", name, hard, err)
		}
	}
	return nil
}

// addHosts adds lines to /etc/hosts.
func addHosts(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	f, err := os.OpenFile("/etc/hosts", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("add names of hosts: %w", err)
	}
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	return errors.Join(err, f.Close())
}
