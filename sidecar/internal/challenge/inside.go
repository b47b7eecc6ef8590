package challenge

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
)

// inside returns a path with all links resolved if that is in the folder (or the folder itself), else an error.
func inside(dir, path string) (string, error) {
	outside := fmt.Errorf("%s leads out of the folder", filepath.Base(path))
	// What is outside by its name is never looked at: whether it is there is nobody's business.
	if relative, err := filepath.Rel(dir, path); err != nil || !filepath.IsLocal(relative) {
		return "", outside
	}
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	relative, err := filepath.Rel(root, real)
	if err != nil || !filepath.IsLocal(relative) {
		return "", outside
	}
	return real, nil
}

// readLimited reads a file that has at most so many bytes.
func readLimited(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s has more than %d bytes", filepath.Base(path), most)
	}
	return text, err
}

// readText reads a text, which is in UTF-8 then: Windows writes UTF-16, and marks it at the beginning.
func readText(path string, most int64) ([]byte, error) {
	content, err := readLimited(path, most)
	return sentinel.Plain(content), err
}
