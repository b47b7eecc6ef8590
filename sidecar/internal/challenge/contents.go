package challenge

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
)

// How much of a revision is kept to tell how it differs from others.
const (
	keptEntries = 5000
	keptText    = 128 << 10 // bytes of one file; of a larger one it is only told whether it changed
	keptTexts   = 1 << 20   // bytes of all files
)

// content is a file or link of a revision.
type content struct {
	Path string `json:"path"`
	Link bool   `json:"link,omitempty"`
	Mode uint32 `json:"mode"`
	Size int64  `json:"size"`
	Sum  string `json:"sum"`
	Text string `json:"text,omitempty"`
	// Whole says that Text is all of it.
	Whole bool `json:"whole,omitempty"`
}

// contentsOf is what is in a revision's folder, as text for a database.
func contentsOf(ctx context.Context, dir string) (string, error) {
	var all []content
	left := keptTexts
	err := files.Walk(ctx, dir, func(path string, entry fs.DirEntry) error {
		if entry.IsDir() || files.Own(entry.Name()) || len(all) == keptEntries {
			return nil
		}
		c, err := contentOf(path, entry, left)
		if err != nil {
			return err
		}
		if c.Path, err = filepath.Rel(dir, path); err != nil {
			return err
		}
		left -= len(c.Text)
		all = append(all, c)
		return nil
	})
	if err != nil {
		return "", err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if err := json.NewEncoder(w).Encode(all); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}

func contentOf(path string, entry fs.DirEntry, left int) (content, error) {
	info, err := entry.Info()
	if err != nil {
		return content{}, err
	}
	c := content{Mode: uint32(info.Mode().Perm()), Size: info.Size()}
	if info.Mode()&fs.ModeSymlink != 0 {
		c.Text, err = os.Readlink(path)
		c.Link, c.Mode, c.Whole, c.Size, c.Sum = true, 0, true, int64(len(c.Text)), c.Text
		return c, err
	}
	f, err := os.Open(path)
	if err != nil {
		return c, err
	}
	defer f.Close()
	hash := sha256.New()
	text, err := io.ReadAll(io.LimitReader(io.TeeReader(f, hash), keptText+1))
	if err == nil {
		_, err = io.Copy(hash, f)
	}
	c.Sum = hex.EncodeToString(hash.Sum(nil))
	if len(text) <= min(keptText, left) && utf8.Valid(text) && !bytes.ContainsRune(text, 0) {
		c.Text, c.Whole = string(text), true
	}
	return c, err
}

// unpack reads what contentsOf made.
func unpack(packed string) ([]content, error) {
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return nil, fmt.Errorf("contents of a revision: %w", err)
	}
	r, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("contents of a revision: %w", err)
	}
	var all []content
	if err := json.NewDecoder(r).Decode(&all); err != nil {
		return nil, fmt.Errorf("contents of a revision: %w", err)
	}
	return all, nil
}
