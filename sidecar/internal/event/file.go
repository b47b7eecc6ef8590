package event

import (
	"context"
	"io"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

const (
	maxFile   = 64 // MiB, then another file is begun
	maxFiles  = 10 // earlier files that are kept, compressed
	page      = 500
	writePace = 5 * time.Second // between two tries of what failed
)

// writeLoop writes what is told, after what the file lacks at the start or since a gap.
func (l *Log) writeLoop(ctx context.Context) error {
	if l.opts.File == "" {
		for {
			select {
			case <-l.lines:
			case <-l.gap:
			case <-ctx.Done():
				return nil
			}
		}
	}
	out := &lumberjack.Logger{Filename: l.opts.File, MaxSize: maxFile, MaxBackups: maxFiles, Compress: true}
	defer out.Close()
	written := newRecent()
	if err := written.read(l.opts.File); err != nil {
		l.log.Error("event file unreadable; writing all stored events to it again", "file", l.opts.File, "err", err)
	}
	behind := true
	for {
		if behind {
			behind = l.catchUp(ctx, out, written) != nil
		}
		var retry <-chan time.Time
		if behind {
			retry = time.After(writePace)
		}
		select {
		case ev := <-l.lines:
			if behind {
				continue // comes out of the database
			}
			if err := written.put(out, ev); err != nil {
				l.log.Error("event not written to the event file, to be retried", "file", l.opts.File, "err", err)
				behind = true
			}
		case <-l.gap:
			behind = true
		case <-retry:
		case <-ctx.Done():
			return nil
		}
	}
}

// catchUp writes what the database has and the file lacks.
func (l *Log) catchUp(ctx context.Context, out io.Writer, written *recent) error {
	after := written.since()
	for {
		events, err := l.store.EventsAfter(ctx, after, page)
		if err != nil {
			if ctx.Err() == nil {
				l.log.Warn("event file is behind the database", "file", l.opts.File, "err", err)
			}
			return err
		}
		for _, ev := range events {
			if err := written.put(out, ev); err != nil {
				l.log.Error("event not written to the event file, to be retried", "file", l.opts.File, "err", err)
				return err
			}
			after = ev.ID
		}
		if len(events) < page {
			return nil
		}
	}
}
