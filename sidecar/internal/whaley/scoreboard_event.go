package whaley

import "time"

// ScoreboardEvent is when CTFd's event takes place. A zero time is none.
type ScoreboardEvent struct {
	Begins, Ends time.Time
	Paused       bool
	Viewable     bool // its challenges may be seen after its end
}

// Codes of an event that is not on.
const (
	CodeNotBegun = "event_not_begun"
	CodeOver     = "event_over"
	CodePaused   = "event_paused"
	CodeNotOpen  = "challenge_not_open" // of a challenge whose own time has not come
)

// eventTime is how people read a moment whose day they may not know.
const eventTime = "Monday, 2 January 2006, 15:04 UTC"

// Closed says why nothing is started at a time, nil if there is no such reason.
func (e ScoreboardEvent) Closed(at time.Time) *Error {
	switch {
	case at.Before(e.Begins):
		return Errorf(Forbidden, CodeNotBegun, "The event begins on %s.", said(e.Begins)).
			About(moment(e.Begins)).After(e.Begins.Sub(at))
	case !e.Ends.IsZero() && !at.Before(e.Ends) && !e.Viewable:
		return Errorf(Forbidden, CodeOver, "The event ended on %s.", said(e.Ends)).About(moment(e.Ends))
	case e.Paused && !e.over(at):
		return Errorf(Forbidden, CodePaused, "The organisers have paused the event. Running instances keep going.").After(
			RetryWhilePaused,
		)
	}
	return nil
}

// NotOpen says that a challenge's own time has not come, nil if it has.
func (ch *Challenge) NotOpen(at time.Time) *Error {
	if !at.Before(ch.OpensAt) {
		return nil
	}
	return Errorf(Forbidden, CodeNotOpen, "This challenge opens on %s.", said(ch.OpensAt)).
		About(moment(ch.OpensAt)).After(ch.OpensAt.Sub(at))
}

func said(at time.Time) string { return at.UTC().Format(eventTime) }

// moment is for other languages, which write dates their own way.
func moment(at time.Time) string { return at.UTC().Format(time.RFC3339) }

func (e ScoreboardEvent) over(at time.Time) bool { return !e.Ends.IsZero() && !at.Before(e.Ends) }
