package ctfdtest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Submission is what somebody entered.
type Submission struct {
	ID        int
	Challenge int
	User      int
	Team      int // 0: none
	Provided  string
	Type      string // default incorrect
	At        time.Time
}

// AddSubmission stores a row as it is and returns its id.
func (s *Server) AddSubmission(r Submission) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store(r)
}

// store gives a row the next id: one more than the highest there is, so that of a deleted last row is used again.
func (s *Server) store(r Submission) int {
	if n := len(s.rows); n > 0 {
		r.ID = s.rows[n-1].ID
	}
	r.ID++
	if r.Type == "" {
		r.Type = "incorrect"
	}
	if r.At.IsZero() {
		r.At = time.Now()
	}
	r.At = r.At.UTC().Truncate(time.Microsecond)
	s.rows = append(s.rows, &r)
	return r.ID
}

// RemoveSubmission deletes a row, as changing a correct one to incorrect does.
func (s *Server) RemoveSubmission(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = slices.DeleteFunc(s.rows, func(r *Submission) bool { return r.ID == id })
}

// Submissions lists all rows.
func (s *Server) Submissions() []Submission {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Submission, len(s.rows))
	for n, r := range s.rows {
		all[n] = *r
	}
	return all
}

func (s *Server) submissionView(r *Submission) map[string]any {
	name, team := "", any(nil)
	if u := s.users[r.User]; u != nil {
		name = u.Name
	}
	if t := s.teams[r.Team]; t != nil {
		team = map[string]any{"id": t.ID, "name": t.Name}
	}
	challenge := s.challenge(r.Challenge)
	if challenge == nil {
		challenge = &Challenge{}
	}
	return map[string]any{
		"id": r.ID, "challenge_id": r.Challenge, "user_id": r.User, "team_id": orNull(r.Team), "provided": r.Provided,
		"type": r.Type,
		"ip":   "127.0.0.1", "date": r.At.Format("2006-01-02T15:04:05.999999-07:00"),
		"challenge": map[string]any{
			"id": r.Challenge, "name": challenge.Name, "category": challenge.Category, "value": challenge.Value,
		},
		"user": map[string]any{"id": r.User, "name": name}, "team": team,
	}
}

func (s *Server) submissionRows() {
	s.Handle("GET", "/submissions", AdminOnly(func(c Call) Answer {
		page, err := strconv.Atoi(c.URL.Query().Get("page"))
		if err != nil || page < 1 {
			page = 1
		}
		perPage, err := strconv.Atoi(c.URL.Query().Get("per_page"))
		if err != nil || perPage < 1 {
			perPage = 20
		}
		rows := slices.DeleteFunc(slices.Clone(s.rows), func(r *Submission) bool {
			kind, challenge := c.URL.Query().Get("type"), c.URL.Query().Get("challenge_id")
			return kind != "" && kind != r.Type || challenge != "" && challenge != strconv.Itoa(r.Challenge)
		})
		got := s.listed(Page(rows, page, min(perPage, 100)), page)
		if got.Status != http.StatusOK {
			return got
		}
		return viewed(got, func(r *Submission) any { return s.submissionView(r) })
	}))
}

// exportsAMinute is how many exports CTFd allows one address.
const exportsAMinute = 10

func (s *Server) exports() {
	s.Handle("POST", "/exports/raw", AdminOnly(func(c Call) Answer {
		var body struct {
			Type string
			Args struct{ Table string }
		}
		s.exported = slices.DeleteFunc(s.exported, func(at time.Time) bool { return time.Since(at) > time.Minute })
		switch {
		case s.before(8):
			return Answer{http.StatusNotFound, Raw{"text/html; charset=utf-8", "<!DOCTYPE html><title>404</title>"}}
		case json.Unmarshal(c.Body, &body) != nil || body.Type != "csv" ||
			!slices.Contains([]string{"submissions", "challenges", "tokens"}, body.Args.Table):
			s.strayed = append(s.strayed, "exported something else than submissions, challenges and tokens")
			return Abort(http.StatusBadRequest)
		case len(s.exported) >= exportsAMinute:
			return Answer{
				http.StatusTooManyRequests,
				map[string]any{"code": 429, "message": "Too many requests. Limit is 10 requests in 60 seconds"},
			}
		}
		s.exported = append(s.exported, time.Now())
		var text bytes.Buffer
		lines := csv.NewWriter(&text)
		lines.UseCRLF = true
		if body.Args.Table == "challenges" {
			s.exportChallenges(lines)
			return Answer{http.StatusOK, Raw{"text/csv; charset=utf-8", text.String()}}
		}
		if body.Args.Table == "tokens" {
			s.exportTokens(lines)
			return Answer{http.StatusOK, Raw{"text/csv; charset=utf-8", text.String()}}
		}
		_ = lines.Write([]string{"id", "challenge_id", "user_id", "team_id", "ip", "provided", "type", "date"})
		for _, r := range s.rows {
			team := ""
			if r.Team != 0 {
				team = strconv.Itoa(r.Team)
			}
			_ = lines.Write([]string{
				strconv.Itoa(r.ID), strconv.Itoa(r.Challenge), strconv.Itoa(r.User), team, "127.0.0.1", r.Provided, r.Type,
				r.At.Format("2006-01-02 15:04:05.999999"),
			})
		}
		lines.Flush()
		return Answer{http.StatusOK, Raw{"text/csv; charset=utf-8", text.String()}}
	}))
}
