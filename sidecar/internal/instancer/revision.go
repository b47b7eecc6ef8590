package instancer

import "time"

// Revision is one entry of a challenge's history: from LoadedAt on, instances were made of it.
type Revision struct {
	Challenge string
	Revision  string
	LoadedAt  time.Time
	Live      int // instances of it that live now
	Instances int // of it that there ever were, as far as their rows are kept
}
