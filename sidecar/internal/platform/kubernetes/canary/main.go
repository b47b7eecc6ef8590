package canary

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// Main is a Pod's program. It returns its exit code.
func Main() int {
	c := New(First()) // before anything else: the first moments are what counts
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", ":"+strconv.Itoa(Port))
	if err == nil {
		err = c.Serve(ctx, listener)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "whaley's canary:", err)
		return 1
	}
	return 0
}
