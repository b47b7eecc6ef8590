package whaley

// Why an instance was stopped.
const (
	CausePlayer  = "player"
	CauseAdmin   = "admin" // an organiser
	CauseExpired = "expired"
	CauseLost    = "lost"   // a container ended, or was taken away
	CauseBanned  = "banned" // or the owner is not known any more
	CauseOver    = "event_over"
)

// Causes of stops of instances that took too much of what all share. Each is the code of the Reason, too.
const (
	CauseDisk   = "disk"   // wrote more than Policy.Disk
	CauseFiles  = "files"  // has more files than Policy.Files
	CauseShort  = "short"  // wrote the most when the engine's disk was running full
	CauseOutput = "output" // prints without end
)

// TookTooMuch says whether a stop has one of the causes of those that took too much.
func TookTooMuch(cause string) bool {
	return cause == CauseDisk || cause == CauseFiles || cause == CauseShort || cause == CauseOutput
}
