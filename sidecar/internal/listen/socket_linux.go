package listen

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// unsent is how many bytes the kernel keeps for a client beyond what it has sent to them. Its own bound is megabytes,
// which each of many who ask for much and read little would have copied, and held.
const unsent = 128 << 10

// bound bounds what a connection holds in the kernel, and for how long it may be sent to in vain. The deadline of a
// Write does not say that where bytes go from socket to socket.
func bound(conn net.Conn, unread time.Duration) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // it is closed already, which the next read says
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unread.Milliseconds()))
	})
}
