package kubernetes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	maxLogs = 16 << 10 // bytes of the end of what a program printed that are returned
	maxLine = 16 << 10 // bytes of a line that Follow passes on in one piece
	quick   = 15 * time.Second
)

// Logs returns the last lines that a program printed, at most 16 KiB of them.
func (p *Platform) Logs(ctx context.Context, id string, lines int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	stream, err := p.printed(ctx, id, lines, false)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	text, err := io.ReadAll(io.LimitReader(stream, 64*maxLogs))
	return string(text[max(0, len(text)-maxLogs):]), err
}

// Follow calls each with the last lines that a program printed, and with all further ones until its container ends or
// ctx does. Of a longer line than 16 KiB each gets several pieces. An error of each ends it.
func (p *Platform) Follow(ctx context.Context, id string, tail int, each func(line string) error) error {
	stream, err := p.printed(ctx, id, tail, true)
	if err != nil {
		return err
	}
	defer stream.Close()
	for reader := bufio.NewReaderSize(stream, maxLine); ; {
		line, _, err := reader.ReadLine()
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what %s prints: %w", id, err)
		}
		if err := each(string(line)); err != nil {
			return err
		}
	}
}

func (p *Platform) printed(ctx context.Context, id string, lines int, follow bool) (io.ReadCloser, error) {
	pod, container, _ := strings.Cut(id, "/")
	tail := int64(lines)
	stream, err := p.api.CoreV1().Pods(p.options.Namespace).GetLogs(pod, &corev1.PodLogOptions{
		Container: container, TailLines: &tail, Follow: follow,
	}).Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what %s printed: %w", id, translate(err))
	}
	return stream, nil
}
