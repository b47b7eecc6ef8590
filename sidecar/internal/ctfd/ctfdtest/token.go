package ctfdtest

import "time"

// tokenRows lists the caller's own tokens, without their values.
func (s *Server) tokenRows() {
	s.Handle("GET", "/tokens", SignedIn(func(c Call) Answer {
		rows := []map[string]any{}
		for _, t := range s.tokens {
			if t.user == c.Caller.ID {
				rows = append(rows, map[string]any{"type": "user", "id": len(rows) + 1, "expiration": t.expires.UTC().Format(time.RFC3339)})
			}
		}
		return Success(rows)
	}))
}
