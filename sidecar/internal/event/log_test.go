package event_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/whaley-ctf/whaley/sidecar/internal/event"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// rows stand for the database.
type rows struct {
	mu     sync.Mutex
	events []whaley.Event
	broken bool
}

func (r *rows) EventsAfter(_ context.Context, id string, limit int) ([]whaley.Event, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken {
		return nil, errors.New("broken")
	}
	var all []whaley.Event
	for _, ev := range r.events {
		if ev.ID > id && len(all) < limit {
			all = append(all, ev)
		}
	}
	return all, nil
}

func (r *rows) ForgetEvents(context.Context, time.Time, int) (int, error) { return 0, nil }

// add is a commit.
func (r *rows) add(t *testing.T, message string) whaley.Event {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	ev := whaley.Event{ID: id.String(), Type: "instance_spawn", Message: message, At: time.Now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, ev)
	return ev
}

func run(t *testing.T, r *rows, o event.Options) (*event.Log, func()) {
	t.Helper()
	l := event.New(r, o, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = l.Run(ctx) }()
	stop := sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	return l, stop
}

// messages are those of a file, each line of which must be JSON.
func messages(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	var all []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var l struct{ Message string }
		if json.Unmarshal(lines.Bytes(), &l) == nil {
			all = append(all, l.Message)
		}
	}
	return all
}

func awaitLines(t *testing.T, file string, want ...string) {
	t.Helper()
	testkit.Eventually(t, 10*time.Second, "the file has every line once", func() error {
		if got := messages(t, file); fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("%q instead of %q", got, want)
		}
		return nil
	})
}

func TestEveryEventIsALineOnceAcrossPowerCuts(t *testing.T) {
	file, r := filepath.Join(t.TempDir(), "events.jsonl"), &rows{}
	r.add(t, "from before there was a file")
	l, stop := run(t, r, event.Options{File: file})
	l.Tell([]whaley.Event{r.add(t, "line\nwith an end")})
	awaitLines(t, file, "from before there was a file", "line\nwith an end")
	stop()

	// Committed, but the power went before it was told, and within the last line.
	r.add(t, "not told")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, `{"id":"0190`...), 0o600); err != nil {
		t.Fatal(err)
	}
	l, _ = run(t, r, event.Options{File: file})
	awaitLines(t, file, "from before there was a file", "line\nwith an end", "not told")
	l.Tell([]whaley.Event{r.add(t, "after")})
	awaitLines(t, file, "from before there was a file", "line\nwith an end", "not told", "after")
}

func TestAnEarlierEventThatIsToldLaterIsNotLost(t *testing.T) {
	file, r := filepath.Join(t.TempDir(), "events.jsonl"), &rows{}
	l, _ := run(t, r, event.Options{File: file})
	first, second := r.add(t, "first"), r.add(t, "second")
	l.Tell([]whaley.Event{second})
	l.Tell([]whaley.Event{first})
	testkit.Eventually(t, 10*time.Second, "both are there", func() error {
		if got := messages(t, file); len(got) != 2 {
			return fmt.Errorf("%q", got)
		}
		return nil
	})
}

func TestWhoIsSlowHoldsUpNobody(t *testing.T) {
	r := &rows{}
	l, _ := run(t, r, event.Options{})
	slow, done := l.Watch()
	defer done()
	began := time.Now()
	for n := range 5000 {
		l.Tell([]whaley.Event{{ID: fmt.Sprint(n)}})
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("telling took %s", took)
	}
	n := 0
	for range slow {
		n++
	}
	if n == 0 || n >= 5000 {
		t.Errorf("%d events and then the end", n)
	}
}

func TestAFileThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	dir, r := t.TempDir(), &rows{}
	file := filepath.Join(dir, "folder", "events.jsonl")
	if err := os.WriteFile(filepath.Join(dir, "folder"), nil, 0o600); err != nil { // in the way
		t.Fatal(err)
	}
	l, _ := run(t, r, event.Options{File: file})
	l.Tell([]whaley.Event{r.add(t, "kept")})
	if err := os.Remove(filepath.Join(dir, "folder")); err != nil {
		t.Fatal(err)
	}
	awaitLines(t, file, "kept")
}
