package ctfdtest

import (
	"maps"
	"net/http"
	"slices"
)

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

// SetConfig sets a row of CTFd's settings, "" removes it.
func (s *Server) SetConfig(key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settings[key] = value; value == "" {
		delete(s.settings, key)
	}
}

func (s *Server) configs() {
	s.Handle("GET", "/configs", AdminOnly(func(Call) Answer {
		rows := []map[string]any{{"id": 1, "key": "ctf_name", "value": "Rig"}}
		for n, key := range slices.Sorted(maps.Keys(s.settings)) {
			rows = append(rows, map[string]any{"id": n + 2, "key": key, "value": s.settings[key]})
		}
		return Success(rows)
	}))
	s.Handle("GET", "/configs/{key}", AdminOnly(func(c Call) Answer {
		if c.PathValue("key") != "user_mode" || s.preset {
			return Abort(http.StatusNotFound)
		}
		return Success(map[string]any{"key": "user_mode", "value": s.mode, "id": 4})
	}))
}
