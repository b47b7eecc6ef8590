package portwake

// MostSeen is how many places are remembered.
const MostSeen = mostSeen

// Room is how many places take room.
func (p *Places) Room() int { return len(p.now) + len(p.old) }
