package challenge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
)

// revisionOf is a hash of everything in a folder: names, modes and contents. It changes whenever an image or an
// instance made of the folder could. A folder over the limits of files.Walk has none.
func revisionOf(ctx context.Context, dir string) (string, error) {
	hash := sha256.New()
	err := files.Walk(ctx, dir, func(path string, entry fs.DirEntry) error {
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case info.IsDir() || files.Own(entry.Name()):
			return nil
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			fmt.Fprintf(hash, "link %q %q\n", name, target)
			return err
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is neither a file, a folder nor a link", name)
		}
		fmt.Fprintf(hash, "file %q %o %d\n", name, info.Mode().Perm(), info.Size())
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(hash, f)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil))[:16], err
}
