package docker

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"
)

const (
	maxManifest = 1 << 20 // bytes of a file that names images
	maxEntries  = 10_000  // files in an image's file: a layer is three
)

// saved is a file of docker save while it is copied.
type saved struct {
	out      *tar.Writer
	left     int64           // bytes that may still come out of it
	links    map[string]bool // paths that are links
	manifest bool            // it has been seen
}

// nameless copies a file of docker save, compressed or not, without the names of images in it, and no more than so many
// bytes of what comes out of it; 0: as many as there are. It refuses what the engine would read otherwise than it
// stands here:
// what lies behind a link may be another file there.
func nameless(w io.Writer, r io.Reader, most int64) error {
	buffered := bufio.NewReader(r)
	if isGzip(buffered) {
		plain, err := gzip.NewReader(buffered)
		if err != nil {
			return err
		}
		buffered = bufio.NewReader(plain)
	}
	if most == 0 {
		most = math.MaxInt64
	}
	s := &saved{out: tar.NewWriter(w), left: most, links: map[string]bool{}}
	in := tar.NewReader(buffered)
	for range maxEntries {
		header, err := in.Next()
		switch {
		case errors.Is(err, io.EOF) && !s.manifest:
			return errors.New("it has no manifest.json, as docker save writes it")
		case errors.Is(err, io.EOF):
			return s.out.Close()
		case err != nil:
			return err
		}
		name := path.Clean("/" + header.Name)
		if err := s.pass(name, header, in); err != nil {
			return fmt.Errorf("%.200q: %w", name, err)
		}
	}
	return fmt.Errorf("it has more than %d entries", maxEntries)
}

// pass copies one entry.
func (s *saved) pass(name string, header *tar.Header, in io.Reader) error {
	for at := path.Dir(name); at != "/"; at = path.Dir(at) {
		if s.links[at] {
			return errors.New("it lies behind a link")
		}
	}
	to := &tar.Header{Typeflag: header.Typeflag, Name: strings.TrimPrefix(name, "/"), Mode: 0o600, ModTime: header.ModTime}
	switch {
	case name == "/" || name == "/repositories":
		return nil // which holds names and nothing else
	case name == "/manifest.json" || name == "/index.json":
		return s.passManifest(to, header, in)
	case header.Typeflag == tar.TypeDir:
		to.Mode = 0o700
		return s.out.WriteHeader(to)
	case header.Typeflag == tar.TypeSymlink: // older engines write a layer that is there already as one
		s.links[name] = true
		to.Linkname = header.Linkname
		return s.out.WriteHeader(to)
	case header.Typeflag != tar.TypeReg || sparse(header):
		return errors.New("it is neither a plain file nor a folder")
	}
	to.Size = header.Size
	if err := s.take(header.Size); err != nil {
		return err
	}
	if err := s.out.WriteHeader(to); err != nil {
		return err
	}
	return s.passLayer(in)
}

// passLayer copies a file. The engine unpacks a layer that is compressed, so what comes out of it counts.
func (s *saved) passLayer(in io.Reader) error {
	buffered := bufio.NewReader(in)
	if magic, _ := buffered.Peek(4); compressedOtherwise(magic) {
		return errors.New("it is compressed by something else than gzip; docker save it from an engine that keeps it plain")
	}
	if isGzip(buffered) {
		// What is read ahead goes out too.
		if plain, err := gzip.NewReader(io.TeeReader(buffered, s.out)); err == nil {
			n, err := io.Copy(io.Discard, io.LimitReader(plain, s.left+1))
			if err == nil || n > s.left {
				err = s.take(n)
			}
			if err != nil {
				return err
			}
		}
	}
	_, err := io.Copy(s.out, buffered)
	return err
}

func (s *saved) take(bytes int64) error {
	if s.left -= bytes; bytes < 0 || s.left < 0 {
		return errors.New("the image has more bytes than BUILD_MAX_DISK")
	}
	return nil
}

// passManifest copies what names images, without the names.
func (s *saved) passManifest(to, header *tar.Header, in io.Reader) error {
	if header.Typeflag != tar.TypeReg || sparse(header) || header.Size > maxManifest {
		return fmt.Errorf("it is no file, or has more than %d MB", maxManifest>>20)
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	if to.Name == "manifest.json" {
		var images []json.RawMessage
		if s.manifest || json.Unmarshal(text, &images) != nil || len(images) != 1 {
			return errors.New("it does not name one image; docker save one")
		}
		s.manifest = true
	}
	if text, err = unnamed(text); err != nil {
		return err
	}
	to.Size = int64(len(text))
	if err := s.out.WriteHeader(to); err != nil {
		return err
	}
	_, err = s.out.Write(text)
	return err
}

func isGzip(r *bufio.Reader) bool {
	magic, _ := r.Peek(2)
	return bytes.Equal(magic, []byte{0x1f, 0x8b})
}

// compressedOtherwise says whether a file begins as what bzip2, xz or zstd makes does.
func compressedOtherwise(begin []byte) bool {
	for _, magic := range []string{"BZh", "\xfd7zX", "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(begin, []byte(magic)) {
			return true
		}
	}
	return false
}

// sparse says whether more comes out of an entry than is in the file.
func sparse(header *tar.Header) bool {
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return header.Typeflag == tar.TypeGNUSparse
}

// unnamed is a manifest without what its images are called, in whichever case: the engine's parser takes any.
func unnamed(text []byte) ([]byte, error) {
	var all any
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	var strip func(value any)
	strip = func(value any) {
		switch value := value.(type) {
		case []any:
			for _, one := range value {
				strip(one)
			}
		case map[string]any:
			for key, one := range value {
				if strings.EqualFold(key, "RepoTags") || strings.EqualFold(key, "annotations") {
					delete(value, key)
					continue
				}
				strip(one)
			}
		}
	}
	strip(all)
	return json.Marshal(all)
}
