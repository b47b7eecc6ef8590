package whaley

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the class of an Error; the HTTP layer maps each to one status.
type Kind string

// The closed set of kinds.
const (
	Invalid      Kind = "invalid"      // 422: the request is understood and wrong
	Unauthorized Kind = "unauthorized" // 401: nobody known is asking
	Forbidden    Kind = "forbidden"    // 403: known, and not allowed
	NotFound     Kind = "not_found"    // 404: not there, or not for this player to know
	Conflict     Kind = "conflict"     // 409: not in this state
	Exhausted    Kind = "exhausted"    // 429: this owner has had enough for now
	Unavailable  Kind = "unavailable"  // 503: a dependency or the host cannot do it now
	Internal     Kind = "internal"     // 500: ours
)

// Error is what crosses package borders. Detail may be shown to a player, Err is for the log only.
type Error struct {
	Kind       Kind
	Code       string        // stable, snake_case
	Detail     string        // what happened and what to do
	Values     []string      `json:",omitempty"` // what Detail is about, in its order, for other languages
	RetryAfter time.Duration // zero: no use in waiting
	Err        error         `json:"-"` // for the log only
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Detail, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Detail)
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of a kind and code with a detail for people.
func Errorf(kind Kind, code, format string, args ...any) *Error {
	e := &Error{Kind: kind, Code: code, Detail: fmt.Sprintf(format, args...)}
	for _, arg := range args {
		e.Values = append(e.Values, fmt.Sprint(arg))
	}
	return e
}

// About says what Detail is about where its own words are English ones, such as a date's.
func (e *Error) About(values ...string) *Error {
	e.Values = values
	return e
}

// Because adds the cause, which stays in the log.
func (e *Error) Because(err error) *Error {
	e.Err = err
	return e
}

// TooFast refuses who did something too often, with the time until there is room again.
func TooFast(wait time.Duration) *Error {
	seconds := int((wait + time.Second - 1) / time.Second)
	return Errorf(Exhausted, "too_fast", "Too many requests. Try again in %d s.", seconds).After(wait)
}

// After says when trying again makes sense.
func (e *Error) After(d time.Duration) *Error {
	e.RetryAfter = d
	return e
}

// CodeOf is the code of the first Error in err's chain, or "" if there is none.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// ErrNoCTFd is the answer to what needs a CTFd where there is none.
var ErrNoCTFd = Errorf(
	Conflict, "ctfd_not_configured", "Whaley knows of no CTFd. Set AUTH_MODE=ctfd, CTFD_URL and CTFD_API_KEY.",
)

// Refused says whether who was asked answered and did not want what it got; anything else is no reason against that.
func Refused(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Kind == Conflict || e.Kind == Invalid || e.Kind == NotFound)
}

// ReasonOf says for people why something was not done.
func ReasonOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Detail
	}
	return fmt.Sprintf("It could not be tried: %v.", err)
}

// Codes that more than one package acts on.
const (
	CodeInstanceNotFound = "instance_not_found"
	CodeStartTimeout     = "start_timeout"   // a start took longer than it may
	CodeLiveInstance     = "instance_exists" // the owner already has a live instance of this challenge
	CodeQuota            = "quota_reached"
	CodeStateChanged     = "state_changed" // a transition found another state than it needs
	CodeStandby          = "standby"       // another sidecar is the active one
	CodeHostFull         = "host_full"
	CodeSubnetTaken      = "subnet_taken" // the engine or the host already uses the subnet
	CodePortTaken        = "port_taken"   // somebody else listens on the port
	CodeObjectMissing    = "object_missing"
	CodeFlagNotPlaced    = "flag_not_placed"  // an owner's flag did not get where it should
	CodeTokenRefused     = "token_refused"    // CTFd does not know the access token
	CodeSessionOver      = "session_over"     // the sign-in has ended
	CodeCTFdUnavailable  = "ctfd_unavailable" // CTFd does not answer
)

// NotPlaced ends a start rather than let it go on with a placeholder; nil: nothing was wrong.
func NotPlaced(err error) error {
	if err == nil {
		return nil
	}
	return Errorf(
		Internal, CodeFlagNotPlaced, "The challenge's flag could not be put in place. Tell an organiser: the log says why.",
	).Because(err)
}

// NotRunnable ends a start whose container cannot become its program.
func NotRunnable(service string, err error) error {
	return Errorf(
		Unavailable, "image_command", "The program of the challenge's service %s cannot be run. Tell an organiser.", service,
	).Because(err)
}
