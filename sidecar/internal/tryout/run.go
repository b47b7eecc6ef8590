package tryout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Options say what is tested, and how.
type Options struct {
	Dir      string
	Defaults challenge.Defaults
	Program  string            // whaley itself
	Env      map[string]string // settings that count, those that this package needs left out
	Solve    bool              // run the solver and compare; else wait until ctx ends
	Timeout  time.Duration     // of the solver
	Out      io.Writer
}

// Errors of what is wrong with the challenge; all else is in the way of testing it.
var (
	ErrRefused = errors.New("the challenge is refused: fix what is listed above")
	ErrFlag    = errors.New("the solver did not print this instance's flag")
)

// cleaning is how long what was started may take to go, also when ctx is over.
const cleaning = time.Minute

// Run tests a challenge. What it has started is gone when it returns.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return fmt.Errorf("test %s: %w", o.Dir, err)
	}
	ch, err := load(ctx, dir, o)
	if err != nil {
		return err
	}
	var solver []string
	if o.Solve {
		if solver, err = Solver(ch); err != nil {
			return err
		}
	}
	scratch, err := os.MkdirTemp("", "whaley-test-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	s, err := start(ctx, o, dir, scratch, ch)
	if err != nil {
		return err
	}
	defer func() {
		fmt.Fprintln(o.Out, "Cleaning up …")
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleaning)
		defer cancel()
		err = errors.Join(err, s.end(ctx))
	}()
	if err := s.build(ctx, ch.ID); err != nil {
		return err
	}
	in, err := s.spawn(ctx, ch.ID)
	if err != nil {
		return err
	}
	ways, err := s.ways(ctx, ch, in)
	if err != nil {
		return err
	}
	for _, w := range ways {
		fmt.Fprintf(o.Out, "  %s\n", w.shown)
	}
	if !o.Solve {
		fmt.Fprintln(o.Out, "It runs until you press Ctrl-C.")
		<-ctx.Done()
		return nil
	}
	return s.solve(ctx, ch, solver, ways)
}

// Solver is what is run, in the challenge's folder, to solve it: its solve.sh, or what else solves it and needs no
// image of its own.
func Solver(ch *whaley.Challenge) ([]string, error) {
	if info, err := os.Stat(filepath.Join(ch.Dir, "solve.sh")); err == nil && info.Mode()&0o111 != 0 {
		return []string{"./solve.sh"}, nil
	}
	if ch.Solver == nil {
		return nil, fmt.Errorf("there is no solve.sh in %s: write one that prints the flag, and chmod +x it", filepath.Base(ch.Dir))
	}
	if ch.Solver.Image != "" {
		return nil, fmt.Errorf(
			"there is no solve.sh in %s that can be executed, and its [solver] needs %s: whaley solve runs that", filepath.Base(ch.Dir),
			ch.Solver.Image,
		)
	}
	return ch.Solver.Command, nil
}

// load says all that is to be said of the challenge's files.
func load(ctx context.Context, dir string, o Options) (*whaley.Challenge, error) {
	if _, err := os.Stat(filepath.Join(dir, "instance.toml")); err != nil {
		return nil, fmt.Errorf(
			"there is no instance.toml in %s: whaley import makes one of a challenge that has none, whaley new a new challenge",
			o.Dir,
		)
	}
	ch, err := challenge.Load(ctx, dir, o.Defaults)
	var problems challenge.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			fmt.Fprintln(o.Out, p)
		}
		return nil, ErrRefused
	case err != nil:
		return nil, err
	}
	for _, n := range ch.Notes {
		fmt.Fprintln(o.Out, challenge.Problem{File: n.File, Line: n.Line, Key: n.Key, Text: n.Text, Note: true})
	}
	return ch, nil
}
