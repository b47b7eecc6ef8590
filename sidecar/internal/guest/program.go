//go:build linux

package guest

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// program is that of a container whose guest stays.
type program struct {
	asked    atomic.Int64 // connections that were taken to ask it
	order    Order
	children *children

	starting sync.Mutex // one start at a time
	mu       sync.Mutex
	told     *Message // what it is; nil: that was not said yet
	state    State
	code     int
	pid      int
	over     chan struct{} // closed when it runs no more
}

func newProgram(o Order) *program {
	over := make(chan struct{})
	close(over)
	return &program{order: o, children: newChildren(), state: Waiting, over: over}
}

// errUntold is why a program cannot be started.
var errUntold = errors.New("it was not told what it is")

// start runs the program, for the first time or again. Flags are put in once: the files are the program's from then on.
func (p *program) start(m *Message, files io.Reader) error {
	p.starting.Lock()
	defer p.starting.Unlock()
	p.mu.Lock()
	told, state, halted := p.told, p.state, p.pid
	p.mu.Unlock()
	switch {
	case state == Running:
		signalAll(halted, unix.SIGCONT)
		return nil
	case told == nil && m == nil:
		return Outcome{failed, errUntold.Error()}
	case told == nil:
		if err := fit(*m, files); err != nil {
			return Outcome{failed, err.Error()}
		}
		told = &Message{Argv: m.Argv, Env: m.Env, Limits: m.Limits}
		if len(told.Argv) == 0 {
			told.Argv = p.order.Argv
		}
	}
	first := os.Getpid() == 1
	pid, ended, err := p.children.start(*told, []uintptr{0, 1, 2}, !first)
	if err != nil {
		var why Outcome
		if errors.As(err, &why) {
			return why
		}
		return Outcome{failed, err.Error()}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told, p.state, p.pid, p.code, p.over = told, Running, pid, 0, make(chan struct{})
	go p.await(pid, ended)
	return nil
}

// fit makes the container what a message says it is to be.
func fit(m Message, files io.Reader) error {
	if err := unpack(files); err != nil {
		return err
	}
	for _, one := range m.Patches {
		if err := patch(one); err != nil {
			return err
		}
	}
	return addHosts(m.Hosts)
}

// await has all end that a program leaves behind, as a container does with its first process.
func (p *program) await(pid int, ended <-chan int) {
	code := <-ended
	signalAll(pid, unix.SIGKILL)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state, p.code, p.pid = Ended, code, 0
	close(p.over)
}

// stop ends the program, by force after a grace.
func (p *program) stop(ctx context.Context, grace time.Duration) {
	p.starting.Lock()
	defer p.starting.Unlock()
	p.mu.Lock()
	pid, over := p.pid, p.over
	p.mu.Unlock()
	if pid == 0 {
		return
	}
	if grace > 0 {
		_ = unix.Kill(pid, p.order.stopSignal())
		signalAll(pid, unix.SIGCONT) // one that is halted hears nothing
		select {
		case <-over:
			return
		case <-time.After(grace):
		case <-ctx.Done():
		}
	}
	_ = unix.Kill(pid, unix.SIGKILL)
	signalAll(pid, unix.SIGKILL)
	<-over
}

// halt has the program and all that it has started stand still until it is started.
func (p *program) halt() error {
	p.starting.Lock()
	defer p.starting.Unlock()
	p.mu.Lock()
	pid := p.pid
	p.mu.Unlock()
	if pid == 0 {
		return Outcome{failed, "its program does not run"}
	}
	signalAll(pid, unix.SIGSTOP)
	return nil
}

// wait returns once no program runs.
func (p *program) wait(ctx context.Context) {
	p.mu.Lock()
	over := p.over
	p.mu.Unlock()
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// exec runs a command as what the program is, whose output nobody sees.
func (p *program) exec(ctx context.Context, argv []string) (int, error) {
	p.mu.Lock()
	told, state := p.told, p.state
	p.mu.Unlock()
	if state != Running || len(argv) == 0 {
		return 0, Outcome{failed, "its program does not run"}
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	m := Message{Argv: argv, Env: told.Env, Limits: told.Limits}
	pid, ended, err := p.children.start(m, []uintptr{null.Fd(), null.Fd(), null.Fd()}, true)
	if err != nil {
		var why Outcome
		if errors.As(err, &why) && !why.Unpatched() {
			return why.Code, nil // as a shell says of what is not there
		}
		return 0, err
	}
	select {
	case code := <-ended:
		return code, nil
	case <-ctx.Done():
		_ = unix.Kill(-pid, unix.SIGKILL)
		return <-ended, nil
	}
}

func (p *program) look() Reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Reply{State: p.state, Code: p.code}
}

// stopSignal is what asks a program to end.
func (o Order) stopSignal() unix.Signal {
	if s := unix.SignalNum(o.Stop); s != 0 {
		return s
	}
	return unix.SIGTERM
}
