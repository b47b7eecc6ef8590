package whaley

// Written is what an instance has on the engine's disk.
type Written struct {
	Bytes  int64 // in layers, volumes, and files that are deleted and still open
	Files  int64
	Wrote  int64 // by processes that live, since they began, much of it maybe over and over; 0 where that is not known
	Prints int64 // bytes of log a second, lately
	Hides  bool  // files are where they cannot be counted
}

// Disk is what was seen of the engine's disk. What is not known is zero.
type Disk struct {
	Instances map[string]Written
	Free      int64 // bytes
	Size      int64
	FreeFiles int64 // of AllFiles, if the file system has a bound of them
	AllFiles  int64
}
