package ctfcli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	fileName = "challenge.yml"
	maxFile  = 1 << 20 // bytes of one
	maxFiles = 10_000  // that are looked at
)

// Outcome says what became of a challenge's file.
type Outcome string

// Outcomes.
const (
	Made   Outcome = "made"
	Linked Outcome = "link written"
	Same   Outcome = "as it should be"
	Own    Outcome = "left alone, its connection_info is the author's own; --replace writes over it"
)

// Result is what became of one challenge.
type Result struct {
	Challenge string
	File      string // below the folder
	Outcome   Outcome
	Err       error
}

// Options of an export.
type Options struct {
	Link    func(challenge string) string
	Replace bool // what authors have written as connection_info
}

// Export looks in a folder for the file of each challenge, by its name or in a folder of its id, and completes it; one
// that is not there is made.
func Export(root *os.Root, challenges []*whaley.Challenge, o Options) ([]Result, error) {
	files, err := find(root)
	if err != nil {
		return nil, err
	}
	var all []Result
	for _, ch := range challenges {
		at := fileOf(ch, files)
		r := Result{Challenge: ch.ID, File: at}
		if text, there := files[at]; there {
			var next []byte
			next, r.Outcome, r.Err = link(text, o.Link(ch.ID), o.Replace)
			if r.Err == nil && r.Outcome == Linked {
				r.Err = root.WriteFile(at, next, 0o644)
			}
		} else {
			r.Outcome, r.Err = Made, create(root, at, ch, o.Link(ch.ID))
		}
		if r.Err != nil {
			r.Err = fmt.Errorf("%s: %w", at, r.Err)
		}
		all = append(all, r)
	}
	return all, nil
}

// find reads all files of the name; links are not followed.
func find(root *os.Root) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != fileName || !entry.Type().IsRegular() {
			return err
		}
		if len(files) == maxFiles {
			return fmt.Errorf("there are more than %d files %s", maxFiles, fileName)
		}
		file, err := root.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
		if err == nil && len(text) > maxFile {
			err = errors.New("it is larger than 1 MiB")
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		files[name] = text
		return nil
	})
	return files, err
}

// fileOf is where a challenge's file is, or should be.
func fileOf(ch *whaley.Challenge, files map[string][]byte) string {
	own := path.Join(ch.ID, fileName)
	if _, there := files[own]; there {
		return own
	}
	var named []string
	for at, text := range files {
		if whaley.SameName(nameIn(text), ch.Name) {
			named = append(named, at)
		}
	}
	if len(named) == 0 {
		return own
	}
	return slices.Min(named)
}

func create(root *os.Root, at string, ch *whaley.Challenge, link string) error {
	text, err := fresh(ch, link)
	if err != nil {
		return err
	}
	if err := root.MkdirAll(path.Dir(at), 0o755); err != nil {
		return err
	}
	return root.WriteFile(at, text, 0o644)
}
