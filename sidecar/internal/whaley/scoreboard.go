package whaley

import (
	"strings"
	"time"
	"unicode"
)

// ScoreboardChallenge is a challenge as CTFd has it.
type ScoreboardChallenge struct {
	ID       int
	Name     string
	Category string
	Type     string
	Value    int
	Hidden   bool
}

// ScoreboardFlag is a row of CTFd's flags; everybody's submission is compared with all of a challenge.
type ScoreboardFlag struct {
	ID        int
	Challenge int
	Content   string
	Type      string // static, regex or a plugin's
	Data      string // case_insensitive, or anything for case-sensitive
}

// Submission is what a player has entered in CTFd.
type Submission struct {
	ID            int
	Challenge     int
	ChallengeName string // empty in an export
	User, Team    int    // Team is 0 where players play alone
	UserName      string // empty in an export
	TeamName      string // empty in an export
	Provided      string // stripped of white space, else as it was entered
	Type          string // correct, incorrect, partial, discard, ratelimited
	Address       string // as CTFd believes it: weak evidence
	At            time.Time
}

// Submissions is one page of all submissions, in no promised order.
type Submissions struct {
	Rows  []Submission
	Page  int
	Pages int
	Total int
}

// ScoreboardPage is a page that organisers have made in CTFd.
type ScoreboardPage struct {
	ID      int
	Route   string // its path, without a slash before it
	Title   string
	Content string // empty in a list
}

// ScoreboardDetails is what CTFd's list of challenges does not say of one.
type ScoreboardDetails struct {
	ID             int
	Name           string
	Hidden         bool   // from players, or locked, or for later
	ConnectionInfo string // what players are shown as the way to it
	Requires       []int  // challenges that have to be solved before
}

// PlainName is what of a name people remember: its letters and digits, in lower case.
func PlainName(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// SameName says whether two names differ by case and signs at most.
func SameName(a, b string) bool {
	plain := PlainName(a)
	return a == b || plain != "" && plain == PlainName(b)
}
