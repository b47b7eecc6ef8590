//go:build linux

package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	hearKey     = 2 * time.Second // for a request, from when there is a connection
	hearFiles   = time.Minute     // for its files
	mostCallers = 64              // connections that have not shown the key yet
)

// attend stays as the first process of its container and does what it is asked over the network, by whoever has the key.
func attend(o Order) (int, error) {
	listener, err := net.Listen("tcp", ":"+strconv.Itoa(o.Port))
	if err != nil {
		return failed, fmt.Errorf("listen for what it is to be: %w", err)
	}
	defer listener.Close()
	p := newProgram(o)
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, unix.SIGTERM)
	go func() {
		<-asked // the container is to end: by force, after its own grace
		p.stop(context.Background(), time.Hour)
		os.Exit(p.look().Code)
	}()
	c := &callers{by: map[netip.Addr]int{}}
	for {
		conn, err := listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return failed, fmt.Errorf("listen for what it is to be: %w", err)
			}
			time.Sleep(waitMost)
			continue
		}
		p.asked.Add(1)
		from := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
		if !c.enter(from) {
			conn.Close()
			continue
		}
		go func() {
			defer conn.Close()
			p.answer(conn, o.Hash, func() { c.leave(from) })
		}()
	}
}

// answer does what one connection asks. It says when that is known.
func (p *program) answer(conn net.Conn, hash string, heard func()) {
	_ = conn.SetDeadline(time.Now().Add(hearKey))
	r, err := hear(conn, hash)
	heard()
	if err != nil {
		return // nothing can be learned by asking
	}
	_ = conn.SetDeadline(time.Now().Add(hearFiles))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	files := io.LimitReader(conn, r.Files)
	if r.Do != Start {
		_ = conn.SetDeadline(time.Time{})
		go func() { // who asked has gone when there is nothing more to read
			_, _ = conn.Read(make([]byte, 1))
			cancel()
		}()
	}
	reply := p.do(ctx, r, files)
	if r.Do == Start {
		_, _ = io.Copy(io.Discard, files) // what is not read would take the answer with it
	}
	_ = conn.SetWriteDeadline(time.Now().Add(hearKey))
	_ = json.NewEncoder(conn).Encode(reply) // who has gone asks again
}

func (p *program) do(ctx context.Context, r Request, files io.Reader) Reply {
	var err error
	code, ran := 0, false
	switch r.Do {
	case Start:
		err = p.start(r.Message, files)
	case Stop:
		p.stop(context.WithoutCancel(ctx), r.Grace)
	case Halt:
		err = p.halt()
	case Wait:
		p.wait(ctx)
	case Exec:
		code, err = p.exec(ctx, r.Argv)
		ran = true
	case Look, Count:
	default:
		err = Outcome{failed, "it is asked what it does not know"}
	}
	reply := p.look()
	if ran {
		reply.Code = code
	}
	if r.Do == Count {
		if reply.Use, err = count("/"); err == nil {
			reply.Use.Asked = p.asked.Load()
		}
	}
	var why Outcome
	switch {
	case errors.As(err, &why):
		reply.Failed, reply.Why = why.Code, why.Text
	case err != nil:
		reply.Failed, reply.Why = failed, err.Error()
	}
	return reply
}
