package ctfdtest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Flag is a row of the flags, which are everybody's.
type Flag struct {
	ID        int
	Challenge int
	Content   string
	Type      string
	Data      string
}

func (f *Flag) view() map[string]any {
	return map[string]any{
		"id": f.ID, "challenge_id": f.Challenge, "challenge": f.Challenge, "content": f.Content, "type": f.Type,
		"data": f.Data,
	}
}

// AddFlag adds a flag by hand, as an organiser does.
func (s *Server) AddFlag(challenge int, content string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addFlag(Flag{Challenge: challenge, Content: content, Type: "static"}).ID
}

func (s *Server) addFlag(f Flag) *Flag {
	s.lastFlag++
	f.ID = s.lastFlag
	s.flags = append(s.flags, &f)
	return &f
}

// Flags lists what a challenge accepts.
func (s *Server) Flags(challenge int) []Flag {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Flag
	for _, f := range s.flags {
		if f.Challenge == challenge {
			all = append(all, *f)
		}
	}
	return all
}

// RemoveFlag deletes a flag by hand.
func (s *Server) RemoveFlag(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flags = slices.DeleteFunc(s.flags, func(f *Flag) bool { return f.ID == id })
}

// ChangeFlag edits a flag by hand; without a text that stays.
func (s *Server) ChangeFlag(id int, content, kind, data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.flags {
		if f.ID == id {
			f.Content, f.Type, f.Data = cmp.Or(content, f.Content), kind, data
		}
	}
}

// SetPlugin installs Whaley's plugin, whose flags are right for one owner only, or takes it out.
func (s *Server) SetPlugin(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plugin = on
}

func (s *Server) flagRows() {
	s.Handle("GET", "/flags", AdminOnly(func(c Call) Answer {
		q := c.URL.Query()
		challenge, err := strconv.Atoi(q.Get("challenge_id"))
		if q.Get("challenge_id") != "" && err != nil {
			return InvalidQuery("challenge_id", "value is not a valid integer")
		}
		list := []any{}
		for _, f := range slices.Backward(s.flags) { // no order is promised
			// As MySQL compares: without regard to case.
			if (challenge == 0 || f.Challenge == challenge) &&
				(!q.Has("content") || strings.EqualFold(f.Content, q.Get("content"))) {
				list = append(list, f.view())
			}
		}
		return Success(list)
	}))
	s.Handle("GET", "/flags/types", AdminOnly(func(Call) Answer {
		types := map[string]any{
			"static": map[string]any{"name": "static", "templates": map[string]any{}},
			"regex":  map[string]any{"name": "regex", "templates": map[string]any{}},
		}
		if s.plugin {
			types["whaley"] = map[string]any{"name": "whaley", "templates": map[string]any{}}
		}
		return Success(types)
	}))
	s.Handle("POST", "/flags", AdminOnly(func(c Call) Answer {
		var body struct {
			Challenge any `json:"challenge_id"`
			Content   *string
			Type      string
			Data      string
		}
		if json.Unmarshal(c.Body, &body) != nil {
			return Abort(http.StatusBadRequest)
		}
		id, ok := body.Challenge.(float64)
		switch {
		case !ok:
			return InvalidBody("challenge_id", "Not a valid integer.")
		case body.Content == nil || s.challenge(int(id)) == nil:
			return Abort(http.StatusInternalServerError)
		}
		if body.Type == "" {
			s.strayed = append(s.strayed, "made a flag without a type, which breaks the challenge")
		}
		content := *body.Content
		if !s.before(8) {
			content = strings.TrimSpace(content)
		}
		return Success(s.addFlag(Flag{Challenge: int(id), Content: content, Type: body.Type, Data: body.Data}).view())
	}))
	s.Handle("DELETE", "/flags/{id}", AdminOnly(func(c Call) Answer {
		id, _ := strconv.Atoi(c.PathValue("id"))
		had := len(s.flags)
		s.flags = slices.DeleteFunc(s.flags, func(f *Flag) bool { return f.ID == id })
		if len(s.flags) == had {
			return Abort(http.StatusNotFound)
		}
		return Answer{http.StatusOK, map[string]any{"success": true}}
	}))
}
