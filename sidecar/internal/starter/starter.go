// Package starter makes folders of new challenges that load, build and are solved by their own solve.sh as they are:
// what an author changes into something worth solving.
package starter

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

//go:embed all:kinds
var templates embed.FS

// Kinds are those that there are, with what each is.
var Kinds = []struct{ Name, About string }{
	{"web", "one web server with a flag in a file"},
	{"pwn", "a C program that is reached by nc"},
	{"two-services", "a web server and a database that only it reaches"},
	{"bot", "a web server, and a browser that looks at what players send in"},
}

// Make writes a new challenge into the folder called name in dir, and returns its files. Flags begin with prefix.
func Make(dir, kind, name, prefix string) ([]string, error) {
	id := challenge.DeriveID(name)
	if strings.ContainsAny(name, "/\\\"\n") || id == "" {
		return nil, fmt.Errorf("%q can be no challenge's name: take letters, digits, spaces and hyphens", name)
	}
	from := path.Join("kinds", kind)
	if !slices.Contains(kinds(), kind) {
		return nil, fmt.Errorf("there is no kind %q; there are %s", kind, strings.Join(kinds(), ", "))
	}
	target := filepath.Join(dir, id)
	if err := os.Mkdir(target, 0o755); err != nil {
		if os.IsExist(err) {
			return nil, fmt.Errorf("there is a folder %s already; take another name", target)
		}
		return nil, fmt.Errorf("make a challenge: %w", err)
	}
	var made []string
	err := fs.WalkDir(templates, from, func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := templates.ReadFile(at)
		if err != nil {
			return err
		}
		text = bytes.ReplaceAll(text, []byte("@NAME@"), []byte(name))
		text = bytes.ReplaceAll(text, []byte("@ID@"), []byte(id))
		text = bytes.ReplaceAll(text, []byte("@PREFIX@"), []byte(prefix))
		mode := fs.FileMode(0o644)
		if bytes.HasPrefix(text, []byte("#!")) {
			mode = 0o755
		}
		into := filepath.Join(target, filepath.FromSlash(strings.TrimPrefix(at, from+"/")))
		if err := os.MkdirAll(filepath.Dir(into), 0o755); err != nil {
			return err
		}
		made = append(made, into)
		return os.WriteFile(into, text, mode)
	})
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", target, err)
	}
	return made, nil
}

func kinds() []string {
	var all []string
	for _, k := range Kinds {
		all = append(all, k.Name)
	}
	return all
}
