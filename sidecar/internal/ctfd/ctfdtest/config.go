package ctfdtest

import (
	"encoding/json"
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

// Config is a row of CTFd's settings, empty if there is none.
func (s *Server) Config(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings[key]
}

func (s *Server) configs() {
	s.Handle("GET", "/configs", AdminOnly(func(Call) Answer {
		rows := []map[string]any{{"id": 1, "key": "ctf_name", "value": "Rig"}}
		if !s.preset {
			rows = append(rows, map[string]any{"id": 4, "key": "user_mode", "value": s.mode})
		}
		for n, key := range slices.Sorted(maps.Keys(s.settings)) {
			rows = append(rows, map[string]any{"id": n + 5, "key": key, "value": s.settings[key]})
		}
		return Success(rows)
	}))
	s.Handle("PATCH", "/configs", AdminOnly(func(c Call) Answer {
		var body map[string]string
		if json.Unmarshal(c.Body, &body) != nil {
			return Abort(http.StatusBadRequest)
		}
		maps.Copy(s.settings, body)
		return Answer{http.StatusOK, map[string]any{"success": true}}
	}))
	s.Handle("GET", "/configs/{key}", AdminOnly(func(c Call) Answer {
		if value, ok := s.settings[c.PathValue("key")]; ok {
			return Success(map[string]any{"key": c.PathValue("key"), "value": value, "id": 5})
		}
		if c.PathValue("key") != "user_mode" || s.preset {
			return Abort(http.StatusNotFound)
		}
		return Success(map[string]any{"key": "user_mode", "value": s.mode, "id": 4})
	}))
}
