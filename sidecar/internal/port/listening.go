package port

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"
)

// listening is how the kernel's tables call a socket that waits for connections.
const listening = "0A"

// Listening are the TCP ports of this host in a range that somebody listens on, in order.
func Listening(first, last int) ([]int, error) {
	var ports []int
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table)
		if os.IsNotExist(err) {
			continue // no IPv6
		}
		if err != nil {
			return nil, err
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) < 4 || fields[3] != listening {
				continue
			}
			_, text, _ := strings.Cut(fields[1], ":")
			if n, err := strconv.ParseUint(text, 16, 16); err == nil && int(n) >= first && int(n) <= last {
				ports = append(ports, int(n))
			}
		}
		f.Close()
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}
