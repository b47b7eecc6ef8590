package ctfdtest

import (
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// tokenRows lists the caller's own tokens, without their values, makes them and deletes them.
func (s *Server) tokenRows() {
	s.Handle("GET", "/tokens", SignedIn(func(c Call) Answer {
		rows := []map[string]any{}
		for _, t := range s.tokens {
			if t.user == c.Caller.ID {
				rows = append(rows, map[string]any{"type": "user", "id": t.id, "expiration": t.expires.UTC().Format(time.RFC3339)})
			}
		}
		return Success(rows)
	}))
	s.Handle("POST", "/tokens", SignedIn(func(c Call) Answer {
		var body struct{ Expiration string }
		if json.Unmarshal(c.Body, &body) != nil {
			return Abort(http.StatusBadRequest)
		}
		expires := time.Now().AddDate(0, 0, 30)
		if body.Expiration != "" {
			day, err := time.Parse(time.DateOnly, body.Expiration)
			if err != nil {
				return Abort(http.StatusInternalServerError)
			}
			expires = day
		}
		bits := make([]byte, 32)
		rand.Read(bits)
		text := s.tokenOf(bits)
		t := s.addToken(text, c.Caller.ID, expires)
		return Success(map[string]any{
			"id": t.id, "user_id": t.user, "type": "user", "value": text,
			"created": time.Now().UTC().Format(time.RFC3339), "expiration": expires.UTC().Format(time.RFC3339),
		})
	}))
	s.Handle("DELETE", "/tokens/{id}", SignedIn(func(c Call) Answer {
		id, _ := strconv.Atoi(c.PathValue("id"))
		for text, t := range s.tokens {
			if t.id == id && (t.user == c.Caller.ID || c.Caller.Type == "admin") {
				delete(s.tokens, text)
				return Answer{http.StatusOK, map[string]any{"success": true}}
			}
		}
		return Abort(http.StatusNotFound)
	}))
}

// exportTokens writes the table as CTFd does, values too.
func (s *Server) exportTokens(lines *csv.Writer) {
	_ = lines.Write([]string{"id", "type", "user_id", "created", "expiration", "description", "value"})
	for text, t := range s.tokens {
		_ = lines.Write([]string{
			strconv.Itoa(t.id), "user", strconv.Itoa(t.user), "2026-11-23 03:27:00.123261",
			t.expires.UTC().Format("2006-01-02 15:04:05.999999"), "", text,
		})
	}
	lines.Flush()
}
