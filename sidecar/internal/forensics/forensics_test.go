package forensics_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/forensics"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/store"
	"github.com/whaley-ctf/whaley/sidecar/internal/store/storetest"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// engine has one container that prints what print says.
type engine struct {
	print  func(ctx context.Context, each func(string, time.Time, []byte) error) error
	mu     sync.Mutex
	inside int
	most   int
}

func (e *engine) List(context.Context, string) ([]instancer.Object, error) {
	return []instancer.Object{
		{Kind: "network", ID: "n"}, {Kind: "container", ID: "0123456789abcdef", Name: "i-web", Running: true},
	}, nil
}

func (e *engine) Output(ctx context.Context, _ string, _ int, each func(string, time.Time, []byte) error) error {
	e.mu.Lock()
	e.inside++
	e.most = max(e.most, e.inside)
	e.mu.Unlock()
	defer func() { e.mu.Lock(); e.inside--; e.mu.Unlock() }()
	return e.print(ctx, each)
}

type world struct {
	*forensics.Recorder
	dir string
	db  *store.Store
	on  bool
}

func newWorld(t *testing.T, e *engine) *world {
	t.Helper()
	db, err := store.Open(t.Context(), "", storetest.Ready(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := &world{dir: filepath.Join(t.TempDir(), "captures"), db: db, on: true}
	w.Recorder, err = forensics.New(e, db, forensics.Options{
		Dir: w.dir, Holder: "here", Auto: func() bool { return w.on }, Retention: func() time.Duration { return time.Hour },
		MaxBytes: func() int64 { return 64 << 10 }, Lines: func() int { return 1000 }, Compress: func() bool { return true },
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var instance = &whaley.Instance{
	ID: "web-user_123-0a", Challenge: "web", Owner: whaley.Owner{ID: "user_123456", Name: "Anna\n\x1b[31m"},
	Player: "user_123456",
}

// text is the only capture, unpacked.
func (w *world) text(t *testing.T) (whaley.Capture, string) {
	t.Helper()
	found, err := w.Find(t.Context(), whaley.CaptureQuery{Limit: 10})
	if err != nil || len(found) != 1 {
		t.Fatalf("%d captures %v", len(found), err)
	}
	f, err := w.Open(&found[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	return found[0], string(text)
}

func (w *world) files(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestOutputIsKeptInItsOrderAndSafeToLookAt(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)
	w := newWorld(t, &engine{print: func(_ context.Context, each func(string, time.Time, []byte) error) error {
		return errors.Join(
			each("out", at, []byte("one\n")), each("err", at, []byte("two\n")), each("out", at, []byte("no end ")),
			each("out", at, []byte("\x00\xff\x1b[2Jgr\u00fcn\u202e\ttab\n")),
		)
	}})
	w.Capture(t.Context(), instance, "expired")
	c, text := w.text(t)
	want := "2030-01-02T03:04:05.000000006Z out  one\n2030-01-02T03:04:05.000000006Z err  two\n2030-01-02T03:04:05.000000006Z out+ no end \n" +
		"2030-01-02T03:04:05.000000006Z out  \\x00\\xff\\x1b[2Jgrün\\u202e\ttab\n"
	if !strings.Contains(text, want) {
		t.Errorf("%s", text)
	}
	for _, line := range []string{
		"Instance ID:      web-user_123-0a", "Terminate Reason: expired", "Capture Type:     auto",
		`Owner:            Anna\n\x1b[31m (user_123456)`, "Container i-web (0123456789ab)", strings.Repeat("=", 60),
		strings.Repeat("-", 50), "End of " + c.ID,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
	if c.Truncated || c.Reason != "expired" || c.Kind != "auto" || !slices.Equal(c.Containers, []string{"i-web"}) ||
		c.Size == 0 {
		t.Errorf("%+v", c)
	}
	if names := w.files(t); len(names) != 1 || names[0] != c.ID+".log.gz" {
		t.Errorf("%q", names)
	}
}

func TestTheEndOfAnEndlessLineIsKept(t *testing.T) {
	piece := bytes.Repeat([]byte("x"), 16<<10)
	w := newWorld(t, &engine{print: func(_ context.Context, each func(string, time.Time, []byte) error) error {
		for range (32 << 20) / len(piece) { // without any newline
			if err := each("out", time.Now(), piece); err != nil {
				return err
			}
		}
		return each("out", time.Now(), []byte("the last words\n"))
	}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w.Capture(ctx, instance, "player")
	c, text := w.text(t)
	if !c.Truncated || len(text) > 70<<10 || !strings.Contains(text, "the last words") ||
		!strings.Contains(text, "earlier lines did not fit") {
		t.Errorf("%d bytes, %+v, ends %q", len(text), c, text[max(0, len(text)-300):])
	}
}

func TestAnEngineThatHangsDelaysAStopByNoMoreThanItMay(t *testing.T) {
	w := newWorld(t, &engine{print: func(ctx context.Context, each func(string, time.Time, []byte) error) error {
		_ = each("out", time.Now(), []byte("before it hung\n"))
		<-ctx.Done()
		return ctx.Err()
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	w.Capture(ctx, instance, "player")
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
	deadline := time.Now().Add(5 * time.Second)
	for len(w.files(t)) == 0 || strings.HasPrefix(w.files(t)[0], ".") {
		if time.Now().After(deadline) {
			t.Fatal("what came before is not kept")
		}
		time.Sleep(time.Millisecond)
	}
	for {
		if found, _ := w.Find(t.Context(), whaley.CaptureQuery{Limit: 1}); len(found) == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if c, text := w.text(t); !c.Truncated || !strings.Contains(text, "before it hung") ||
		!strings.Contains(text, "there was no time for the rest") {
		t.Errorf("%+v %s", c, text)
	}
}

func TestNoMoreThanFiveAreMadeAtOnce(t *testing.T) {
	e := &engine{print: func(context.Context, func(string, time.Time, []byte) error) error {
		time.Sleep(5 * time.Millisecond)
		return nil
	}}
	w := newWorld(t, e)
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() { w.Capture(t.Context(), instance, "player") })
	}
	all.Wait()
	if stats, err := w.Stats(t.Context()); err != nil || stats.Auto != 30 || e.most > 5 {
		t.Errorf("%d at once, %+v %v", e.most, stats, err)
	}
}

func TestWithoutADiskNothingIsLeftBehindAndItIsTold(t *testing.T) {
	w := newWorld(t, &engine{print: func(context.Context, func(string, time.Time, []byte) error) error { return nil }})
	if err := os.RemoveAll(w.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", w.dir); err != nil {
		t.Fatal(err)
	}
	w.Capture(t.Context(), instance, "player")
	if found, err := w.Find(t.Context(), whaley.CaptureQuery{Limit: 1}); err != nil || len(found) != 0 {
		t.Errorf("%+v %v", found, err)
	}
	events, err := w.db.Events(t.Context(), instance.ID)
	if err != nil || len(events) != 1 || events[0].Type != "forensics_failed" {
		t.Errorf("%+v %v", events, err)
	}
}

func TestOffMeansOff(t *testing.T) {
	w := newWorld(t, &engine{print: func(context.Context, func(string, time.Time, []byte) error) error { return nil }})
	w.on = false
	w.Capture(t.Context(), instance, "player")
	if names := w.files(t); len(names) != 0 {
		t.Errorf("%q", names)
	}
	if c, err := w.Live(t.Context(), instance); err != nil || c.Kind != "live" {
		t.Errorf("an organiser asks: %+v %v", c, err)
	}
}

func TestOldCapturesAndStrayFilesGo(t *testing.T) {
	w := newWorld(t, &engine{print: func(context.Context, func(string, time.Time, []byte) error) error { return nil }})
	kept, err := w.Live(t.Context(), instance)
	if err != nil {
		t.Fatal(err)
	}
	old := kept
	old.ID, old.File, old.At = "2020", "2020.log.gz", time.Now().Add(-2*time.Hour)
	if err := w.db.AddCapture(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{"2020.log.gz", "stray.log", ".partial-1", "notes.txt", ".partial-young"} {
		file := filepath.Join(w.dir, name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if name != ".partial-young" {
			if err := os.Chtimes(file, past, past); err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = w.Run(ctx) }()
	want := []string{".partial-young", kept.File, "notes.txt"}
	slices.Sort(want)
	deadline := time.Now().Add(5 * time.Second)
	for got := w.files(t); !slices.Equal(got, want); got = w.files(t) {
		if time.Now().After(deadline) {
			t.Fatalf("%q instead of %q", got, want)
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-ended
	if err := w.Remove(t.Context(), kept.ID); err != nil {
		t.Error(err)
	}
	if err := w.Remove(t.Context(), kept.ID); whaley.CodeOf(err) != "capture_not_found" {
		t.Error(err)
	}
	if _, err := w.Open(&kept); whaley.CodeOf(err) != "capture_file_missing" {
		t.Error(err)
	}
	if got := fmt.Sprint(w.files(t)); strings.Contains(got, kept.File) {
		t.Error(got)
	}
}
