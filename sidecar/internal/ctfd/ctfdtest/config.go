package ctfdtest

import "net/http"

// SetMode sets user_mode to users or teams.
func (s *Server) SetMode(mode string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = mode
}

// PresetMode makes the mode one that is set from outside: it holds, and stands in no row.
func (s *Server) PresetMode() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.preset = true
}

func (s *Server) configs() {
	s.Handle("GET", "/configs/{key}", AdminOnly(func(c Call) Answer {
		if c.PathValue("key") != "user_mode" || s.preset {
			return Abort(http.StatusNotFound)
		}
		return Success(map[string]any{"key": "user_mode", "value": s.mode, "id": 4})
	}))
}
