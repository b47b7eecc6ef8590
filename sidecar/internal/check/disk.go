package check

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/datadir"
)

// checkDisks looks at the folders that Whaley itself writes to.
func checkDisks(c *config.Config, r *report) {
	for _, f := range datadir.Folders(c) {
		left, err := writable(f.Path)
		switch scarce := left.Scarce(); {
		case err != nil:
			r.fault(
				"disk", fmt.Sprintf("%s=%s cannot be written to: %v", f.Setting, f.Path, err),
				"Give the user that Whaley runs as the right to write there.",
			)
		case scarce != "":
			r.fault(
				"disk", fmt.Sprintf("%s=%s %s", f.Setting, f.Path, scarce),
				"Make room: lower FORENSICS_RETENTION_HOURS or EVENTS_RETENTION_HOURS, or take a larger disk.",
			)
		case left.Percent < datadir.FewFree:
			r.hint("disk", "%s=%s is %d %% full", f.Setting, f.Path, 100-left.Percent)
		}
	}
}

// writable makes a folder, writes a file there and removes it again.
func writable(folder string) (datadir.Space, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return datadir.Space{}, err
	}
	f, err := os.CreateTemp(folder, ".check-*")
	if err != nil {
		return datadir.Space{}, err
	}
	f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return datadir.Space{}, err
	}
	return datadir.RoomIn(filepath.Clean(folder))
}
