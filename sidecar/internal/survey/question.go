package survey

// Question is which instances are to be looked at.
type Question struct {
	Folder    string              `json:"folder"`     // of the engine
	MostFiles int64               `json:"most_files"` // an instance with more is not counted further; 0: no limit
	Instances map[string]Instance `json:"instances"`
}

// Instance is what belongs to one.
type Instance struct {
	Folders    []string `json:"folders"`    // upper layers and volumes, paths of the engine's host
	Containers []string `json:"containers"` // ids
	Logs       []string `json:"logs"`       // where the engine writes what they print, as it is being written
}

// Answer is what was found.
type Answer struct {
	Instances map[string]Found `json:"instances"` // those that there was time for
	Free      int64            `json:"free"`      // bytes of the file system with the engine's folder
	Size      int64            `json:"size"`
	FreeFiles int64            `json:"free_files"` // 0 of 0: it has no bound of its own
	AllFiles  int64            `json:"all_files"`
	Error     string           `json:"error,omitempty"`
}

// Found is what one instance has on the disk.
type Found struct {
	Bytes  int64  `json:"bytes"`
	Files  int64  `json:"files"`
	Hidden int64  `json:"hidden"`          // of the bytes, in files without a name
	Wrote  int64  `json:"wrote"`           // by processes that live, since they began; much may have been written over
	Prints int64  `json:"prints"`          // bytes of log a second, lately
	Early  string `json:"early,omitempty"` // why there may be more
	// TooDeep says that folders are nested deeper than can be measured.
	TooDeep bool `json:"too_deep,omitempty"`
}

// Host is where the container of `whaley survey` has its host's files.
const Host = "/host"
