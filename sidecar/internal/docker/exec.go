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

// Exec runs a command inside a container and returns its exit code.
func (e *Engine) Exec(ctx context.Context, id string, argv []string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, slow)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return 0, err
	}
	exec, err := api.ContainerExecCreate(ctx, id, container.ExecOptions{Cmd: argv, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return 0, translate(err)
	}
	attached, err := api.ContainerExecAttach(ctx, exec.ID, container.ExecAttachOptions{})
	if err != nil {
		return 0, translate(err)
	}
	defer attached.Close()
	defer context.AfterFunc(ctx, attached.Close)() // reading knows nothing of ctx
	if _, err := io.Copy(io.Discard, attached.Reader); err != nil {
		return 0, translate(err)
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	ended, err := api.ContainerExecInspect(ctx, exec.ID)
	return ended.ExitCode, translate(err)
}

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
