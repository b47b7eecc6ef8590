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

// Config is a jail as its author wrote it.
type Config struct {
	Mode            Mode
	Port            int
	Conns           int           // connections at once; 0: any number
	ConnsPerAddress int           // the same of one address
	Time            time.Duration // that one run may take; 0: any
	Root            string        // absolute, entered before the program runs; "/": it stays where it is
	Dir             string        // in Root
	UID, GID        int
	KeepEnv         bool
	Env             []string // NAME=value, or a name alone: as outside
	Command         []string // a path in Root, and arguments
	QuietErrors     bool     // what it writes to standard error goes nowhere
	Setuid          bool     // setuid programs work, if the container lets them
	Limits          map[Resource]uint64
	Files           []File
	Notes           []string // what is not done as it is written
}

// File is something that has to be at a place in Root: a copy of Source, or Content. Without either it is a folder that
// everyone may write to.
type File struct {
	Target, Source, Content string
	Folder                  bool
}

// Resource is one that a process has a limit of.
type Resource string

// The resources that nsjail names, in bytes, seconds or pieces.
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

// newConfig is what holds where a configuration says nothing.
func newConfig() *Config {
	return &Config{Mode: Once, Time: 10 * time.Minute, Root: "/", Dir: "/", UID: defaultUser, GID: defaultUser, Limits: map[Resource]uint64{
		AddressSpace: 4 << 30, Core: 0, CPU: 600, FileSize: 1 << 20, OpenFiles: 32,
	}}
}

func (c *Config) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}
