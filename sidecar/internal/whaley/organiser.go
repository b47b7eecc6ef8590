package whaley

import (
	"slices"
	"time"
)

// Role is what an organiser may do. Each includes those before it.
type Role string

// Roles of organisers.
const (
	RoleViewer   Role = "viewer"   // sees how the event goes, and changes nothing
	RoleOperator Role = "operator" // works on instances, challenges and their flags
	RoleAdmin    Role = "admin"    // changes settings, organisers' keys and what is in CTFd
)

// Roles are all, the least first.
var Roles = []Role{RoleViewer, RoleOperator, RoleAdmin}

// May says whether a role includes another. What is no role includes none and is included by none.
func (r Role) May(wanted Role) bool {
	return slices.Contains(Roles, wanted) && slices.Index(Roles, r) >= slices.Index(Roles, wanted)
}

// Organiser is who asks as one.
type Organiser struct {
	Name string // as the log of events has it
	Role Role
}

// OrganiserKey is a key of a named organiser. The key itself is nowhere but with its organiser.
type OrganiserKey struct {
	ID        string
	Name      string
	Role      Role
	Hash      string // SHA-256 of the key, in hex
	CreatedAt time.Time
	CreatedBy string
	RevokedAt time.Time // zero: it counts
	RevokedBy string
}
