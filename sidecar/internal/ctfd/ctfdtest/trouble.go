package ctfdtest

import (
	"net/http"
	"net/http/httptest"
)

// trouble is what is wrong with the whole server.
type trouble struct {
	down    bool
	slow    bool
	broken  bool
	answer  http.HandlerFunc
	release chan struct{}
}

// Down ends every connection without an answer.
func (s *Server) Down() { s.set(trouble{down: true}) }

// Slow answers nothing until Recover.
func (s *Server) Slow() { s.set(trouble{slow: true}) }

// Broken answers everything with a page and 500.
func (s *Server) Broken() { s.set(trouble{broken: true}) }

// Answer lets a function answer everything.
func (s *Server) Answer(all http.HandlerFunc) { s.set(trouble{answer: all}) }

// Recover ends all trouble; what Slow held is answered.
func (s *Server) Recover() { s.set(trouble{}) }

func (s *Server) set(t trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.release)
	t.release = make(chan struct{})
	s.trouble = t
}

// Sessions is how many sign-ins are kept: one for every call without a cookie.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Calls is how often a method and path, as "GET /api/v1/users/me", were asked for.
func (s *Server) Calls(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[what]
}

// Requests is how many there were altogether.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := 0
	for _, n := range s.calls {
		all += n
	}
	return all
}

// RoundTrip answers a request without a network.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	s.http.Config.Handler.ServeHTTP(w, r)
	return w.Result(), nil
}
