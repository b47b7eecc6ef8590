package importer

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Bounds of the search for a flag.
const (
	maxFlagFile = 1 << 20
	maxFlagSum  = 64 << 20
)

// unmistakable is a flag that is no word which might stand in a file for something else.
var unmistakable = regexp.MustCompile(`^(\S{1,40}\{[^\r\n]{1,150}\}|\S{16,200})$`)

var errEnough = errors.New("enough was read")

// findFlag looks for the metadata's flags in what the challenge runs: contexts of builds, mounts, the compose file.
// Without one among them nothing is said of the flag in instance.toml, and the loader looks for placeholders.
func (p *plan) findFlag(ctx context.Context) {
	flags := slices.DeleteFunc(slices.Clone(p.meta.flags), func(f string) bool { return !unmistakable.MatchString(f) })
	if len(flags) == 0 {
		return
	}
	found, barred := map[string]bool{}, map[string]bool{}
	left := int64(maxFlagSum)
	look := func(path string, mounted bool) {
		if path == p.metaPath() || filepath.Base(path) == definitionFile {
			return
		}
		content, err := read(path, maxFlagFile)
		if left -= int64(len(content)); err != nil {
			return
		}
		text := sentinel.IsText(content)
		for _, flag := range flags {
			if bytes.Contains(content, []byte(flag)) {
				found[flag] = found[flag] || text
				barred[flag] = barred[flag] || mounted && !text // it would stay, and the loader refuses that
			}
		}
	}
	in := func(dir string, mounted bool) {
		if !p.inside(dir) {
			return
		}
		_ = files.Walk(ctx, dir, func(path string, e fs.DirEntry) error { // what cannot be read holds no flag that is known
			switch {
			case left < 0:
				return errEnough
			case e.IsDir() && sentinel.SkipFolder(e.Name()):
				return fs.SkipDir
			case e.Type().IsRegular():
				look(path, mounted)
			}
			return nil
		})
	}
	if p.written == "" {
		look(filepath.Join(p.folder.path, p.compose), false)
	}
	for _, s := range p.services {
		if s.context != "" {
			in(s.context, false)
		}
		for _, bind := range s.binds {
			in(bind, true)
		}
		if s.recipe.file != "" {
			look(filepath.Join(p.folder.path, s.recipe.file), false)
		}
	}
	for _, flag := range flags {
		if found[flag] && !barred[flag] {
			p.flag = flag
			return
		}
	}
}

func (p *plan) metaPath() string { return filepath.Join(p.found.folder.path, p.meta.file) }

// judgeFlag says how owners get flags of their own, and whether what is replaced is what metadata call the flag.
func (p *plan) judgeFlag(ch *whaley.Challenge, r *Result, defaults challenge.Defaults) {
	r.Flag = "none"
	if ch.Flag.Dynamic {
		r.Flag = "own"
	}
	if len(p.meta.flags) == 0 || defaults.FlagPrefix == "" || p.own || p.flag != "" {
		return
	}
	flag, is := short(p.meta.flags[0], 80), ch.Flag.Text
	prefix, _, _ := strings.Cut(p.meta.flags[0], "{")
	switch {
	case is == "":
		p.note(
			"%s says the flag is %s, which is in no file that runs: everybody has the same. place = \"env\" in [flag] gives it by the variable FLAG, "+
				"or write %s where the flag should be", p.meta.file, flag, prefix+"{…}",
		)
	case slices.Contains(p.meta.flags, is):
		p.note("%s stands in %s only, of all that runs: owners' own flags are seen nowhere else", flag, p.meta.file)
	default:
		p.note(
			"%s says the flag is %s, and %s is what owners' own take the place of: name the right one as text in [flag]",
			p.meta.file, flag, short(is, 80),
		)
	}
}
