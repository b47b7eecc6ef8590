// Package datadir is about the folders that Whaley itself writes to: whose they are, and what room they have.
package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// OfOthers are the rights of everybody but the owner.
const OfOthers fs.FileMode = 0o077

// madeByUs are entries of a DATA_DIR that a sidecar, make up or make run has used before.
var madeByUs = []string{"whaley.db", "secret", "revisions", "secrets/plugin_key", "plugin-key"}

// Open makes DATA_DIR if it is missing, and takes the rights to it and to what is in it from everybody but its owner:
// flags, keys and what players' containers printed are there. Files that containers mount stay readable below: the
// engine mounts them, whoever may not look into the folders above.
func Open(dir string, log *slog.Logger) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("DATA_DIR: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("DATA_DIR: %w", err)
	}
	if IsShared(dir, info) {
		return fmt.Errorf("DATA_DIR=%s is a folder that everybody uses: give Whaley one of its own", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("DATA_DIR: %w", err)
	}
	if len(entries) > 0 && !usedBefore(dir) {
		if info.Mode()&OfOthers != 0 {
			log.Warn(
				"others on this machine can look into DATA_DIR; it holds things that are not Whaley's, so its mode is left as it is",
				"folder", dir, "mode", info.Mode().Perm(), "help", "give Whaley a folder of its own, or chmod 700",
			)
		}
		return nil
	}
	tightened := 0
	paths := []string{dir}
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	for _, path := range paths {
		changed, err := tighten(path)
		if err != nil {
			log.Warn("others on this machine can look into what is Whaley's, and its mode cannot be changed", "err", err)
		}
		if changed {
			tightened++
		}
	}
	if tightened > 0 {
		log.Info("DATA_DIR and what is in it is its owner's alone from now on", "folder", dir, "changed", tightened)
	}
	return nil
}

// IsShared says whether a folder is one like /tmp, or the root.
func IsShared(dir string, info fs.FileInfo) bool {
	whole, err := filepath.Abs(dir)
	return err != nil || whole == "/" || info.Mode()&fs.ModeSticky != 0
}

func usedBefore(dir string) bool {
	for _, name := range madeByUs {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// tighten takes the rights of others from a file or folder, and says whether there were any. A link is left alone, and
// what has gone meanwhile is no error.
func tighten(path string) (changed bool, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || info.Mode()&OfOthers == 0 || !info.Mode().IsRegular() && !info.IsDir() {
		return false, err
	}
	return true, os.Chmod(path, info.Mode().Perm()&^OfOthers)
}

// Within says whether a folder is the other one or in it.
func Within(inner, outer string) bool {
	path, err := filepath.Rel(outer, inner)
	return err == nil && filepath.IsLocal(path)
}
