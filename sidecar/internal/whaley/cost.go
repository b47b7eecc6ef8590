package whaley

import (
	"cmp"
	"time"
)

// Seen is what one instance was seen to cost.
type Seen struct {
	Instance string
	Revision string
	Looks    int           // how often it was looked at
	Memory   int64         // bytes, the most that was seen
	CPUs     float64       // on average
	Start    time.Duration // how long its start had its slot; 0: not seen
}

// Cost is what instances of a challenge cost, by those that were seen.
type Cost struct {
	Instances int           // that were looked at
	Memory    int64         // bytes that nine of ten never went beyond; 0: too few were looked at
	CPUs      float64       // on average
	Start     time.Duration // of the one in the middle; 0: none was seen
}

// Needs is the memory that the host must have for an instance, in bytes.
func (in *Instance) Needs() int64 { return cmp.Or(in.Expected, in.Memory) }

// Needs is the memory that the host must have for an instance, in bytes.
func (r LiveRow) Needs() int64 { return cmp.Or(r.Expected, r.Memory) }
