package portwake

// How much is remembered of all sign-ins, and of one.
const (
	MostSeen = mostSeen
	MostFrom = mostFrom
)

// Room is how many places take room.
func (p *Places) Room() (all int) {
	for _, of := range p.of.Values() {
		all += len(of)
	}
	return all
}
