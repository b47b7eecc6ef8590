package forensics

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const partial = ".partial-" // what files are called before they are whole

func makeDir(dir string) error { return os.MkdirAll(dir, 0o700) }

// full says so where the disk is, and keeps other errors.
func full(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return whaley.Errorf(
			whaley.Unavailable, "disk_full", "The disk of the captures is full. Remove old captures or make room.",
		).Because(err)
	}
	return err
}

// write makes a file that is whole and on the disk, or none.
func (r *Recorder) write(c whaley.Capture, prints []*print) (name string, size int64, err error) {
	name = c.ID + ".log"
	if c.Compressed {
		name += ".gz"
	}
	f, err := os.CreateTemp(r.opts.Dir, partial+"*")
	if err != nil {
		return "", 0, err
	}
	defer func() {
		if err != nil {
			f.Close()
			_ = os.Remove(f.Name()) // else the sweep does it
		}
	}()
	if err = compress(f, c.Compressed, func(out io.Writer) error { return lay(out, c, prints) }); err != nil {
		return "", 0, err
	}
	if err = f.Sync(); err != nil {
		return "", 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	if err = f.Close(); err != nil {
		return "", 0, err
	}
	if err = os.Rename(f.Name(), filepath.Join(r.opts.Dir, name)); err != nil {
		return "", 0, err
	}
	if dir, err := os.Open(r.opts.Dir); err == nil {
		_ = dir.Sync() // makes the name last as well as the content, where the file system can
		dir.Close()
	}
	return name, info.Size(), nil
}

func compress(to io.Writer, on bool, lay func(io.Writer) error) error {
	buffered := bufio.NewWriterSize(to, 64<<10)
	if !on {
		return errors.Join(lay(buffered), buffered.Flush())
	}
	zip, err := gzip.NewWriterLevel(buffered, gzip.BestSpeed)
	if err != nil {
		return err
	}
	return errors.Join(lay(zip), zip.Close(), buffered.Flush())
}

// lay writes the text of a capture.
func lay(out io.Writer, c whaley.Capture, prints []*print) error {
	w := &sticky{w: out}
	bar, rule := strings.Repeat("=", 60), strings.Repeat("-", 50)
	w.printf("%s\n", bar)
	for _, pair := range [][2]string{
		{"Log ID", c.ID}, {"Instance ID", c.Instance}, {"Challenge", c.Challenge},
		{"Owner", c.Owner.Name + " (" + c.Owner.ID + ")"},
		{"Spawned by", c.Player}, {"Capture Type", c.Kind}, {"Terminate Reason", c.Reason},
		{"Capture Time", c.At.Format("2006-01-02T15:04:05.000Z")}, {"Containers", fmt.Sprint(len(prints))},
	} {
		w.printf("%-17s %s\n", pair[0]+":", escape(nil, []byte(pair[1])))
	}
	w.printf(
		"%s\n\nEach line: time, out or err, text. \"+\" after the stream: the line goes on in the stream's next one.\n", bar,
	)
	for _, p := range prints {
		w.printf("\n%s\nContainer %s (%.12s)\n%s\n", rule, p.object.Name, p.object.ID, rule)
		if p.dropped > 0 {
			w.printf("[... %d earlier lines did not fit ...]\n", p.dropped)
		}
		for _, line := range p.lines[p.first:] {
			w.write(line)
		}
		if len(p.lines) == p.first {
			w.printf("[nothing]\n")
		}
		if p.err != nil {
			w.printf("[... the end is missing: %s ...]\n", escape(nil, []byte(p.err.Error())))
		}
	}
	w.printf("\n%s\nEnd of %s\n", bar, c.ID)
	return w.err
}

// sticky keeps the first error.
type sticky struct {
	w   io.Writer
	err error
}

func (s *sticky) write(text []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(text)
	}
}

func (s *sticky) printf(format string, args ...any) { s.write(fmt.Appendf(nil, format, args...)) }

// Open gives a capture's file as it is on the disk.
func (r *Recorder) Open(c *whaley.Capture) (*os.File, error) {
	f, err := os.Open(filepath.Join(r.opts.Dir, filepath.Base(c.File)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, whaley.Errorf(
			whaley.NotFound, "capture_file_missing",
			"The file of this capture is not on this sidecar's disk (it was written by %s).", c.Holder,
		)
	}
	return f, err
}

func (r *Recorder) unlink(name string) {
	err := os.Remove(filepath.Join(r.opts.Dir, filepath.Base(name)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.log.Warn("file of a capture not removed", "file", name, "err", err)
	}
}
