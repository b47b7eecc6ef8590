package jail

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const maxCopied = 64 << 20 // bytes of files that a jail has mounted from elsewhere

// lay puts what a jail has mounted into its root, as copies. Where it cannot, a note says so: most programs do without.
func (c *Config) lay() error {
	if c.Root == "/" {
		return nil // all of it is in sight where it lies
	}
	root, err := os.OpenRoot(c.Root)
	if err != nil {
		return fmt.Errorf("the jail's root: %w", err)
	}
	defer root.Close()
	left := int64(maxCopied)
	for _, f := range c.Files {
		if err := place(root, f, &left); err != nil {
			c.note("%s is not in the jail: %s", f.Target, err)
		}
	}
	return nil
}

func place(root *os.Root, f File, left *int64) error {
	target := filepath.Clean("." + f.Target)
	if _, err := root.Lstat(target); err == nil && !f.Folder {
		return nil // the root has its own
	}
	if err := root.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if f.Folder {
		if err := root.MkdirAll(target, 0o755); err != nil {
			return err
		}
		return root.Chmod(target, 0o777|fs.ModeSticky)
	}
	if f.Source == "" {
		return write(root, target, f.Content, 0o644)
	}
	info, err := os.Stat(f.Source)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("only files are copied")
	case info.Size() > *left:
		return fmt.Errorf("all mounted files together have more than %d MB", maxCopied>>20)
	}
	*left -= info.Size()
	text, err := os.ReadFile(f.Source)
	if err != nil {
		return err
	}
	return write(root, target, string(text), info.Mode().Perm())
}

func write(root *os.Root, target, text string, mode fs.FileMode) error {
	f, err := root.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Chmod(mode), f.Close())
}
