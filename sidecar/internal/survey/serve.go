package survey

import (
	"context"
	"encoding/json"
	"io"
)

// Where the container of `whaley survey` has its host's files, and, since it shares the host's processes, these.
const (
	Host = "/host"
	proc = "/proc"
)

// Serve answers each question that it reads, until there are no more.
func Serve(ctx context.Context, questions io.Reader, answers io.Writer) error {
	s := New(Host, proc)
	in, out := json.NewDecoder(questions), json.NewEncoder(answers)
	for ctx.Err() == nil {
		var q Question
		if err := in.Decode(&q); err != nil {
			if err == io.EOF { //nolint:errorlint // as Decode documents it
				return nil
			}
			return err
		}
		if err := out.Encode(s.Look(ctx, q)); err != nil {
			return err
		}
	}
	return nil
}
