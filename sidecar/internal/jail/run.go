package jail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Jail runs the program of a configuration.
type Jail struct {
	Config *Config
	Log    *slog.Logger

	setting string
	mu      sync.Mutex
	open    int
	of      map[string]int // address → connections
	running map[int]bool   // processes of ours whose end is waited for
}

// Run listens, or runs the program once or again and again, until the context ends.
func (j *Jail) Run(ctx context.Context) error {
	if len(j.Config.Command) == 0 {
		return errors.New("the jail has no program to run")
	}
	for _, note := range j.Config.Notes {
		j.Log.Info("the jail is not done as it is written", "what", note)
	}
	if err := j.Config.lay(); err != nil {
		return err
	}
	setting, err := json.Marshal(j.Config)
	if err != nil {
		return err
	}
	j.setting, j.of, j.running = string(setting), map[string]int{}, map[int]bool{}
	switch j.Config.Mode {
	case Listen:
		return j.listen(ctx)
	case Rerun:
		for ctx.Err() == nil {
			_ = j.once(ctx, os.Stdin, os.Stdout, os.Stderr) // its end is what is waited for
		}
		return nil
	}
	return j.once(ctx, os.Stdin, os.Stdout, os.Stderr)
}

func (j *Jail) listen(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("", strconv.Itoa(j.Config.Port)))
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var all sync.WaitGroup
	defer all.Wait()
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil: // too many are open
			time.Sleep(50 * time.Millisecond)
			continue
		}
		all.Go(func() { j.serve(ctx, conn.(*net.TCPConn)) })
	}
}

// serve runs the program for one connection, which is its standard input, output and error.
func (j *Jail) serve(ctx context.Context, conn *net.TCPConn) {
	defer conn.Close()
	from, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
	if !j.admit(from) {
		_, _ = io.WriteString(conn, "Too many connections. Close one, and try again.\n")
		return
	}
	defer j.leave(from)
	file, err := conn.File()
	if err != nil {
		j.Log.Warn("a connection cannot be given to the program", "err", err)
		return
	}
	defer file.Close()
	if err := j.once(ctx, file, file, file); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) {
			j.Log.Warn("the program could not be run", "program", j.Config.Command[0], "err", err)
		}
	}
}

func (j *Jail) admit(from string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if c := j.Config; c.Conns > 0 && j.open >= c.Conns || c.ConnsPerAddress > 0 && j.of[from] >= c.ConnsPerAddress {
		return false
	}
	j.open++
	j.of[from]++
	return true
}

func (j *Jail) leave(from string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open--
	if j.of[from]--; j.of[from] == 0 {
		delete(j.of, from)
	}
}

// once runs the program to its end, or to that of its time.
func (j *Jail) once(ctx context.Context, in, out, problems *os.File) error {
	if j.Config.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, j.Config.Time)
		defer cancel()
	}
	run := exec.CommandContext(ctx, "/proc/self/exe")
	run.Args = []string{entering}
	run.Env = append(os.Environ(), settingOf+"="+j.setting)
	run.Stdin, run.Stdout = in, out
	if !j.Config.QuietErrors {
		run.Stderr = problems
	}
	run.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	run.Cancel = func() error { return syscall.Kill(-run.Process.Pid, syscall.SIGKILL) }
	j.mu.Lock()
	err := run.Start()
	if err == nil {
		j.running[run.Process.Pid] = true
	}
	j.mu.Unlock()
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	err = run.Wait()
	_ = syscall.Kill(-run.Process.Pid, syscall.SIGKILL) // what it left behind in its session
	j.mu.Lock()
	delete(j.running, run.Process.Pid)
	j.mu.Unlock()
	j.sweep()
	return err
}
