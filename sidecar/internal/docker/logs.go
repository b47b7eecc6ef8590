package docker

import (
	"context"
	"errors"
	"io"
	"strconv"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

const (
	maxLogs     = 16 << 10 // bytes of the end of a container's output that are returned
	maxLogsRead = 1 << 20  // bytes that are read to get there
)

// Logs returns the last lines that a container printed, at most 16 KiB of them.
func (e *Engine) Logs(ctx context.Context, id string, lines int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return "", err
	}
	stream, err := api.ContainerLogs(
		ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(lines)},
	)
	if err != nil {
		return "", translate(err)
	}
	defer stream.Close()
	var text end
	_, err = stdcopy.StdCopy(&text, &text, io.LimitReader(stream, maxLogsRead))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // cut off by our limit
	}
	return string(text), err
}

// end is the end of what was written.
type end []byte

func (e *end) Write(text []byte) (int, error) {
	*e = append(*e, text...)
	if extra := len(*e) - maxLogs; extra > 0 {
		*e = append((*e)[:0], (*e)[extra:]...)
	}
	return len(text), nil
}
