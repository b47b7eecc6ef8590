//go:build linux

package survey

import (
	"context"
	"encoding/json"
	"io"
)

// proc is where the container of `whaley survey` has the processes of its host, which it shares.
const proc = "/proc"

// Serve answers each question that it reads, until there are no more.
func Serve(ctx context.Context, questions io.Reader, answers io.Writer) error {
	s := New(Host, proc)
	in, out := json.NewDecoder(questions), json.NewEncoder(answers)
	for ctx.Err() == nil {
		var q Question
		if err := in.Decode(&q); err != nil {
			if err == io.EOF {
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
