package docker

import (
	"bufio"
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
)

// bestShell prints its pid, by which it can be killed, and becomes the best shell that there is.
const bestShell = `echo $$; export TERM=xterm-256color; command -v bash >/dev/null 2>&1 && exec bash; exec sh`

// shellTime is how long a shell may take to begin.
const shellTime = 10 * time.Second

// terminal is a shell in a container.
type terminal struct {
	engine        *Engine
	container, id string // id: of the engine's exec
	command       *command
	attached      types.HijackedResponse
	shown         *bufio.Reader
	end           sync.Once
}

// Shell begins a shell in a container as the user of its image; service is what it is called in a refusal.
func (e *Engine) Shell(ctx context.Context, id, service string, size instancer.TerminalSize) (instancer.Terminal, error) {
	ctx, cancel := context.WithTimeout(ctx, shellTime)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return nil, err
	}
	one := &command{argv: []string{"/bin/sh", "-c", bestShell}}
	options := container.ExecOptions{
		Cmd: one.argv, Tty: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
		ConsoleSize: &[2]uint{uint(size.Rows), uint(size.Columns)},
	}
	g, err := e.gateOf(ctx, api, id)
	if err == nil && g != nil {
		err = e.asTold(g, &options)
	}
	if err != nil {
		return nil, err
	}
	exec, err := api.ContainerExecCreate(ctx, id, options)
	if err != nil {
		return nil, translate(err)
	}
	attached, err := api.ContainerExecAttach(ctx, exec.ID, container.ExecAttachOptions{Tty: true, ConsoleSize: options.ConsoleSize})
	if err != nil {
		return nil, translate(err)
	}
	t := &terminal{engine: e, container: id, id: exec.ID, command: one, attached: attached, shown: attached.Reader}
	if !t.began() {
		_ = t.Close() // there is nothing to end
		return nil, instancer.NoShell(service)
	}
	if err := t.Resize(ctx, size); err != nil { // engines before 23 take no size with the command
		_ = t.Close() // what counts is why it has no size
		return nil, err
	}
	return t, nil
}

// began reads the shell's pid. What is there without a shell is the engine's text that says so.
func (t *terminal) began() bool {
	if t.attached.Conn.SetReadDeadline(time.Now().Add(shellTime)) != nil {
		return false
	}
	line, err := t.shown.ReadString('\n')
	if err != nil || t.attached.Conn.SetReadDeadline(time.Time{}) != nil {
		return false
	}
	pid, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	t.command.pid.Store(pid)
	return err == nil && pid > 1
}

func (t *terminal) Read(p []byte) (int, error) { return t.shown.Read(p) }

func (t *terminal) Write(p []byte) (int, error) { return t.attached.Conn.Write(p) }

// Resize tells the shell how large its terminal is now.
func (t *terminal) Resize(ctx context.Context, size instancer.TerminalSize) error {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := t.engine.api(ctx)
	if err != nil {
		return err
	}
	return translate(api.ContainerExecResize(
		ctx, t.id, container.ResizeOptions{Height: uint(size.Rows), Width: uint(size.Columns)},
	))
}

// Close ends the shell: for the engine a closed connection is no reason to.
func (t *terminal) Close() error {
	t.end.Do(func() {
		t.engine.kill(t.container, t.id, t.command)
		t.attached.Close()
	})
	return nil
}
