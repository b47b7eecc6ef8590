package whaley

import "time"

// Usage is what a container uses now, and has used since it started.
type Usage struct {
	At          time.Time
	CPU         time.Duration // of all CPUs, since the start
	Memory      int64         // bytes, without what is only cached files
	MemoryLimit int64         // bytes
	NetworkIn   int64         // bytes since the start
	NetworkOut  int64
	BlockRead   int64
	BlockWrite  int64
	Pids        int64
}
