//go:build !linux

package listen

import (
	"net"
	"time"
)

// bound does nothing here: Write has a deadline of its own.
func bound(net.Conn, time.Duration) {}
