package docker

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// maxLine is how much of a line Follow passes on, in bytes.
const maxLine = 16 << 10

// Follow calls each with the last lines that a container printed, and with all further ones until it ends or ctx does.
// Of a longer line than 16 KiB each gets several pieces. An error of each ends it.
func (e *Engine) Follow(ctx context.Context, id string, tail int, each func(line string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	api, err := e.api(ctx)
	if err != nil {
		return err
	}
	stream, err := api.ContainerLogs(
		ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: true, Tail: strconv.Itoa(tail)},
	)
	if err != nil {
		return translate(err)
	}
	defer stream.Close()
	lines, plain := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(plain, plain, stream)
		plain.CloseWithError(err)
	}()
	defer lines.Close()
	reader := bufio.NewReaderSize(lines, maxLine)
	for {
		line, _, err := reader.ReadLine()
		if err != nil {
			if errors.Is(err, io.EOF) || ctx.Err() != nil {
				return nil
			}
			return translate(err)
		}
		if err := each(string(line)); err != nil {
			return err
		}
	}
}
