package jail

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const maxCopied = 64 << 20 // bytes of files that a jail has mounted from elsewhere

// lay puts what a jail has mounted into its root: copies, or links where the root is the container's own and all of it
// is in sight. Where it cannot, a note says so: most programs do without.
func (c *Config) lay() error {
	root, err := os.OpenRoot(c.Root)
	if err != nil {
		return fmt.Errorf("the jail's root: %w", err)
	}
	defer root.Close()
	left := int64(maxCopied)
	for _, f := range c.Files {
		if err := c.place(root, f, &left); err != nil {
			c.note("%s is not in the jail: %s", f.Target, err)
		}
	}
	return nil
}

func (c *Config) place(root *os.Root, f File, left *int64) error {
	target := filepath.Clean("." + f.Target)
	if _, err := root.Lstat(target); err == nil && !f.Folder {
		return nil // the root has its own
	}
	if err := root.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	switch {
	case f.Folder:
		if err := root.MkdirAll(target, 0o755); err != nil {
			return err
		}
		return root.Chmod(target, 0o777|fs.ModeSticky)
	case f.Source == "":
		return write(root, target, f.Content, 0o644)
	case c.Root == "/":
		if _, err := os.Stat(f.Source); err != nil {
			return err
		}
		return root.Symlink(f.Source, target)
	case strings.HasPrefix(path.Clean(f.Source)+"/", path.Clean(c.Root)+"/"), strings.HasPrefix(f.Target+"/", "/dev/"):
		return errors.New("only files are copied")
	}
	return tree(root, target, f.Source, left)
}

// tree copies a file, or a folder with all that is in it. Of links, the first is followed.
func tree(root *os.Root, target, source string, left *int64) error {
	source, err := filepath.EvalSymlinks(source)
	if err != nil {
		return err
	}
	return filepath.WalkDir(source, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		in, err := filepath.Rel(source, at)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		to := filepath.Join(target, in)
		switch mode := info.Mode(); {
		case mode.IsDir():
			if err := root.Mkdir(to, 0o755); err != nil {
				return err
			}
			return root.Chmod(to, mode.Perm())
		case mode&fs.ModeSymlink != 0:
			leads, err := os.Readlink(at)
			if err != nil {
				return err
			}
			return root.Symlink(leads, to)
		case !mode.IsRegular():
			return fmt.Errorf("%s: only files are copied", at)
		case info.Size() > *left:
			return fmt.Errorf("all mounted files together have more than %d MB", maxCopied>>20)
		}
		*left -= info.Size()
		text, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		return write(root, to, string(text), info.Mode().Perm())
	})
}

func write(root *os.Root, target, text string, mode fs.FileMode) error {
	f, err := root.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Chmod(mode), f.Close())
}
