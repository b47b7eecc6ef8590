package whaley

import "time"

// What a Session is for.
const (
	SessionPlayer = "player" // of the dashboard
	SessionAdmin  = "admin"  // of the admin panel
	SessionMember = "member" // of the dashboard, by a provider of sign-ins
)

// Session is a browser that has signed in. Its row is its life: what has no row has ended.
type Session struct {
	ID        string
	Kind      string
	Account   int    // of CTFd; 0: signed in with the admin key
	Player    Player // as they were when last looked at; for while CTFd does not answer
	CreatedAt time.Time
	ExpiresAt time.Time
}
