//go:build linux

package guest

import (
	"net/netip"
	"sync"
)

// callers are who has connected to a guest that stays and has not shown its key yet. No address has more of them than are
// left for others: the player's own program, or another of the instance, keeps nobody from asking the guest.
type callers struct {
	mu  sync.Mutex
	all int
	by  map[netip.Addr]int
}

// enter counts one, or refuses it.
func (c *callers) enter(from netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[from] >= mostCallers-c.all {
		return false
	}
	c.all++
	c.by[from]++
	return true
}

func (c *callers) leave(from netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.by[from]--; c.by[from] == 0 {
		delete(c.by, from)
	}
}
