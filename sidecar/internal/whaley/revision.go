package whaley

import "time"

// Origin is how a revision came into a challenge's folder.
type Origin string

// The origins. Of revisions from before they were written down it is empty.
const (
	OriginFiles  Origin = "files"  // put there by hand, and found at start-up or at a signal
	OriginReload Origin = "reload" // put there by hand, and loaded by an organiser
	OriginEdit   Origin = "edit"   // written by an organiser in the panel
	OriginUpload Origin = "upload" // sent by an organiser as an archive

	OriginRollback Origin = "rollback" // an earlier one, which an organiser put back
)

// Revision is one entry of a challenge's history: from LoadedAt on, instances were made of it.
type Revision struct {
	Challenge string
	Revision  string
	LoadedAt  time.Time
	Origin    Origin
	By        string // the organiser; empty: nobody who is known
	Live      int    // instances of it that live now
	Instances int    // of it that there ever were, as far as their rows are kept
}
