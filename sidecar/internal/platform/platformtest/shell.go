package platformtest

import (
	"io"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// shells holds a platform that has shells to what they promise; on images without one there is none to begin.
func (c *contract) shells() {
	shells, ok := c.Ours.(instancer.Shells)
	if !ok {
		return
	}
	in, size := c.row(), instancer.TerminalSize{Columns: 80, Rows: 24}
	c.must("start", c.start(in, c.startAll))
	if _, err := shells.Shell(c.ctx, in.ID, "nothing", size); err == nil {
		c.Error("a shell in a service that is not there")
	}
	terminal, err := shells.Shell(c.ctx, in.ID, "web", size)
	if whaley.CodeOf(err) == "shell_missing" {
		return
	}
	c.must("shell", err)
	c.must("resize", terminal.Resize(c.ctx, instancer.TerminalSize{Columns: 100, Rows: 30}))
	ended := make(chan error, 1)
	go func() { _, err := io.Copy(io.Discard, terminal); ended <- err }()
	c.must("remove", c.Ours.Remove(c.ctx, in))
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		c.Error("a shell outlives its instance")
	}
	_ = terminal.Close()
}
