package ctfd

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// user is an account as an admin sees it; whoever asks for their own gets no type, banned and hidden.
type user struct {
	ID       int    `json:"id"`
	Name     string `json:"name"`
	TeamID   int    `json:"team_id"` // null: 0
	Type     string `json:"type"`
	Banned   bool   `json:"banned"`
	Hidden   bool   `json:"hidden"`
	Verified bool   `json:"verified"`
}

func (u user) account() whaley.Account {
	return whaley.Account{ID: u.ID, Name: u.Name, Team: u.TeamID, Admin: u.Type == "admin", Banned: u.Banned}
}

// Me is whose token this is. It says nothing of bans: CTFd lets a banned player's token through.
func (c *Client) Me(ctx context.Context, token string) (id int, err error) {
	var u user
	if _, err := c.do(ctx, request{method: http.MethodGet, path: "/users/me", token: token}, &u); err != nil {
		return 0, err
	}
	if u.ID <= 0 {
		return 0, misconfigured(errors.New("GET /users/me: the answer has no id of a user"))
	}
	return u.ID, nil
}

// User is an account, CodeNotFound if there is none.
func (c *Client) User(ctx context.Context, id int) (whaley.Account, error) {
	var u user
	_, err := c.do(ctx, request{method: http.MethodGet, path: "/users/" + strconv.Itoa(id)}, &u)
	if err == nil && u.Type == "" {
		return whaley.Account{}, notAdmin()
	}
	return u.account(), err
}

func notAdmin() error {
	return whaley.Errorf(
		whaley.Unavailable, CodeMisconfigured, "CTFD_API_KEY is not the access token of a CTFd admin. Tell an organiser.",
	)
}
