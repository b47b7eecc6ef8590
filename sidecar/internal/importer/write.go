package importer

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/BurntSushi/toml"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

// Bounds of what instance.toml may say.
const (
	maxName        = 200
	maxCategory    = 60
	maxDescription = 32768
)

// definition is instance.toml as import writes it, in this order.
type definition struct {
	ID          string  `toml:"id"`
	Name        string  `toml:"name"`
	Category    string  `toml:"category"`
	Description string  `toml:"description,omitempty"`
	Compose     string  `toml:"compose,omitempty"`
	Timeout     int     `toml:"timeout,omitzero"`
	Limits      *limits `toml:"limits,omitempty"`
	Flag        *flag   `toml:"flag,omitempty"`
	Solver      *solver `toml:"solver,omitempty"`
	Routes      []route `toml:"routes"`
}

type flag struct {
	Text string `toml:"text"`
}

type limits struct {
	Memory string `toml:"memory"`
}

// definitionText is a plan's instance.toml.
func (p *plan) definitionText() ([]byte, error) {
	d := definition{
		ID: p.id, Name: plainText(short(p.title(), maxName-1)), Category: plainText(p.category),
		Description: cut(strings.ToValidUTF8(p.meta.description, ""), maxDescription), Timeout: p.meta.timeout,
		Routes: p.routes, Solver: p.solver(),
	}
	if p.meta.memory != "" {
		d.Limits = &limits{p.meta.memory}
	}
	if p.flag != "" {
		d.Flag = &flag{p.flag}
	}
	if p.compose != p.usualCompose() {
		d.Compose = p.compose
	}
	from := []string{p.compose}
	if p.written != "" {
		from = []string{p.services[0].recipe.file}
	}
	if p.meta.file != "" {
		from = append(from, p.meta.file)
	}
	var text bytes.Buffer
	fmt.Fprintf(
		&text, "# Written by whaley import from %s. It is yours now: import never changes it again.\n",
		plainText(strings.Join(from, " and ")),
	)
	encoder := toml.NewEncoder(&text)
	encoder.Indent = ""
	err := encoder.Encode(d)
	return text.Bytes(), err
}

// title is what players read.
func (p *plan) title() string {
	if p.meta.name == "" && !isGeneric(p.found.folder.name) {
		return p.found.folder.name
	}
	return cmp.Or(p.meta.name, p.label)
}

// usualCompose is the compose file that the loader takes by itself.
func (p *plan) usualCompose() string {
	if p.written != "" {
		return composeName
	}
	for _, name := range challenge.ComposeNames {
		if info, err := os.Stat(filepath.Join(p.folder.path, name)); err == nil && info.Mode().IsRegular() {
			return name
		}
	}
	return ""
}

// write puts a plan's files into a folder: the challenge's own, or a copy. What is there stays as it is.
func (p *plan) write(dir string) error {
	text, err := p.definitionText()
	if err != nil {
		return fmt.Errorf("write %s: %w", definitionFile, err)
	}
	if p.written != "" { // first: an instance.toml without it would be taken for whole
		if err := create(filepath.Join(dir, composeName), []byte(p.written)); err != nil {
			return err
		}
	}
	return create(filepath.Join(dir, definitionFile), text)
}

// create makes a file that is not there, whole or not at all.
func create(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), withoutPath(err))
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", filepath.Base(path), withoutPath(err)), os.Remove(path))
	}
	return nil
}

func withoutPath(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// plainText is a text without what a terminal or a comment would take for more than text.
func plainText(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return '�'
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
}

func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most])
	}
	return text
}
