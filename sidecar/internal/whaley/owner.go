package whaley

import (
	"strconv"
	"strings"
)

const (
	userPrefix = "user_"
	teamPrefix = "team_"
)

// UserID is how a CTFd account is named here, as a player and, where players play alone, as an owner.
func UserID(account int) string { return userPrefix + strconv.Itoa(account) }

// TeamID is how a CTFd team is named here, as an owner.
func TeamID(team int) string { return teamPrefix + strconv.Itoa(team) }

// TeamOf is the CTFd team that an owner is; false if the owner is none.
func TeamOf(owner string) (int, bool) { return numbered(owner, teamPrefix) }

// UserOf is the CTFd account that a player or owner is; false if it is none.
func UserOf(owner string) (int, bool) { return numbered(owner, userPrefix) }

func numbered(id, prefix string) (int, bool) {
	digits, ok := strings.CutPrefix(id, prefix)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0 && strconv.Itoa(n) == digits
}
