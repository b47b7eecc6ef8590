package ctfdtest

import (
	"crypto/rand"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// User is an account. Type is user or admin.
type User struct {
	ID     int
	Name   string
	Type   string
	Team   int // 0: none
	Banned bool
	Hidden bool
}

// Team is a team; its members are the users that name it.
type Team struct {
	ID     int
	Name   string
	Banned bool
	Hidden bool
}

type token struct {
	id      int
	user    int
	expires time.Time
}

// AddUser adds an account and returns its id.
func (s *Server) AddUser(u User) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastUser++
	u.ID = s.lastUser
	if u.Type == "" {
		u.Type = "user"
	}
	s.users[u.ID] = &u
	return u.ID
}

// AddTeam adds a team and returns its id.
func (s *Server) AddTeam(t Team) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastTeam++
	t.ID = s.lastTeam
	s.teams[t.ID] = &t
	return t.ID
}

// ChangeUser changes an account, as an organiser would.
func (s *Server) ChangeUser(id int, change func(*User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.users[id])
}

// ChangeTeam changes a team.
func (s *Server) ChangeTeam(id int, change func(*Team)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.teams[id])
}

// RemoveTeam deletes a team; who was in it has none.
func (s *Server) RemoveTeam(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.teams, id)
	for _, u := range s.users {
		if u.Team == id {
			u.Team = 0
		}
	}
}

// RemoveUser deletes an account and its tokens.
func (s *Server) RemoveUser(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, id)
	for text, t := range s.tokens {
		if t.user == id {
			delete(s.tokens, text)
		}
	}
}

// Token makes an access token of an account, good for 30 days.
func (s *Server) Token(user int) string {
	return s.TokenUntil(user, time.Now().AddDate(0, 0, 30))
}

// TokenWithID makes one and says its number too.
func (s *Server) TokenWithID(user int) (text string, id int) {
	text = s.Token(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	return text, s.tokens[text].id
}

// TokenUntil makes one that ends at a time.
func (s *Server) TokenUntil(user int, expires time.Time) string {
	bits := make([]byte, 32)
	rand.Read(bits)
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.tokenOf(bits)
	s.addToken(text, user, expires)
	return text
}

func (s *Server) addToken(text string, user int, expires time.Time) token {
	s.lastToken++
	s.tokens[text] = token{s.lastToken, user, expires}
	return s.tokens[text]
}

// Tokens is how many access tokens an account has.
func (s *Server) Tokens(user int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.tokens {
		if t.user == user {
			n++
		}
	}
	return n
}

// RemoveToken deletes an access token.
func (s *Server) RemoveToken(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, text)
}

func (s *Server) accounts() {
	s.Handle("GET", "/users/me", SignedIn(func(c Call) Answer { return Success(s.userView(c.Caller, "self")) }))
	s.Handle("GET", "/users", func(c Call) Answer {
		var list []*User
		for _, id := range slices.Sorted(maps.Keys(s.users)) {
			if u := s.users[id]; !u.Banned && !u.Hidden { // for admins too
				list = append(list, u)
			}
		}
		return s.listed(viewed(Page(list, pageOf(c), perPage), func(u *User) any { return s.userView(u, "user") }), pageOf(c))
	})
	s.Handle("GET", "/teams", func(c Call) Answer {
		if s.mode != "teams" && !s.before(6) {
			return Abort(http.StatusNotFound)
		}
		admin := c.Caller != nil && c.Caller.Type == "admin"
		var list []*Team
		for _, id := range slices.Sorted(maps.Keys(s.teams)) {
			if t := s.teams[id]; !t.Banned && !t.Hidden || admin && c.FormValue("view") == "admin" {
				list = append(list, t)
			}
		}
		view := "user"
		if admin {
			view = "admin"
		}
		return s.listed(viewed(Page(list, pageOf(c), perPage), func(t *Team) any {
			row := s.teamView(t, view)
			delete(row, "members")
			return row
		}), pageOf(c))
	})
	s.Handle("GET", "/users/{id}", func(c Call) Answer {
		id, err := strconv.Atoi(c.PathValue("id"))
		u := s.users[id]
		admin := c.Caller != nil && c.Caller.Type == "admin"
		if err != nil || u == nil || !admin && (u.Banned || u.Hidden) {
			return Abort(http.StatusNotFound)
		}
		if admin {
			return Success(s.userView(u, "admin"))
		}
		return Success(s.userView(u, "user"))
	})
	s.Handle("GET", "/teams/me", SignedIn(func(c Call) Answer {
		switch {
		case s.mode != "teams":
			return Abort(http.StatusNotFound)
		case c.Caller.Team == 0:
			return Abort(http.StatusForbidden)
		}
		return Success(s.teamView(s.teams[c.Caller.Team], "self"))
	}))
	s.Handle("GET", "/teams/{id}", func(c Call) Answer {
		id, err := strconv.Atoi(c.PathValue("id"))
		t := s.teams[id]
		admin := c.Caller != nil && c.Caller.Type == "admin"
		if err != nil || s.mode != "teams" || t == nil || !admin && (t.Banned || t.Hidden) {
			return Abort(http.StatusNotFound)
		}
		if admin {
			return Success(s.teamView(t, "admin"))
		}
		return Success(s.teamView(t, "user"))
	})
}

const perPage = 50

// viewed is a page of rows as callers see them.
func viewed[T any](got Answer, view func(T) any) Answer {
	envelope := got.Body.(map[string]any)
	views := []any{}
	for _, row := range envelope["data"].([]T) {
		views = append(views, view(row))
	}
	envelope["data"] = views
	return got
}

func pageOf(c Call) int {
	page, err := strconv.Atoi(c.FormValue("page"))
	if err != nil {
		return 1
	}
	return page
}

func (s *Server) userView(u *User, view string) map[string]any {
	v := map[string]any{
		"id": u.ID, "name": u.Name, "team_id": orNull(u.Team), "oauth_id": nil, "fields": []any{}, "website": nil,
		"affiliation": nil, "bracket_id": nil, "country": nil, "place": nil, "score": 0,
	}
	if view != "user" {
		v["email"], v["language"] = u.Name+"@rig.example", nil
	}
	if view == "admin" {
		v["type"], v["banned"], v["hidden"], v["verified"] = u.Type, u.Banned, u.Hidden, true
		v["secret"], v["change_password"], v["created"] = nil, false, "2026-11-23T03:27:00.123261+00:00"
	}
	return v
}

func (s *Server) teamView(t *Team, view string) map[string]any {
	members := []int{}
	for _, u := range s.users {
		if u.Team == t.ID {
			members = append(members, u.ID)
		}
	}
	slices.Sort(members)
	v := map[string]any{
		"id": t.ID, "name": t.Name, "members": members, "captain_id": nil, "oauth_id": nil, "fields": []any{}, "website": nil,
		"affiliation": nil, "bracket_id": nil, "country": nil, "place": nil, "score": 0,
	}
	if view != "user" {
		v["email"] = t.Name + "@rig.example"
	}
	if view == "admin" {
		v["banned"], v["hidden"], v["secret"], v["created"] = t.Banned, t.Hidden, nil, "2026-11-23T03:26:59.364555+00:00"
	}
	return v
}

func orNull(n int) any {
	if n == 0 {
		return nil
	}
	return n
}
