package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"path"
	"strings"
)

// assetFolder holds the files whose names carry a hash of their content.
const assetFolder = "assets/"

// compressFrom is the size in bytes under which compressing saves no packet.
const compressFrom = 1024

// file is one file of the build, ready to be sent.
type file struct {
	body        []byte
	etag        string
	gzip        []byte // nil: not worth it
	gzipETag    string
	contentType string
	cache       string
}

// load reads a whole build into memory; it is a few hundred kilobytes. Dot files are not part of it.
func load(build fs.FS) (map[string]*file, error) {
	files := map[string]*file{}
	err := fs.WalkDir(build, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return nil
		}
		body, err := fs.ReadFile(build, name)
		if err != nil {
			return err
		}
		files[name], err = prepare(name, body)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the frontend's build: %w", err)
	}
	return files, nil
}

func prepare(name string, body []byte) (*file, error) {
	f := &file{body: body, contentType: contentType(name), cache: cacheAskMe}
	if strings.HasPrefix(name, assetFolder) {
		f.cache = cacheForever
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:8])
	f.etag, f.gzipETag = `"`+hash+`"`, `"`+hash+`-gz"`
	if len(body) < compressFrom || !compressible(f.contentType) {
		return f, nil
	}
	packed, err := compress(body)
	if err != nil {
		return nil, fmt.Errorf("compress %s: %w", name, err)
	}
	if len(packed) < len(body) {
		f.gzip = packed
	}
	return f, nil
}

func compress(body []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// contentType knows what a build contains, because the machine's own table may be empty or differ.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".woff2":
		return "font/woff2"
	case ".woff":
		return "font/woff"
	case ".json":
		return "application/json"
	case ".txt":
		return "text/plain; charset=utf-8"
	default:
		if known := mime.TypeByExtension(ext); known != "" {
			return known
		}
		return "application/octet-stream"
	}
}

func compressible(contentType string) bool {
	return strings.HasPrefix(contentType, "text/") || contentType == "image/svg+xml" || contentType == "application/json"
}

// acceptsGzip reads an Accept-Encoding header; "gzip;q=0" is a refusal.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		weight, isWeight := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		return !isWeight || strings.Trim(weight, "0.") != ""
	}
	return false
}
