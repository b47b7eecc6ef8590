package docker

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/pkg/jsonmessage"
)

func frame(stream byte, text string) string {
	head := binary.BigEndian.AppendUint32([]byte{stream, 0, 0, 0}, uint32(len(text)))
	return string(head) + text
}

// Whatever a container prints, and whatever the engine makes of it, comes in pieces that are bounded, of one of two streams.
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

// BuildKit's log is a protocol buffer that nobody checks before us.
func FuzzLogOfABuild(f *testing.F) {
	f.Add([]byte("\x0a\x0c\x0a\x03abc\x1a\x05hello"))
	f.Add([]byte("\x1a\x07\x22\x05print"))
	f.Fuzz(func(_ *testing.T, status []byte) {
		aux, err := json.Marshal(status)
		if err != nil {
			return
		}
		var log bytes.Buffer
		t := &trace{log: &log, named: map[string]bool{}}
		t.add(jsonmessage.JSONMessage{ID: "moby.buildkit.trace", Aux: (*json.RawMessage)(&aux)})
	})
}
