package warden

// Limits are what the RUN lines of one build may use; 0: no limit.
type Limits struct {
	Memory   int64 `json:"memory"`    // bytes
	NanoCPUs int64 `json:"nano_cpus"` // of a CPU
	Pids     int64 `json:"pids"`
	Disk     int64 `json:"disk"` // bytes, of one RUN
}

// times is what so many builds may use together.
func (l Limits) times(n int64) Limits {
	return Limits{Memory: n * l.Memory, NanoCPUs: n * l.NanoCPUs, Pids: n * l.Pids}
}

// Order is what the warden is told.
type Order struct {
	Limits Limits `json:"limits"`
	Builds int64  `json:"builds"` // that go on
	Folder string `json:"folder"` // of the engine
}

// Word is what it says: after each order whether it is carried out, and that a RUN was ended.
type Word struct {
	Done  bool   `json:"done,omitempty"`  // an order is carried out
	Error string `json:"error,omitempty"` // or cannot be
	Wrote int64  `json:"wrote,omitempty"` // bytes, by a RUN that was ended for it
}

// Where the container of `whaley warden` has its host's files and control groups.
const (
	Host   = "/host"
	Groups = "/groups"
)
