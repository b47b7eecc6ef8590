package ctfdtest

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Challenge is one challenge; its flags are rows of their own.
type Challenge struct {
	ID             int
	Name           string
	Category       string
	Value          int
	Hidden         bool
	ConnectionInfo string
	Requires       []int // challenges to be solved before
	gone           bool
}

// board is what players play for.
type board struct {
	all      []*Challenge
	flags    []*Flag
	rows     []*Submission // in the order of ids
	solved   map[[2]int]bool
	exported []time.Time // see exports
	version  int         // 3.version; 0: the newest
	lastFlag int
}

// AddChallenge adds a challenge and returns its id.
func (s *Server) AddChallenge(c Challenge) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.ID = len(s.all) + 1
	s.all = append(s.all, &c)
	return c.ID
}

// RemoveChallenge deletes a challenge with its flags and submissions.
func (s *Server) RemoveChallenge(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.challenge(id).gone = true
	s.flags = slices.DeleteFunc(s.flags, func(f *Flag) bool { return f.Challenge == id })
	s.rows = slices.DeleteFunc(s.rows, func(r *Submission) bool { return r.Challenge == id })
}

// Challenge is a challenge as it is now.
func (s *Server) Challenge(id int) Challenge {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.challenge(id)
}

// challenge is nil if there is none.
func (s *Server) challenge(id int) *Challenge {
	if id < 1 || id > len(s.all) || s.all[id-1].gone {
		return nil
	}
	return s.all[id-1]
}

// ChangeChallenge changes a challenge, as an organiser would.
func (s *Server) ChangeChallenge(id int, change func(*Challenge)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.challenge(id))
}

// ReuseChallenge makes a challenge with the id of one that was deleted, as SQLite does.
func (s *Server) ReuseChallenge(id int, c Challenge) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.ID = id
	s.all[id-1] = &c
}

// exportChallenges writes the table as CTFd does: what has no value stays empty, and JSON is as Python prints it.
func (s *Server) exportChallenges(lines *csv.Writer) {
	_ = lines.Write([]string{"id", "name", "description", "connection_info", "state", "requirements"})
	for _, ch := range s.all {
		if ch.gone {
			continue
		}
		requirements := ""
		if len(ch.Requires) > 0 {
			requirements = "{'prerequisites': " + strings.ReplaceAll(fmt.Sprint(ch.Requires), " ", ", ") + ", 'anonymize': True}"
		}
		state := "visible"
		if ch.Hidden {
			state = "hidden"
		}
		_ = lines.Write([]string{strconv.Itoa(ch.ID), ch.Name, "a, \"b\"\nc", ch.ConnectionInfo, state, requirements})
	}
	lines.Flush()
}

func (s *Server) challenges() {
	s.solved = map[[2]int]bool{}
	s.Handle("GET", "/challenges", func(c Call) Answer {
		if c.Caller == nil {
			return c.denied()
		}
		admin := c.Caller.Type == "admin" && c.URL.Query().Get("view") == "admin"
		if c.Caller.Type != "admin" && s.mode == "teams" && c.Caller.Team == 0 {
			return Abort(http.StatusForbidden)
		}
		list := []any{}
		for _, ch := range s.all {
			state := map[bool]string{true: "hidden", false: "visible"}[ch.Hidden]
			if want := c.URL.Query().Get("state"); s.challenge(ch.ID) == nil || ch.Hidden && !admin ||
				want != "" && want != state {
				continue
			}
			// No state in the list.
			list = append(list, map[string]any{
				"id": ch.ID, "type": "standard", "name": ch.Name, "value": ch.Value, "position": 0, "solves": 0,
				"solved_by_me": false,
				"category":     ch.Category, "module_id": nil, "tags": []any{}, "template": "/view.html", "script": "/view.js",
			})
		}
		return Success(list)
	})
	s.Handle("GET", "/challenges/{id}", SignedIn(func(c Call) Answer {
		id, _ := strconv.Atoi(c.PathValue("id"))
		ch := s.challenge(id)
		if ch == nil || ch.Hidden && c.Caller.Type != "admin" {
			return Abort(http.StatusNotFound)
		}
		info := any(ch.ConnectionInfo)
		if ch.ConnectionInfo == "" {
			info = nil
		}
		return Success(map[string]any{"id": ch.ID, "name": ch.Name, "connection_info": info, "view": s.window(ch)})
	}))
	s.Handle("GET", "/challenges/{id}/solves", AdminOnly(func(c Call) Answer {
		id, _ := strconv.Atoi(c.PathValue("id"))
		if s.challenge(id) == nil {
			return Abort(http.StatusNotFound)
		}
		list := []map[string]any{}
		for _, row := range s.rows {
			u, t := s.users[row.User], s.teams[row.Team]
			if row.Challenge != id || row.Type != "correct" || u == nil || u.Hidden || u.Banned ||
				t != nil && (t.Hidden || t.Banned) {
				continue
			}
			account, name, kind := u.ID, u.Name, "users"
			if s.mode == "teams" && t != nil {
				account, name, kind = t.ID, t.Name, "teams"
			}
			list = append(
				list,
				map[string]any{
					"account_id": account, "name": name, "date": row.At.UTC().Format(time.RFC3339),
					"account_url": "/" + kind + "/" + strconv.Itoa(account),
				},
			)
		}
		return Success(list)
	}))
	s.Handle("GET", "/challenges/{id}/requirements", AdminOnly(func(c Call) Answer {
		id, _ := strconv.Atoi(c.PathValue("id"))
		switch ch := s.challenge(id); {
		case ch == nil:
			return Abort(http.StatusNotFound)
		case len(ch.Requires) == 0:
			return Success(nil)
		default:
			return Success(map[string]any{"prerequisites": ch.Requires, "anonymize": true})
		}
	}))
	s.Handle("PATCH", "/challenges/{id}", AdminOnly(func(c Call) Answer {
		id, _ := strconv.Atoi(c.PathValue("id"))
		ch := s.challenge(id)
		var body struct {
			ConnectionInfo *string `json:"connection_info"`
		}
		switch {
		case ch == nil:
			return Abort(http.StatusNotFound)
		case json.Unmarshal(c.Body, &body) != nil:
			return Abort(http.StatusBadRequest)
		case body.ConnectionInfo != nil:
			ch.ConnectionInfo = *body.ConnectionInfo
		}
		return Success(map[string]any{"id": ch.ID, "name": ch.Name, "connection_info": ch.ConnectionInfo})
	}))
	s.Handle("POST", "/challenges/attempt", SignedIn(func(c Call) Answer {
		var body struct {
			Challenge int     `json:"challenge_id"`
			Provided  *string `json:"submission"`
		}
		switch {
		case json.Unmarshal(c.Body, &body) != nil:
			return Abort(http.StatusBadRequest)
		case s.challenge(body.Challenge) == nil || s.challenge(body.Challenge).Hidden:
			return Abort(http.StatusNotFound)
		case s.mode == "teams" && c.Caller.Team == 0:
			return Abort(http.StatusForbidden)
		case body.Provided == nil:
			return Abort(http.StatusInternalServerError)
		}
		status, err := s.attempt(c.Caller, body.Challenge, *body.Provided)
		if err != 0 {
			return Abort(err)
		}
		return Success(map[string]any{"status": status, "message": status})
	}))
}

// attempt stores what a player submits, unless their account has solved the challenge.
func (s *Server) attempt(u *User, challenge int, provided string) (status string, failure int) {
	provided = strings.TrimSpace(provided)
	status = "incorrect"
	for _, f := range s.flags {
		if f.Challenge != challenge {
			continue
		}
		if f.Type == "whaley" && s.plugin {
			if f.Content == provided &&
				(f.Data == fmt.Sprintf("user_%d", u.ID) || u.Team != 0 && f.Data == fmt.Sprintf("team_%d", u.Team)) {
				status = "correct"
				break
			}
			continue
		}
		if f.Type != "static" && f.Type != "regex" {
			return "", http.StatusInternalServerError // a flag of an unknown type breaks every wrong attempt
		}
		if f.Content == provided || f.Data == "case_insensitive" && strings.EqualFold(f.Content, provided) {
			status = "correct"
			break
		}
	}
	account := [2]int{challenge, u.ID}
	if s.mode == "teams" {
		account[1] = -u.Team
	}
	if s.solved[account] {
		return "already_solved", 0
	}
	s.solved[account] = status == "correct"
	s.store(Submission{Challenge: challenge, User: u.ID, Team: u.Team, Provided: provided, Type: status})
	return status, 0
}

// Attempt submits as a player does in the browser and returns CTFd's word for the outcome.
func (s *Server) Attempt(user, challenge int, provided string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	status, _ := s.attempt(s.users[user], challenge, provided)
	return status
}
