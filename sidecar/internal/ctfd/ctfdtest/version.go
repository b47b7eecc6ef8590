package ctfdtest

import (
	"encoding/hex"
	"net/http"
)

// Newest and Oldest are the versions that a server can be: 3.5 to 3.8.
const (
	Oldest = 5
	Newest = 8
)

// As makes the server answer as the first release of CTFd 3.minor does. What Whaley notices of these, by their source:
// before 3.8 nothing is exported, and flags are stored with the spaces around them; before 3.7.2 a page after the last
// is 404; before 3.6 tokens have no prefix; before 3.5.3 teams are listed where nobody plays in one.
func (s *Server) As(minor int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = minor
}

// before says whether the server is older than 3.minor.
func (s *Server) before(minor int) bool { return s.version != 0 && s.version < minor }

// listed is a page of a list as this version answers one that comes after the last.
func (s *Server) listed(got Answer, page int) Answer {
	meta := got.Body.(map[string]any)["meta"].(map[string]any)["pagination"].(map[string]any)
	if s.before(Newest) && page > max(1, meta["pages"].(int)) {
		return Abort(http.StatusNotFound)
	}
	return got
}

// tokenOf is how this version writes a token.
func (s *Server) tokenOf(bits []byte) string {
	if s.before(6) {
		return hex.EncodeToString(bits)
	}
	return "ctfd_" + hex.EncodeToString(bits)
}
