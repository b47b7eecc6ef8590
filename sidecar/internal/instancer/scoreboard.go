package instancer

import "time"

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
