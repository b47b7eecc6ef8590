package instancer

// Player is who asks for something. The zero Player is nobody known.
type Player struct {
	ID      string
	Name    string
	Owner   Owner  // the player's team in team mode, else the player
	Address string // where the request came from
}

// Known says whether anybody identified is asking.
func (p Player) Known() bool { return p.Owner.ID != "" }
