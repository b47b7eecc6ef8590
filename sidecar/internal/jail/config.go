package jail

import (
	"fmt"
	"time"
)

// Mode is what a jail does with its program.
type Mode string

// Listen runs it once for each connection, Once with what the jail itself was started with, Rerun so again and again.
const (
	Listen Mode = "LISTEN"
	Once   Mode = "ONCE"
	Rerun  Mode = "RERUN"
)

// Config is a jail as its author wrote it. What a program needs to know to enter it goes to it as JSON; the rest does
// not.
type Config struct {
	Mode            Mode          `json:"-"`
	Port            int           `json:"-"`
	Conns           int           `json:"-"` // connections at once; 0: maxConns
	ConnsPerAddress int           `json:"-"` // the same of one address; 0: maxConnsPerAddress
	Time            time.Duration `json:"-"` // that one run may take; 0: any
	Work            uint32        `json:"-"` // difficulty of the proof of work before a connection begins; 0: none
	Zeros           int           `json:"-"` // bits of a stamp of hashcash before a connection begins; 0: none
	Pids            int           `json:"-"` // processes of one connection; 0: the container's limit
	QuietErrors     bool          `json:"-"` // what it writes to standard error goes nowhere
	Files           []File        `json:"-"`
	Notes           []string      `json:"-"` // what is not done as it is written

	Root     string // absolute, entered before the program runs; "/": it stays where it is
	Dir      string // in Root
	UID, GID int
	KeepEnv  bool
	Env      []string // NAME=value, or a name alone: as outside
	Command  []string // a path in Root, and arguments
	Limits   map[Resource]uint64
}

// File is something that has to be at a place in Root: a copy of Source, or Content. Without either it is a folder that
// everyone may write to.
type File struct {
	Target, Source, Content string
	Folder                  bool
}

// Resource is one that a process has a limit of.
type Resource string

// The resources that nsjail names, in bytes, seconds or pieces. Processes are counted by user on the whole host,
// whatever container they are in: only a user of a connection's own may have that limit.
const (
	AddressSpace Resource = "as"
	Core         Resource = "core"
	CPU          Resource = "cpu"
	FileSize     Resource = "fsize"
	OpenFiles    Resource = "nofile"
	Processes    Resource = "nproc"
	Stack        Resource = "stack"
)

// defaultUser is who a program runs as whose jail says nothing, or says root: in a jail that is nobody outside.
const defaultUser = 1000

// Connections at once, where the jail's author has set no bound: all, and from one address, so that whoever opens and
// keeps them leaves room for others.
const (
	maxConns           = 64
	maxConnsPerAddress = 32
)

// newConfig is what holds where a configuration says nothing.
func newConfig() *Config {
	return &Config{
		Mode: Once, Time: 10 * time.Minute, Root: "/", Dir: "/", UID: defaultUser, GID: defaultUser,
		Limits: map[Resource]uint64{
			AddressSpace: 4 << 30, Core: 0, CPU: 600, FileSize: 1 << 20, OpenFiles: 32,
		},
	}
}

func (c *Config) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}
