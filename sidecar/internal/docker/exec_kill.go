package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
)

// killTime is how long killing a command may take.
const killTime = 10 * time.Second

var errGone = errors.New("the container is gone")

// shells have a kill of their own, and $$.
var shells = map[string]bool{"sh": true, "bash": true, "ash": true, "dash": true, "ksh": true, "zsh": true}

func isShell(argv []string) bool {
	return len(argv) > 2 && shells[path.Base(argv[0])] && argv[1] == "-c"
}

// tellingPid has a command that is a shell's print its pid first: the engine kills no command, but another command can.
func tellingPid(argv []string) []string {
	if !isShell(argv) {
		return argv
	}
	return append([]string{argv[0], "-c", `echo $$; exec "$@"`, argv[0]}, argv...)
}

// pidLine is how long what holds the pid can be: the engine's header of a piece of output, digits and a line's end.
const pidLine = 8 + 20 + 1

// pidOf reads the pid that a command has printed first; 0: there is none yet, or that is none.
func pidOf(printed []byte) int64 {
	if len(printed) < 8 || printed[0] != 1 {
		return 0
	}
	digits, _, found := bytes.Cut(printed[8:], []byte("\n"))
	if pid, err := strconv.ParseInt(string(digits), 10, 64); found && err == nil && pid > 1 {
		return pid
	}
	return 0
}

// kill ends a command and all that it has started: from the host, where this process sees that, else from inside, if
// the command is a shell's.
func (e *Engine) kill(id, exec string, one *command) {
	ctx, cancel := context.WithTimeout(context.Background(), killTime)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return // it is among the few that may go on
	}
	found, err := api.ContainerExecInspect(ctx, exec)
	if err != nil || !found.Running {
		return
	}
	if e.sees(found.Pid, id) {
		// The engine starts each command as the leader of a group.
		if syscall.Kill(-found.Pid, syscall.SIGKILL) == nil {
			return
		}
	}
	pid := one.pid.Load()
	if pid == 0 {
		return
	}
	options := container.ExecOptions{Cmd: []string{one.argv[0], "-c", fmt.Sprintf("kill -9 -%d || kill -9 %d", pid, pid)}}
	g, err := e.gateOf(ctx, api, id)
	if err == nil && g != nil {
		err = e.asTold(g, &options)
	}
	var killer container.ExecCreateResponse
	if err == nil {
		killer, err = api.ContainerExecCreate(ctx, id, options)
	}
	if err == nil {
		err = api.ContainerExecStart(ctx, killer.ID, container.ExecStartOptions{Detach: true})
	}
	if err != nil {
		e.log.Debug("a command that took too long was not killed", "container", id, "command", one.argv[0], "err", err)
	}
}

// sees says whether a process of this number, as this process sees them, belongs to a container. A sidecar in a
// container of its own sees others under the numbers that the engine tells, or none.
func (e *Engine) sees(pid int, id string) bool {
	proc, _ := e.proc.Load().(string)
	groups, err := os.ReadFile(path.Join(proc, strconv.Itoa(pid), "cgroup"))
	return err == nil && pid > 1 && len(id) == 64 && strings.Contains(string(groups), id)
}
