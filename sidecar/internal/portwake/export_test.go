package portwake

import "errors"

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

// Open says whether a port is listened at.
func (d *Datagrams) Open(port int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sockets[port] == nil {
		return errors.New("no socket is open")
	}
	return nil
}
