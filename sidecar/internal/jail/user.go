package jail

import (
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// mapped is who the program is: outside, as files have their owners by that, else inside. A jail's root has no power
// outside, so it is nobody here.
func (c *Config) mapped(f field) int {
	names := map[string]string{}
	for _, inner := range f.message {
		names[inner.name] = inner.value
	}
	for _, key := range []string{"outside_id", "inside_id"} {
		name := names[key]
		if name == "" {
			continue
		}
		if n, err := identity(f.name, name); err != nil {
			c.note("%s: %s", f.name, err)
		} else if n != 0 {
			return n
		}
	}
	c.note("%s: it is %d here", f.name, defaultUser)
	return defaultUser
}

// identity is a number, or what the files of the container say of a name.
func identity(kind, name string) (int, error) {
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n), nil
	}
	id := ""
	if kind == "gidmap" {
		group, err := user.LookupGroup(name)
		if err != nil {
			return 0, err
		}
		id = group.Gid
	} else {
		one, err := user.Lookup(name)
		if err != nil {
			return 0, err
		}
		id = one.Uid
	}
	n, err := strconv.ParseUint(id, 10, 31)
	return int(n), err
}

// Users of connections' own are far above those of any image. Two containers on a host would meet by an accident only.
const (
	ownFrom = 1 << 24
	ownTo   = math.MaxInt32 - 1
)

func ownUser() int { return ownFrom + rand.IntN(ownTo-ownFrom) }

// shared says why all connections have to have the same user; empty: each gets one of its own, so that none reaches
// another's processes and files, and its processes can be counted.
func (c *Config) shared() string {
	if !manyUsers() {
		return "this container has but few users"
	}
	text, err := os.ReadFile(filepath.Join(c.Root, "/etc/passwd"))
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if fields := strings.Split(line, ":"); len(fields) > 2 && fields[2] == strconv.Itoa(c.UID) {
				return fmt.Sprintf("the jail knows %d as %s", c.UID, fields[0])
			}
		}
	}
	found := ""
	err = filepath.WalkDir(c.Root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read is nobody's of the jail
		}
		if in, _ := filepath.Rel(c.Root, path); e.IsDir() && slices.Contains(ofSystems, in) {
			return fs.SkipDir
		}
		info, err := e.Info()
		if err != nil || info.Mode()&fs.ModeSymlink != 0 {
			return nil
		}
		owner, known := info.Sys().(*syscall.Stat_t)
		if mode := info.Mode().Perm(); known && int(owner.Uid) == c.UID && mode>>6&7&^(mode&7) != 0 {
			found = fmt.Sprintf("%s is user %d's alone", path, c.UID)
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return found
}

// manyUsers says whether the container can have users of connections' own: with a user namespace it might not.
func manyUsers() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	var inside, outside, length uint64
	_, err = fmt.Sscan(string(text), &inside, &outside, &length)
	return err == nil && inside == 0 && length > ownTo
}

// ofSystems are folders of a root where nothing is a challenge's own.
var ofSystems = []string{
	"proc", "sys", "dev", "usr", "lib", "lib32", "lib64", "libx32", "bin", "sbin", "boot", "var/lib", "var/cache", "run",
}
