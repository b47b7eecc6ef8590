// Package sandbox keeps a few networks ready for instances that nobody has asked for yet. Most of a start is the
// network: its bridge, the namespaces, the cables. A sandbox has all of that, with a holder for each service, and the
// containers of an instance join the holders' namespaces.
//
// It promises: a sandbox is one instance's at a time, and its holders never serve a second one; a network is used again
// only after it has rested for longer than anybody remembers who had its addresses; every object follows a row, so that
// dying anywhere leaves nothing that the next look does not find; a sandbox that an instance has is never touched.
//
// Its objects carry a mark of their own, so that nothing that lists instances' objects sees them.
package sandbox
