package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/whaley-ctf/whaley/sidecar/internal/config"
	"github.com/whaley-ctf/whaley/sidecar/internal/datadir"
)

// checkPrivate looks whether others on this machine can look into what Whaley keeps.
func checkPrivate(c *config.Config, r *report) {
	info, err := os.Stat(c.DataDir)
	entries, _ := os.ReadDir(c.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0: // a start makes it its owner's alone
	case err != nil:
		r.fault("privacy", "DATA_DIR: "+err.Error(), "DATA_DIR must be a folder that Whaley may use.")
		return
	case datadir.IsShared(c.DataDir, info):
		r.fault(
			"privacy", fmt.Sprintf("DATA_DIR=%s is a folder that everybody uses", c.DataDir), "Give Whaley a folder of its own.",
		)
		return
	case info.Mode()&datadir.OfOthers != 0:
		r.fault(
			"privacy",
			fmt.Sprintf(
				"others on this machine can look into DATA_DIR=%s (mode %o), where flags and keys are", c.DataDir,
				info.Mode().Perm(),
			),
			"chmod 700 it. The next start does so by itself, if the folder holds nothing that is not Whaley's.",
		)
		return
	}
	r.ok("privacy")
	if info, err := os.Stat(c.ForensicsDir); err == nil && info.Mode()&datadir.OfOthers != 0 &&
		!datadir.Within(c.ForensicsDir, c.DataDir) {
		r.hint(
			"privacy", "others on this machine can look into FORENSICS_LOG_DIR=%s (mode %o), where what containers printed is",
			c.ForensicsDir, info.Mode().Perm(),
		)
	}
}
