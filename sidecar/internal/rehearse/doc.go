// Package rehearse plays an event on a Whaley that runs, with synthetic teams that come in by the way players do, and
// says what that host carries, what gives way first, and whether it is enough.
//
// It promises: it stops at once when it is told to, and returns when nothing of it is left there; should it be killed,
// the other side ends the rehearsal itself.
package rehearse
