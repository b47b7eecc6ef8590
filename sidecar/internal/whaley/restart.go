package whaley

// Restart says that a service is started again when it ends by itself.
type Restart struct {
	Failure bool // only after a code other than 0
	Tries   int  // how often in a row; 0: without end
}

// Again says whether a service that has ended with a code is to be started again.
func (r *Restart) Again(code, count int) bool {
	return r != nil && (!r.Failure || code != 0) && (r.Tries == 0 || count < r.Tries)
}
