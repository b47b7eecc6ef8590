package docker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// maxLogs is how many bytes of a container's output are kept for the log of a failed spawn.
const maxLogs = 16 << 10

// Logs returns the last lines that a container printed.
func (e *Engine) Logs(ctx context.Context, id string, lines int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return "", err
	}
	stream, err := api.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(lines)})
	if err != nil {
		return "", translate(err)
	}
	defer stream.Close()
	var text bytes.Buffer
	_, err = stdcopy.StdCopy(&text, &text, io.LimitReader(stream, maxLogs))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // cut off by our limit
	}
	return text.String(), err
}
