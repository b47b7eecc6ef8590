package portwake

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// sayDestination has the kernel say of each datagram which address of the host it was meant for: its answer has to come
// from there.
func sayDestination(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var four, six error
	if err := raw.Control(func(fd uintptr) {
		four = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		six = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	}); err != nil {
		return err
	}
	if four != nil && six != nil {
		return fmt.Errorf("ask for the destination of datagrams: %w", four)
	}
	return nil
}
