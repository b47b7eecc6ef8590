package docker

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/container"
)

const (
	// atOnce is how many commands run in one container at the same time, those with it that nobody waits for any more.
	atOnce = 3
	// What a command prints is read and thrown away: so much of it as fast as it comes, the rest by and by. Then a command
	// that prints without end waits for us, and costs neither us nor the engine anything.
	printedAtOnce = 1 << 20 // bytes
	printedPart   = 32 << 10
	printedPause  = printedPart * time.Second / printedAtOnce
)

// errBusy is told who wants to run one more command in a container where earlier ones have not ended.
var errBusy = fmt.Errorf("%d commands run in the container already", atOnce)

// commands are those that run in containers.
type commands struct {
	mu sync.Mutex
	of map[string]map[*command]bool // container
}

// command is one of them.
type command struct {
	argv  []string
	pid   atomic.Int64 // inside the container, once a shell has told it
	close func()       // ends the connection; nil before there is one
	gone  bool         // its container is
	print []byte       // the first of what it printed, for who looks at it
	most  int          // bytes of that
}

func (c *commands) begin(id string, argv []string) (*command, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.of[id]) >= atOnce {
		return nil, false
	}
	if c.of == nil {
		c.of = map[string]map[*command]bool{}
	}
	if c.of[id] == nil {
		c.of[id] = map[*command]bool{}
	}
	one := &command{argv: argv}
	c.of[id][one] = true
	return one, true
}

func (c *commands) end(id string, one *command) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if delete(c.of[id], one); len(c.of[id]) == 0 {
		delete(c.of, id)
	}
}

// connected remembers how to end a command's connection; false: its container is gone.
func (c *commands) connected(one *command, end func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	one.close = end
	return !one.gone
}

// lost ends the connections to all commands of a container that is gone.
func (c *commands) lost(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for one := range c.of[id] {
		if one.gone = true; one.close != nil {
			one.close()
		}
	}
}

// Exec runs a command inside a container and returns its exit code. A command that has not ended when ctx does is
// killed; where that cannot be, it counts among the few that may run in one container.
func (e *Engine) Exec(ctx context.Context, id string, argv []string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	one, ok := e.commands.begin(id, argv)
	if !ok {
		return 0, errBusy
	}
	type result struct {
		code int
		err  error
	}
	ended := make(chan result, 1)
	go func() {
		defer e.commands.end(id, one)
		code, err := e.exec(ctx, id, one)
		ended <- result{code, err}
	}()
	select {
	case r := <-ended:
		return r.code, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// exec returns when a command has ended, or its container has. The calls of the engine outlive ctx: what they start
// must be known, so that it can be killed.
func (e *Engine) exec(ctx context.Context, id string, one *command) (int, error) {
	calls, cancel := context.WithTimeout(context.WithoutCancel(ctx), quick)
	defer cancel()
	api, err := e.api(calls)
	if err != nil {
		return 0, err
	}
	options := container.ExecOptions{Cmd: tellingPid(one.argv), AttachStdout: true, AttachStderr: true}
	g, err := e.gateOf(calls, api, id)
	if err == nil && g != nil {
		err = e.asTold(g, &options)
	}
	if err != nil {
		return 0, err
	}
	exec, err := api.ContainerExecCreate(calls, id, options)
	if err != nil {
		return 0, translate(err)
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	attached, err := api.ContainerExecAttach(calls, exec.ID, container.ExecAttachOptions{})
	if err != nil {
		return 0, translate(err)
	}
	defer attached.Close()
	if !e.commands.connected(one, attached.Close) {
		return 0, errGone
	}
	defer context.AfterFunc(ctx, func() { e.kill(id, exec.ID, one) })()
	if err := one.drain(attached.Reader); err != nil {
		return 0, translate(err)
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	calls, cancel = context.WithTimeout(ctx, quick)
	defer cancel()
	ended, err := api.ContainerExecInspect(calls, exec.ID)
	return ended.ExitCode, translate(err)
}

// drain reads what a command prints until it has ended.
func (c *command) drain(printed io.Reader) error {
	part := make([]byte, printedPart)
	var first []byte
	for total := 0; ; {
		n, err := printed.Read(part)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if isShell(c.argv) && total < pidLine && c.pid.Load() == 0 {
			first = append(first, part[:n]...)
			c.pid.Store(pidOf(first))
		}
		c.print = append(c.print, part[:min(n, c.most-len(c.print))]...)
		if total += n; total > printedAtOnce {
			time.Sleep(printedPause * time.Duration(n) / printedPart)
		}
	}
}
