//go:build linux

package guest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// count is what the container uses whose files are below a root, by either version of cgroups.
func count(root string) (*Use, error) {
	at := func(name ...string) string { return filepath.Join(append([]string{root, "sys/fs/cgroup"}, name...)...) }
	u := &Use{}
	switch {
	case there(at("memory.current")):
		u.Memory = number(at("memory.current")) - named(at("memory.stat"), "inactive_file")
		u.Limit, u.Pids = number(at("memory.max")), number(at("pids.current"))
		u.CPU = time.Duration(named(at("cpu.stat"), "usage_usec")) * time.Microsecond
		for _, line := range lines(at("io.stat")) {
			u.Read += after(line, "rbytes=")
			u.Written += after(line, "wbytes=")
		}
	case there(at("memory", "memory.usage_in_bytes")):
		u.Memory = number(at("memory", "memory.usage_in_bytes")) - named(at("memory", "memory.stat"), "total_inactive_file")
		u.Limit, u.Pids = number(at("memory", "memory.limit_in_bytes")), number(at("pids", "pids.current"))
		u.CPU = time.Duration(number(at("cpuacct", "cpuacct.usage")))
		for _, line := range lines(at("blkio", "blkio.throttle.io_service_bytes_recursive")) {
			if fields := strings.Fields(line); len(fields) == 3 {
				switch fields[1] {
				case "Read":
					u.Read += parsed(fields[2])
				case "Write":
					u.Written += parsed(fields[2])
				}
			}
		}
	default:
		return nil, errors.New("the container's cgroup is not seen")
	}
	if u.Memory < 0 || u.CPU == 0 {
		return nil, fmt.Errorf("the container's cgroup says %d bytes and %s of CPU", u.Memory, u.CPU)
	}
	for _, line := range lines(filepath.Join(root, "proc/net/dev")) {
		name, rest, ok := strings.Cut(line, ":")
		if fields := strings.Fields(rest); ok && strings.TrimSpace(name) != "lo" && len(fields) > 8 {
			u.In += parsed(fields[0])
			u.Out += parsed(fields[8])
		}
	}
	u.Opened = opened(root)
	for _, name := range []string{"tcp", "tcp6"} {
		u.Held += held(lines(filepath.Join(root, "proc/net", name)))
	}
	return u, nil
}

// opened is how many connections were taken by whoever listens in the network namespace.
func opened(root string) int64 {
	var names []string
	for _, line := range lines(filepath.Join(root, "proc/net/snmp")) {
		fields := strings.Fields(line)
		switch n := slices.Index(names, "PassiveOpens"); {
		case len(fields) == 0 || fields[0] != "Tcp:":
		case names == nil:
			names = fields
		case n >= 0 && n < len(fields):
			return parsed(fields[n])
		}
	}
	return 0
}

// held counts the open connections in a table of the kernel's that are from elsewhere to what listens, and not to a guest.
func held(table []string) (count int) {
	const listens, open = "0A", "01"
	all, listening := [][]string{}, map[string]bool{}
	for _, line := range table[min(1, len(table)):] {
		fields := strings.Fields(line) // number, local, remote, state
		if len(fields) < 4 {
			continue
		}
		all = append(all, fields)
		if _, port, _ := strings.Cut(fields[1], ":"); fields[3] == listens {
			listening[port] = true
		}
	}
	for _, c := range all {
		_, port, _ := strings.Cut(c[1], ":")
		number, err := strconv.ParseUint(port, 16, 16)
		if err != nil || number >= FirstPort && number < FirstPort+mostPorts {
			continue
		}
		if c[3] == open && listening[port] && !loopback(c[2]) {
			count++
		}
	}
	return count
}

// loopback says whether an address, as tables of the kernel's have it, is of the same machine.
func loopback(address string) bool {
	host, _, _ := strings.Cut(address, ":")
	return len(host) == 8 && strings.HasSuffix(host, "7F") || host == "00000000000000000000000001000000" ||
		strings.HasPrefix(host, "0000000000000000FFFF0000") && strings.HasSuffix(host, "7F")
}

func there(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func lines(name string) []string {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return strings.Split(string(text), "\n")
}

// number is what a file of one number says; max is 0: there is no limit.
func number(name string) int64 {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0
	}
	return parsed(strings.TrimSpace(string(text)))
}

func parsed(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// named is the number of a name in a file of such lines.
func named(name, of string) int64 {
	for _, line := range lines(name) {
		if value, found := strings.CutPrefix(line, of+" "); found {
			return parsed(value)
		}
	}
	return 0
}

// after is the number that follows a text in a line.
func after(line, text string) int64 {
	_, rest, found := strings.Cut(line, text)
	if !found {
		return 0
	}
	value, _, _ := strings.Cut(rest, " ")
	return parsed(value)
}
