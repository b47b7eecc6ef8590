package whaley

import "time"

// Kinds of captures.
const (
	CaptureAuto = "auto" // before the containers were removed
	CaptureLive = "live" // an organiser asked for it
)

// Capture is the row of a file with what an instance's containers printed.
type Capture struct {
	ID         string
	Instance   string
	Challenge  string
	Owner      Owner
	Player     string // who asked for the instance
	Kind       string
	Reason     string // why the instance ended: player, admin, expired, lost, error; live
	At         time.Time
	File       string // in the folder of captures
	Size       int64  // of the file, bytes
	Compressed bool
	Containers []string // their names
	Truncated  bool     // not everything they printed is in it
	Holder     string   // the sidecar on whose disk it is
}

// CaptureQuery selects captures, newest first. Empty fields select all.
type CaptureQuery struct {
	Instance  string
	Challenge string
	Owner     string
	Kind      string
	Reason    string
	Holder    string
	From, To  time.Time
	After     string // id of the last capture of the page before
	Limit     int
}

// CaptureStats are the captures in numbers.
type CaptureStats struct {
	Auto, Live int64
	Bytes      int64
}
