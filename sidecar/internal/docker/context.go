package docker

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"path"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/sentinel"
)

// finderOf finds what an owner's flag takes the place of in a challenge's files.
func finderOf(ch *instancer.Challenge) sentinel.Finder {
	if ch.Flag.Text == "" || ch.Flag.Literal {
		return sentinel.Literal(ch.Flag.Text)
	}
	return sentinel.NewFinder(ch.Flag.Prefix).Only(ch.Flag.Text)
}

// withFlag is a build's context with a flag in the place of every placeholder in its text files.
func withFlag(content io.Reader, finder sentinel.Finder, flag string) io.ReadCloser {
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(replaceAll(writer, content, finder, flag)) }()
	return reader
}

func replaceAll(w io.Writer, r io.Reader, finder sentinel.Finder, flag string) error {
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
				text, _ = finder.Replace(text, flag)
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
