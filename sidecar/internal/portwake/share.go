package portwake

// held are the connections of one port.
type held struct {
	all int
	by  map[string]int // addresses, as turns count them
}

// enter counts a connection to a port, or refuses it. No address holds more of a port than what is still free of it:
// who floods another owner's port keeps them from starting nothing.
func (s *Server) enter(port int, from string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.ports[port]
	if h == nil {
		h = &held{by: map[string]int{}}
		s.ports[port] = h
	}
	if free := s.Most - h.all; s.Most > 0 && h.by[from] >= free {
		return false
	}
	h.all++
	h.by[from]++
	return true
}

func (s *Server) leave(port int, from string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.ports[port]
	h.all--
	if h.by[from]--; h.by[from] == 0 {
		delete(h.by, from)
	}
	if h.all == 0 {
		delete(s.ports, port)
	}
}
