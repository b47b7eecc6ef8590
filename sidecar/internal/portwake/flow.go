package portwake

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

const (
	heldMost  = 16       // datagrams of a sender, until what they are for runs
	heldBytes = 64 << 10 // of these
	flowIdle  = time.Minute
	// refusedFor is how long nothing more is asked about a sender who may start nothing.
	refusedFor = 5 * time.Second
	// answersPer is how many bytes a second one sender is answered.
	answersPer = 1 << 20
	// startsIn is how long a program that runs may take until it reads datagrams; none of them tells that it does.
	startsIn   = 10 * time.Second
	againEvery = 50 * time.Millisecond
	// stillEvery is how often it is asked whether the port still leads where the flow goes: addresses are used again.
	stillEvery = 2 * time.Second
)

// flow is what one sender sends to one port, and gets back.
type flow struct {
	from  netip.AddrPort
	about []byte // where the first was meant to go: answers come from there

	mu      sync.Mutex
	held    [][]byte // that came before there was somewhere to send them; and the first ones, until anything is answered
	bytes   int
	refused bool
	onward  *net.UDPConn // nil: not yet
	last    time.Time
}

// take passes a datagram on, or holds it.
func (f *flow) take(datagram []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = time.Now()
	switch {
	case f.refused:
	case f.onward != nil:
		_, _ = f.onward.Write(datagram) // what is lost is, as anywhere
	case len(f.held) < heldMost && f.bytes+len(datagram) <= heldBytes:
		f.held = append(f.held, append([]byte(nil), datagram...))
		f.bytes += len(datagram)
	}
}

// run opens what the sender wants to reach, and answers until neither side has said anything for a while.
func (f *flow) run(ctx context.Context, d *Datagrams, s *socket) {
	backend, err := d.Opener.open(ctx, f.from.Addr().Unmap(), s.port, true)
	var onward *net.UDPConn
	if err == nil {
		onward, err = dialUDP(backend)
	}
	if err != nil {
		d.Log.DebugContext(ctx, "a datagram led nowhere", "port", s.port, "err", err)
		f.mu.Lock()
		f.refused, f.held = true, nil
		f.mu.Unlock()
		select {
		case <-time.After(refusedFor):
		case <-ctx.Done():
		}
		return
	}
	stop := context.AfterFunc(ctx, func() { onward.Close() })
	defer stop()
	defer onward.Close()
	still := func() bool { return d.Opener.leads(ctx, s.port, backend) }
	f.answer(s.conn, onward, f.begin(onward), still)
}

func dialUDP(backend string) (*net.UDPConn, error) {
	conn, err := net.Dial("udp", backend)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

// begin sends what was held, and returns it.
func (f *flow) begin(onward *net.UDPConn) (first [][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first, f.held, f.onward, f.last = f.held, nil, onward, time.Now()
	for _, datagram := range first {
		_, _ = onward.Write(datagram)
	}
	return first
}

// answer passes on what the service says. As long as nothing reads at its port, what was held is sent again.
func (f *flow) answer(conn, onward *net.UDPConn, first [][]byte, still func() bool) {
	buffer := make([]byte, largest)
	began, second, looked, sent := time.Now(), time.Now(), time.Now(), 0
	for {
		_ = onward.SetReadDeadline(time.Now().Add(stillEvery)) // fails only on one that is closed, as reading does
		n, err := onward.Read(buffer)
		now := time.Now()
		if now.Sub(looked) >= stillEvery {
			if looked = now; !still() {
				return
			}
		}
		f.mu.Lock()
		quiet := now.Sub(f.last) >= flowIdle
		f.mu.Unlock()
		switch {
		case errors.Is(err, syscall.ECONNREFUSED) && first != nil && now.Sub(began) < startsIn:
			time.Sleep(againEvery) // ends soon, whatever happens
			for _, datagram := range first {
				_, _ = onward.Write(datagram)
			}
			continue
		case errors.Is(err, syscall.ECONNREFUSED) && !quiet:
			return // its instance has ended: the next datagram begins anew
		case err != nil && !isTimeout(err), err != nil && quiet:
			return
		case err != nil:
			continue
		}
		first = nil
		if now.Sub(second) >= time.Second {
			second, sent = now, 0
		}
		if sent += n; sent > answersPer {
			continue
		}
		f.mu.Lock()
		f.last = now
		f.mu.Unlock()
		_, _, _ = conn.WriteMsgUDPAddrPort(buffer[:n], f.about, f.from) // who cannot be reached has left
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
