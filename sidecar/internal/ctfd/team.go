package ctfd

import (
	"context"
	"net/http"
	"strconv"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

type team struct {
	ID      int    `json:"id"`
	Name    string `json:"name"`
	Banned  bool   `json:"banned"`
	Members []int  `json:"members"`
}

// Team is a team with its members, CodeNotFound if there is none or CTFd has no teams.
func (c *Client) Team(ctx context.Context, id int) (whaley.Team, error) {
	var t team
	_, err := c.do(ctx, request{method: http.MethodGet, path: "/teams/" + strconv.Itoa(id)}, &t)
	return whaley.Team{ID: t.ID, Name: t.Name, Members: t.Members, Banned: t.Banned}, err
}
