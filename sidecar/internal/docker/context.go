package docker

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"path"

	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// swapsOf are an owner's flags, or sentinels, and what they take the places of in a challenge's files; without any,
// nothing.
func swapsOf(ch *whaley.Challenge, flags []string) (all []sentinel.Swap) {
	if len(flags) == 0 {
		return nil
	}
	for n, form := range ch.Flag.Forms() {
		finder := sentinel.Literal(form.Text)
		if form.Text != "" && !form.Literal {
			finder = sentinel.NewFinder(form.Open, form.Close).Only(form.Text)
		}
		all = append(all, sentinel.Swap{Finder: finder, With: flags[n]})
	}
	for _, d := range ch.Flag.Decoys {
		all = append(all, sentinel.Swap{Finder: sentinel.Decoy(d)})
	}
	return all
}

// soughtIn are the sentinels that an image of a challenge is searched for.
func soughtIn(ch *whaley.Challenge) (all []sentinel.Sought) {
	within := append(ch.Flag.Sentinels(), ch.Flag.Decoys...)
	for _, form := range ch.Flag.Forms() {
		all = append(all, sentinel.Sought{Core: form.Core, Placeholder: form.Text, Within: within})
	}
	return all
}

// withFlags is a build's context with flags in the places of the placeholders in its text files.
func withFlags(content io.Reader, swaps []sentinel.Swap) io.ReadCloser {
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(replaceAll(writer, content, swaps)) }()
	return reader
}

func replaceAll(w io.Writer, r io.Reader, swaps []sentinel.Swap) error {
	out := tar.NewWriter(w)
	for in := tar.NewReader(r); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out.Close()
		}
		if err != nil {
			return err
		}
		var content io.Reader = in
		if header.Typeflag == tar.TypeReg && header.Size <= sentinel.MaxText && !sentinel.Skipped(path.Clean(header.Name)) {
			text, err := io.ReadAll(in)
			if err != nil {
				return err
			}
			if sentinel.IsText(text) {
				text, _ = sentinel.Replace(text, swaps)
			}
			header.Size = int64(len(text))
			content = bytes.NewReader(text)
		}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(out, content); err != nil {
			return err
		}
	}
}
