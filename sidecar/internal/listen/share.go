package listen

import (
	"net/netip"
	"sync"
)

// Bits of an address that count: who has one IPv6 address has a whole /64 of them.
const (
	bits4 = 32
	bits6 = 64
)

// share divides something scarce among addresses. Nobody holds more than what is still free: one who takes all they can
// get gets half of it, two get a third each, and who comes next still gets something.
type share struct {
	most int // altogether

	mu   sync.Mutex
	all  int
	held map[netip.Prefix]int
}

func newShare(most int) *share { return &share{most: most, held: map[netip.Prefix]int{}} }

// take takes one for an address that may hold at most each, 0 being as many as its share allows. Whoever stands for
// many may take all there is.
func (s *share) take(of netip.Prefix, each int, forMany bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(of, each, forMany)
}

func (s *share) add(of netip.Prefix, each int, forMany bool) bool {
	free, held := s.most-s.all, s.held[of]
	if free <= 0 || !forMany && (held >= free || each > 0 && held >= each) {
		return false
	}
	s.all++
	s.held[of]++
	return true
}

// move makes one that is held by an address another's, under the terms of take; if it cannot be, it stays where it is.
func (s *share) move(from, to netip.Prefix, each int, forMany bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(from)
	if s.add(to, each, forMany) {
		return true
	}
	s.all++
	s.held[from]++
	return false
}

func (s *share) give(of netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(of)
}

func (s *share) drop(of netip.Prefix) {
	s.all--
	if s.held[of]--; s.held[of] == 0 {
		delete(s.held, of)
	}
}

// source is who is counted for an address.
func source(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	bits := bits4
	if address.Is6() {
		bits = bits6
	}
	prefix, _ := address.Prefix(bits) // of no address: the zero prefix, which is counted like any other
	return prefix
}
