//go:build linux

package jail

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ending is the name by which the stand-in starts itself to end every process of a user at once.
const ending = "whaley-jail-end"

// endUser ends every process of the user that it becomes: all in one call, so that none can have children meanwhile. It
// has to be that user alone by then, as whoever is root as well would end everything there is.
func endUser(args []string) error {
	if len(args) != 1 {
		return errors.New("there is no user")
	}
	uid, err := strconv.Atoi(args[0])
	if err != nil || uid < ownFrom || uid > ownTo {
		return fmt.Errorf("%q is no user of a connection's own", args[0])
	}
	if err := unix.Setresuid(uid, uid, uid); err != nil {
		return fmt.Errorf("become user %d: %w", uid, err)
	}
	if real, effective, saved := unix.Getresuid(); real != uid || effective != uid || saved != uid {
		return fmt.Errorf("this is user %d, %d and %d, not %d", real, effective, saved, uid)
	}
	return unix.Kill(-1, unix.SIGKILL)
}

// Of processes that are left, until there are no more: how often, and how long between.
const (
	sweeps     = 400
	sweepEvery = 5 * time.Millisecond
)

// sweep ends what programs have left behind: every process of a connection's own user, if that is not 0, and whoever
// has lost its parent, which makes it a child of this process that belongs to no connection any more.
func (j *Jail) sweep(uid int) {
	for range sweeps {
		left, orphans := j.look(uid)
		if left > 0 {
			// A process that does nothing but have children outruns whoever ends them one by one.
			_, end, err := j.children.start("/proc/self/exe", []string{ending, strconv.Itoa(uid)}, nil, nil)
			if err == nil {
				_ = <-end //nolint:staticcheck // whether it is of use is seen next
			}
		}
		if left+orphans == 0 {
			return
		}
		time.Sleep(sweepEvery)
	}
	j.Log.Warn("processes are left of a connection that has ended")
}

// look ends all that it sees, one by one, and says how many were a user's and how many had no parent.
func (j *Jail) look(uid int) (left, orphans int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, 0
	}
	j.children.mu.Lock() // nothing is reaped meanwhile, so every number is still whose it was
	defer j.children.mu.Unlock()
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || j.children.of[pid] != nil {
			continue
		}
		switch parent, dead := parent(pid); {
		case dead:
		case parent == os.Getpid():
			orphans++
			_ = syscall.Kill(pid, syscall.SIGKILL)
		case uid != 0 && owner(pid) == uid:
			left++
		}
	}
	return left, orphans
}

// parent is the parent of a process, and whether it is gone or waits only for being reaped.
func parent(pid int) (of int, dead bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, true
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // the name may hold anything
	if len(fields) < 2 {
		return 0, true
	}
	n, _ := strconv.Atoi(string(fields[1]))
	return n, fields[0][0] == 'Z'
}

// owner is the user of a process; -1 if it is gone.
func owner(pid int) int {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return -1
	}
	_, after, found := bytes.Cut(text, []byte("\nUid:"))
	fields := bytes.Fields(after)
	if !found || len(fields) == 0 {
		return -1
	}
	n, _ := strconv.Atoi(string(fields[0]))
	return n
}
