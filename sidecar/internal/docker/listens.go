package docker

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/pkg/stdcopy"
)

const (
	listensTime = 2 * time.Second
	maxSockets  = 128 << 10   // bytes of a table of sockets; what a container shows may be anything
	listening   = "0A"        // the state of a socket that takes connections
	dockerDNS   = "0B00007F:" // 127.0.0.11, where the engine's own name server answers inside every container
)

// Listens are the TCP ports that are open inside a container, in order: from the host where this process sees the
// container's, else by cat inside it, which not every image has.
func (e *Engine) Listens(ctx context.Context, id string) ([]int, error) {
	ctx, cancel := context.WithTimeout(ctx, listensTime)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return nil, err
	}
	found, err := api.ContainerInspect(ctx, id)
	if err != nil {
		return nil, translate(err)
	}
	if found.State != nil && e.sees(found.State.Pid, found.ID) {
		proc, _ := e.proc.Load().(string)
		var tables bytes.Buffer
		for _, name := range []string{"tcp", "tcp6"} {
			file, err := os.Open(path.Join(proc, strconv.Itoa(found.State.Pid), "net", name))
			if err != nil {
				continue // without IPv6 there is only one
			}
			_, _ = io.Copy(&tables, io.LimitReader(file, maxSockets)) // those that listen come first
			tables.WriteByte('\n')
			file.Close()
		}
		return listens(&tables), nil
	}
	one, ok := e.commands.begin(id, []string{"cat", "/proc/net/tcp", "/proc/net/tcp6"})
	if !ok {
		return nil, errBusy
	}
	defer e.commands.end(id, one)
	one.most = maxSockets
	code, err := e.exec(ctx, id, one)
	if err != nil {
		return nil, err
	}
	var tables bytes.Buffer
	_, _ = stdcopy.StdCopy(&tables, io.Discard, bytes.NewReader(one.print)) // what is cut off does not matter
	if tables.Len() == 0 {
		return nil, fmt.Errorf("the sockets of container %s cannot be seen: cat ended with code %d", id, code)
	}
	return listens(&tables), nil
}

// listens reads tables of sockets as /proc/net/tcp has them. Loopback counts: it is what people forget.
func listens(tables io.Reader) []int {
	open := map[int]bool{}
	for lines := bufio.NewScanner(tables); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != listening || strings.HasPrefix(fields[1], dockerDNS) {
			continue
		}
		_, digits, _ := strings.Cut(fields[1], ":")
		port, err := strconv.ParseUint(digits, 16, 16)
		if err == nil {
			open[int(port)] = true
		}
	}
	ports := slices.AppendSeq([]int{}, maps.Keys(open))
	slices.Sort(ports)
	return ports
}
