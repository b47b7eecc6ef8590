package ctfd

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type submission struct {
	ID          int       `json:"id"`
	ChallengeID int       `json:"challenge_id"`
	UserID      int       `json:"user_id"`
	TeamID      int       `json:"team_id"` // null: 0
	Provided    string    `json:"provided"`
	Type        string    `json:"type"`
	IP          string    `json:"ip"`
	Date        time.Time `json:"date"`
	Challenge   named     `json:"challenge"`
	User        named     `json:"user"`
	Team        named     `json:"team"` // null: empty
}

type named struct {
	Name string `json:"name"`
}

func (s submission) submission() whaley.Submission {
	return whaley.Submission{
		ID: s.ID, Challenge: s.ChallengeID, ChallengeName: s.Challenge.Name, User: s.UserID, UserName: s.User.Name,
		Team:     s.TeamID,
		TeamName: s.Team.Name, Provided: s.Provided, Type: s.Type, Address: s.IP, At: s.Date.UTC(),
	}
}

// Submissions is one page of all submissions. CTFd gives at most 100 a page and promises no order.
func (c *Client) Submissions(ctx context.Context, page, perPage int) (whaley.Submissions, error) {
	var rows []submission
	at, err := c.do(ctx, request{method: http.MethodGet, path: "/submissions", rank: chore, query: url.Values{
		"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(perPage)},
	}}, &rows)
	if whaley.CodeOf(err) == CodeNotFound && page > 1 { // before 3.7.2, a page after the last one
		return whaley.Submissions{Page: page}, nil
	}
	list := whaley.Submissions{Page: at.Page, Pages: at.Pages, Total: at.Total, Rows: make([]whaley.Submission, len(rows))}
	for n, row := range rows {
		list.Rows[n] = row.submission()
	}
	return list, err
}
