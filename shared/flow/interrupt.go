package flow

import (
	"context"
	"net"
)

// Where the context of a request holds what its body can be asked: functions of the standard library's types alone,
// which the interpreter of a plugin tells apart.
var takenKey, answeredKey = new(int), new(int)

// Taken is the connection of a request whose body missed its deadline and that the server cannot answer any more: who
// asks writes the answer to it and closes it. It is nil for every other request.
func Taken(ctx context.Context) net.Conn {
	if taken, ok := ctx.Value(takenKey).(func() net.Conn); ok {
		return taken()
	}
	return nil
}

// Answered says that an answer to a request begins: its connection is not taken any more, since only one may write to
// it.
func Answered(ctx context.Context) {
	if answer, ok := ctx.Value(answeredKey).(func()); ok {
		answer()
	}
}

func (b *body) connection() net.Conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.taken
}

func (b *body) answer() {
	b.mu.Lock()
	b.answered = true
	b.mu.Unlock()
}

// interrupt ends a read that has missed its deadline. By HTTP/1 a server holds a lock on the body meanwhile, so that
// neither closing it nor answering would end the read; that the connection is taken from the server does.
func (b *body) interrupt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.reading || b.ended || b.answered || b.interrupted {
		return
	}
	if b.multiplexed {
		b.interrupted = true
		_ = b.source.Close() // ends the read of this stream alone
		return
	}
	if conn, _, err := b.conn.Hijack(); err == nil { // else the server's own time for a request holds
		b.interrupted = true
		b.taken = conn
	}
}
