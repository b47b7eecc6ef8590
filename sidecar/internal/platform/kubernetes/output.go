package kubernetes

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Output calls each with the last pieces of what a program printed, in the order in which it printed them; nodes do not
// keep apart what went to stdout and to stderr, all is "out". text is valid during the call only. It goes on until the
// program has printed no more so far, each returns an error, or ctx ends.
func (p *Platform) Output(
	ctx context.Context, id string, pieces int, each func(stream string, at time.Time, text []byte) error,
) error {
	pod, container, _ := strings.Cut(id, "/")
	tail := int64(pieces)
	stream, err := p.api.CoreV1().Pods(p.options.Namespace).GetLogs(pod, &corev1.PodLogOptions{
		Container: container, TailLines: &tail, Timestamps: true,
	}).Stream(ctx)
	if err != nil {
		return fmt.Errorf("read what %s printed: %w", id, translate(err))
	}
	defer stream.Close()
	for reader := bufio.NewReaderSize(stream, 2*maxLine); ; {
		line, err := reader.ReadSlice('\n')
		if len(line) > 0 {
			stamp, text, _ := bytes.Cut(line, []byte(" "))
			at, wrong := time.Parse(time.RFC3339Nano, string(stamp))
			if wrong != nil {
				text = line // the rest of a long one
			}
			if err := each("out", at, text); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("read what %s printed: %w", id, err)
		}
	}
}
