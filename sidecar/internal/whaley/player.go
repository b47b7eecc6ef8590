package whaley

// Player is who asks for something. The zero Player is nobody known.
type Player struct {
	ID      string
	Name    string
	Owner   Owner  // the player's team in team mode, else the player
	Address string // where the request came from
	Session string // id of the sign-in that the player came with; empty: a token, or an address
	// Organiser says that the account is an admin's in CTFd: before the event begins they try what players will get.
	Organiser bool
}

// Known says whether anybody identified is asking.
func (p Player) Known() bool { return p.Owner.ID != "" }

// InTeam says whether the player's instances are a team's.
func (p Player) InTeam() bool { return p.Owner.ID != p.ID }
