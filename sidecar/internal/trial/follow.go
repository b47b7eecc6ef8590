package trial

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// follow sees a trial to its end.
func (t *Trials) follow(ctx context.Context, one *Trial) {
	defer t.forget(ctx, one)
	in, err := t.Instances.AwaitState(ctx, one.Instance, whaley.Running)
	if err != nil || in.State != whaley.Running {
		t.failed(ctx, one, in, err)
		return
	}
	flags, err := t.Flags(ctx, in.Owner, one.Challenge)
	if err != nil {
		t.Log.WarnContext(ctx, "flags of a trial not read", "draft", one.Draft, "err", err)
	}
	solver := one.Challenge.Solver != nil
	t.change(func() { one.State, one.Instance, one.Flags, one.Solving = Running, in, flags, solver })
	solving, cancel := context.WithCancel(ctx)
	var solved sync.WaitGroup
	if solver {
		solved.Go(func() {
			run := t.Prove(solving, one.Challenge, in)
			t.change(func() { one.Solving, one.Solved = false, &run })
		})
	}
	if _, err := t.Instances.AwaitState(ctx, in, whaley.Stopped); err != nil && ctx.Err() == nil {
		t.Log.WarnContext(ctx, "end of a trial not seen", "draft", one.Draft, "err", err)
	}
	cancel()
	solved.Wait()
	t.change(func() { one.State = Ended })
}

// failed keeps why a trial has not started, before that is gone.
func (t *Trials) failed(ctx context.Context, one *Trial, in *whaley.Instance, err error) {
	state, reason := Failed, "it did not start"
	var told *whaley.Error
	switch {
	case in != nil && in.State != whaley.Failed && err == nil:
		state, reason = Ended, "" // by an organiser
	case in != nil && in.Reason != nil:
		reason = in.Reason.Detail
	case errors.As(err, &told):
		reason = told.Detail
	}
	text := ""
	if build, _, err := t.Instances.BuildStatus(one.Challenge.ID); err == nil && build.State == whaley.BuildFailed {
		text = last(build.Log)
	}
	printed, err := t.Store.Printed(ctx, one.Instance.ID)
	if err != nil {
		printed = nil
	}
	t.change(func() {
		one.State, one.Reason, one.Log, one.Printed = state, reason, text, slices.Clone(printed)
		if in != nil {
			one.Instance = in
		}
	})
}

// forget takes down what is left of a trial.
func (t *Trials) forget(ctx context.Context, one *Trial) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleaning)
	defer cancel()
	t.Drafts.ForgetTry(one.Challenge.ID)
	if err := t.Store.ForgetSynthetic(ctx); err != nil {
		t.Log.WarnContext(ctx, "rows of a trial's instance not removed", "draft", one.Draft, "err", err)
	}
}

// last is the end of a log, from the beginning of a line.
func last(log string) string {
	if len(log) <= logged {
		return log
	}
	_, rest, _ := strings.Cut(log[len(log)-logged:], "\n")
	return rest
}
