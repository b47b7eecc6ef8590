package whaley

// Pressure is how much of the last ten seconds work of the machine stood still for want of something, in per cent, as
// Linux has it in /proc/pressure. Where that is not told it is zero.
type Pressure struct {
	Memory    float64 // some of it, for memory
	AllMemory float64 // all of it, for memory
	AllIO     float64 // all of it, for disks
}
