package challenge

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

// Folders of uploads and deletions under way; their names begin with a dot, so they are no challenges.
const (
	uploading = ".upload-"
	deleting  = ".deleted-"
)

// staged is what the names of such folders look like.
var staged = regexp.MustCompile(`^\.(upload|deleted)-[0-9]+$`)

// staging is a folder in CHALLENGES_DIR that is held by this process as long as the lock on it lasts.
type staging struct {
	dir  string
	lock *os.File
}

func (l *Library) stage(prefix string) (*staging, error) {
	dir, err := os.MkdirTemp(l.dir, prefix)
	if err != nil {
		return nil, err
	}
	s, err := hold(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// hold takes the lock on a folder, which ends with the process, however that ends.
func hold(dir string) (*staging, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), f.Close())
	}
	return &staging{dir, f}, nil
}

func (s *staging) remove() error {
	err := os.RemoveAll(s.dir)
	if err != nil {
		err = fmt.Errorf("remove %s: %w", s.dir, err)
	}
	s.lock.Close()
	return err
}

// RemoveLeftovers removes what uploads and deletions have left in CHALLENGES_DIR whose process died, and returns what
// it has removed. What another process is at is locked by that, and stays.
func (l *Library) RemoveLeftovers() (removed []string, err error) {
	entries, err := os.ReadDir(l.dir)
	for _, e := range entries {
		if !e.IsDir() || !staged.MatchString(e.Name()) {
			continue
		}
		s, held := hold(filepath.Join(l.dir, e.Name()))
		if errors.Is(held, unix.EWOULDBLOCK) {
			continue
		}
		if held == nil {
			held = s.remove()
		}
		if held != nil {
			err = errors.Join(err, held)
			continue
		}
		removed = append(removed, e.Name())
	}
	return removed, err
}
