package docker

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

func frame(stream byte, text string) string {
	head := binary.BigEndian.AppendUint32([]byte{stream, 0, 0, 0}, uint32(len(text)))
	return string(head) + text
}

// Whatever a container prints, and whatever the engine makes of it, comes in pieces that are bounded, of one of two
// streams.
func FuzzOutputOfAContainer(f *testing.F) {
	f.Add(frame(1, "2026-11-29T20:00:00.5Z hello\n") + frame(2, "no time\n"))
	f.Add(frame(1, strings.Repeat("x", 70<<10)))
	f.Add("\x01\x00\x00\x00\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, text string) {
		read := 0
		_ = frames(strings.NewReader(text), func(stream string, _ time.Time, piece []byte) error {
			if stream != "out" && stream != "err" || len(piece) > maxFrame {
				t.Errorf("%d bytes of %q", len(piece), stream)
			}
			read += len(piece)
			return nil
		})
		if read > len(text) {
			t.Errorf("%d bytes of %d", read, len(text))
		}
	})
}
