package docker

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// maxFrame bounds one piece of output in bytes; the engine itself cuts at 16 KiB.
const maxFrame = 64 << 10

// Output calls each with the last pieces of what a container printed to stdout and stderr ("out", "err"), in the order
// in which it printed them. A piece is a line with its end, or 16 KiB of one that is longer. text is valid during the
// call only. It goes on until the container has printed no more so far, each returns an error, or ctx ends.
func (e *Engine) Output(
	ctx context.Context, id string, pieces int, each func(stream string, at time.Time, text []byte) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	body, err := api.ContainerLogs(
		ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Tail: strconv.Itoa(pieces)},
	)
	if err != nil {
		return translate(err)
	}
	defer body.Close()
	return translate(frames(body, each))
}

// frames reads the engine's multiplexed output: eight bytes of head, which say whose and how long, and that.
func frames(body io.Reader, each func(stream string, at time.Time, text []byte) error) error {
	var head [8]byte
	frame := make([]byte, 0, maxFrame)
	for {
		if _, err := io.ReadFull(body, head[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		stream, size := "out", int(binary.BigEndian.Uint32(head[4:]))
		if stdcopy.StdType(head[0]) == stdcopy.Stderr {
			stream = "err"
		}
		frame = frame[:min(size, maxFrame)]
		if _, err := io.ReadFull(body, frame); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, body, int64(size-len(frame))); err != nil {
			return err
		}
		stamp, text, _ := bytes.Cut(frame, []byte(" "))
		at, err := time.Parse(time.RFC3339Nano, string(stamp))
		if err != nil {
			text = frame
		}
		if err := each(stream, at, text); err != nil {
			return err
		}
	}
}
