package sentinel

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
)

const (
	maxUnpacked = 256 << 20 // bytes that are unpacked of one file
	maxZip      = 64 << 20  // bytes of a zip file that is looked into
)

// scanPacked scans a file, and if it is gzip or zip also what is inside: a flag in there cannot be replaced, not even
// one that is not compressed, since its checksum would be wrong.
func (s scanner) scanPacked(r io.Reader) (finding, error) {
	in := bufio.NewReaderSize(r, 4096)
	head, err := in.Peek(4)
	switch {
	case err != nil:
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b, 8}):
		return s.scanBeside(in, s.insideGzip)
	case bytes.Equal(head, []byte("PK\x03\x04")):
		return s.scanBeside(in, s.insideZip)
	}
	return s.scan(in)
}

// scanBeside scans a file while something else unpacks it.
func (s scanner) scanBeside(r io.Reader, unpack func(io.Reader) bool) (finding, error) {
	reader, writer := io.Pipe()
	inside := make(chan bool, 1)
	go func() {
		found := unpack(reader)
		_, _ = io.Copy(io.Discard, reader) // so that the scan is not held up
		inside <- found
	}()
	f, err := s.scan(io.TeeReader(r, writer))
	writer.Close()
	if <-inside {
		f.add("packed")
	}
	return f, err
}

// holds says whether the core is in a stream in any form. A stream that ends badly is looked at as far as it goes.
func (s scanner) holds(r io.Reader) bool {
	f, _ := s.scan(&untilError{r: io.LimitReader(r, maxUnpacked)})
	return len(f.hits) > 0 || len(f.odd) > 0
}

func (s scanner) insideGzip(r io.Reader) bool {
	unpacked, err := gzip.NewReader(r)
	return err == nil && s.holds(unpacked)
}

func (s scanner) insideZip(r io.Reader) bool {
	content, err := io.ReadAll(io.LimitReader(r, maxZip))
	if err != nil {
		return false
	}
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return false
	}
	for _, entry := range archive.File {
		unpacked, err := entry.Open()
		if err != nil {
			continue
		}
		found := s.holds(unpacked)
		unpacked.Close()
		if found {
			return true
		}
	}
	return false
}

// untilError takes an error for the end.
type untilError struct{ r io.Reader }

func (u *untilError) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}
