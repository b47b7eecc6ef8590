//go:build linux

package guest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAGateStaysShutUntilItsKeyComes(t *testing.T) {
	folder, k := t.TempDir(), NewKey()
	for range 2 { // making it may be repeated
		if err := MakeGate(folder); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := Open(ctx, folder, sealed(t, k, Message{})); err == nil {
		t.Error("a gate with nobody behind it was opened")
	}
	heard := make(chan Message, 1)
	go func() {
		m, err := wait(filepath.Join(folder, Gate), k.Hash())
		if err != nil {
			t.Error(err)
		}
		heard <- m
		answer, err := os.OpenFile(filepath.Join(folder, Answer), os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			err = say(answer, failed, errors.New("as the test\nwants"))
		}
		if err != nil {
			t.Error(err)
		}
	}()
	right := sealed(t, k, Message{Env: []string{"A=1"}})
	for _, wrong := range [][]byte{
		{}, []byte("x"), sealed(t, NewKey(), Message{Env: []string{"A=2"}}), right[:len(right)-1], make([]byte, 200_000),
	} {
		if err := tell(t.Context(), filepath.Join(folder, Gate), wrong); err != nil {
			t.Error(err)
		}
		select {
		case m := <-heard:
			t.Fatalf("%q opened the gate: %+v", wrong, m)
		default:
		}
	}
	// It may meet the end of the last of these, and is said again then.
	if err := Open(t.Context(), folder, right); err != (Outcome{failed, "as the test wants"}) {
		t.Errorf("opening it answers %v", err)
	}
	if m := <-heard; !cmp.Equal(m.Env, []string{"A=1"}) {
		t.Errorf("%+v", m)
	}
}

func TestAPatchChangesNothingButItsBytes(t *testing.T) {
	long := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
	for _, mode := range []os.FileMode{0o400, 0o640, 0o444, 0o755 | os.ModeSetuid, 0o755 | os.ModeSetgid} {
		folder := t.TempDir()
		path, other := filepath.Join(folder, "flag"), filepath.Join(folder, "other")
		if err := os.WriteFile(path, []byte("before SENTINEL after SENTINEL"), 0o600); err != nil {
			t.Fatal(err)
		}
		copied := []byte("before SENTINEL after SENTINEL")
		for _, do := range []func() error{
			func() error { return os.Chmod(path, mode) },
			func() error { return os.WriteFile(other, copied, 0o600) }, // as a layer shows another name of a file that was written to
			func() error { return os.Chtimes(path, long, long) },
			func() error { return os.Chtimes(folder, long, long) },
		} {
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}
		p := Patch{Path: path, Links: []string{other}, Swaps: []Swap{
			{At: 7, Old: []byte("SENTINEL"), New: []byte("flag{x'\"")},
			{At: 22, Old: []byte("SENTINEL"), New: []byte("flag{x'\"")}}}
		for range 2 { // a start that was cut off does it again
			if err := patch(p); err != nil {
				t.Fatal(err)
			}
		}
		one, err := os.Stat(path)
		if err != nil || one.Mode() != mode || !one.ModTime().Equal(long) {
			t.Errorf("%v: it is %v %v, %v", mode, one.Mode(), one.ModTime(), err)
		}
		if two, err := os.Stat(other); err != nil || !os.SameFile(one, two) {
			t.Errorf("%v: its other name is another file: %v", mode, err)
		}
		if in, err := os.Stat(folder); err != nil || !in.ModTime().Equal(long) {
			t.Errorf("%v: its folder was written to: %v %v", mode, in.ModTime(), err)
		}
		if text, _ := os.ReadFile(path); string(text) != "before flag{x'\" after flag{x'\"" {
			t.Errorf("%v: %q", mode, text)
		}
	}
}

func TestWhatIsNotAsItsImageIsNotPatched(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "flag")
	if err := os.WriteFile(path, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, do := range []error{
		os.Symlink(path, filepath.Join(folder, "link")), os.Mkdir(filepath.Join(folder, "folder"), 0o700),
		syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o600),
	} {
		if do != nil {
			t.Fatal(do)
		}
	}
	swap := []Swap{{Old: []byte("SENTINEL"), New: []byte("flag{aaa")}}
	for what, p := range map[string]Patch{
		"other bytes":    {Path: path, Swaps: swap},
		"beyond its end": {Path: path, Swaps: []Swap{{At: 100, Old: []byte("a"), New: []byte("b")}}},
		"another length": {Path: path, Swaps: []Swap{{Old: []byte("some"), New: []byte("some more")}}},
		"a link":         {Path: filepath.Join(folder, "link"), Swaps: swap},
		"a folder":       {Path: filepath.Join(folder, "folder"), Swaps: swap},
		"a pipe":         {Path: filepath.Join(folder, "pipe"), Swaps: swap},
		"nothing":        {Path: filepath.Join(folder, "none"), Swaps: swap},
	} {
		if patch(p) == nil {
			t.Errorf("%s was patched", what)
		}
	}
	if text, _ := os.ReadFile(path); string(text) != "something else" {
		t.Errorf("it is %q", text)
	}
}
