//go:build linux

package jail

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// lingers is how long a connection stays open for what its program has not read: closing it at once would take from the
// player what the program wrote last.
const lingers = time.Second

func (j *Jail) listen(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("", strconv.Itoa(j.Config.Port)))
	if err != nil {
		return err
	}
	j.Log.Info("the jail listens", "address", l.Addr().String())
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
		from, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
		if !j.admit(from) {
			_ = conn.SetWriteDeadline(time.Now().Add(lingers))
			_, _ = io.WriteString(conn, "Too many connections. Close one, and try again.\n")
			conn.Close()
			continue
		}
		all.Go(func() {
			defer j.leave(from)
			defer conn.Close()
			j.serve(ctx, conn.(*net.TCPConn))
		})
	}
}

// serve runs the program for one connection, which is its standard input, output and error.
func (j *Jail) serve(ctx context.Context, conn *net.TCPConn) {
	if j.Config.Work > 0 || j.Config.Zeros > 0 {
		if conn.SetDeadline(time.Now().Add(workTime)) != nil || !j.Config.askWork(conn) {
			linger(conn)
			return
		}
		if conn.SetDeadline(time.Time{}) != nil {
			return
		}
	}
	file, err := conn.File()
	if err != nil {
		j.Log.Warn("a connection cannot be given to the program", "err", err)
		return
	}
	defer file.Close()
	fd := file.Fd() // from now on it blocks, for the program
	if err := j.once(ctx, fd, fd, fd); err != nil {
		var code ended
		if !errors.As(err, &code) {
			j.Log.Warn("the program could not be run", "program", j.Config.Command[0], "err", err)
			_, _ = io.WriteString(file, "The program could not be started. Try again in a moment.\n")
		}
	}
	if syscall.SetNonblock(int(fd), true) == nil {
		linger(conn)
	}
}

// linger ends what is said to a player, and waits for a moment for that to arrive.
func linger(conn *net.TCPConn) {
	if conn.CloseWrite() != nil || conn.SetReadDeadline(time.Now().Add(lingers)) != nil {
		return
	}
	_, _ = io.Copy(io.Discard, conn)
}

func (j *Jail) admit(from string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.open >= orMost(j.Config.Conns, maxConns) || j.of[from] >= orMost(j.Config.ConnsPerAddress, maxConnsPerAddress) {
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

// orMost is a bound that an author has set, within what there may be.
func orMost(asked, most int) int {
	if asked > 0 {
		return asked
	}
	return most
}
