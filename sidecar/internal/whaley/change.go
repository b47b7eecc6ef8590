package whaley

import "time"

// Change is a hint that an instance's row is another now; without an instance, that something of the owner's is.
type Change struct {
	Instance  string
	Challenge string
	Slug      string
	Owner     string
	State     State
	Progress  *Progress `json:",omitempty"` // of a start; the row is what it was
}

// Progress is how far a start is, as the sidecar knows that is at it.
type Progress struct {
	Worker   string // that sidecar
	Stage    string
	Position int           // in its queue; 0: waits no more
	Estimate time.Duration // about how long it still waits
	Seq      int           // changes with the stage
}
