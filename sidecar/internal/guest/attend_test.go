//go:build linux

package guest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestMain makes the tests' own program the guest, where it is called by that name.
func TestMain(m *testing.M) {
	if os.Args[0] == Name {
		os.Exit(Main())
	}
	os.Exit(m.Run())
}

// staying is a guest that stays, and how it is asked.
func staying(t *testing.T, o Order) func(Request) (Reply, error) {
	t.Helper()
	at, key := stays(t, o)
	return func(r Request) (Reply, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		return Ask(ctx, at, key, r)
	}
}

func stays(t *testing.T, o Order) (netip.AddrPort, Key) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().(*net.TCPAddr).AddrPort()
	l.Close()
	key := NewKey()
	o.Hash, o.Port = key.Hash(), int(at.Port())
	setting, err := o.Setting()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Args, c.Env = []string{Name}, append(os.Environ(), setting)
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	for {
		if _, err := Ask(t.Context(), at, key, Request{Do: Look}); err == nil {
			break
		}
		if _, err := Ask(t.Context(), at, NewKey(), Request{Do: Look}); !errors.Is(err, ErrAway) {
			t.Fatalf("asked with another key it says %v", err)
		}
		time.Sleep(time.Millisecond)
	}
	return at, key
}

// TestWhoHasNoKeyKeepsNobodyFromAsking has one address connect as often as it can, and say nothing.
func TestWhoHasNoKeyKeepsNobodyFromAsking(t *testing.T) {
	at, key := stays(t, Order{Argv: []string{"/bin/true"}})
	for range 10 * mostCallers {
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
		conn, err := from.DialContext(t.Context(), "tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*hearKey)
	defer cancel()
	if got, err := Ask(ctx, at, key, Request{Do: Look}); err != nil || got.State != Waiting {
		t.Errorf("it answers %+v, %v", got, err)
	}
}

func archived(t *testing.T, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	h := &tar.Header{Name: name, Mode: 0o4750, Size: int64(len(text)), Uid: 1000, Gid: 1000, ModTime: time.Unix(1e9, 0)}
	if err := w.WriteHeader(h); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAGuestThatStaysRunsItsProgramAgainAsItWasTold(t *testing.T) {
	folder := t.TempDir()
	flag, file, seen := filepath.Join(folder, "flag"), filepath.Join(folder, "in", "file"), filepath.Join(folder, "seen")
	if err := os.WriteFile(flag, []byte("SENTINEL"), 0o640); err != nil {
		t.Fatal(err)
	}
	ask := staying(t, Order{Argv: []string{"/bin/sh", "-c", `echo "$A $(cat ` + flag + `)" >>` + seen + `; exec sleep 600`}})
	is := func(want State, code int, got Reply, err error) {
		t.Helper()
		if err != nil || got.State != want || got.Code != code {
			t.Fatalf("it is %+v, %v; wanted %s with %d", got, err, want, code)
		}
	}
	got, err := ask(Request{Do: Look})
	is(Waiting, 0, got, err)
	var why Outcome
	if _, err = ask(Request{Do: Start}); !errors.As(err, &why) {
		t.Fatalf("started without being told what it is: %v", err)
	}
	m := &Message{
		Env: []string{"A=1"}, Files: archived(t, file, "mounted"),
		Patches: []Patch{{Path: flag, Swaps: []Swap{{Old: []byte("SENTINEL"), New: []byte("flag{abc")}}}},
	}
	for range 2 {
		got, err = ask(Request{Do: Start, Message: m})
		is(Running, 0, got, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o750|os.ModeSetuid || info.ModTime().Unix() != 1e9 {
		t.Errorf("what is mounted: %v, %v", info, err)
	}
	for argv, code := range map[string]int{`[ "$A" = 1 ]`: 0, "exit 3": 3} {
		if got, err = ask(Request{Do: Exec, Argv: []string{"/bin/sh", "-c", argv}}); err != nil || got.Code != code {
			t.Errorf("%s: %+v, %v", argv, got, err)
		}
	}
	if got, err = ask(Request{Do: Exec, Argv: []string{"/nothing"}}); err != nil || got.Code == 0 {
		t.Errorf("what is not there: %+v, %v", got, err)
	}
	until := func(lines string) {
		t.Helper()
		for t.Context().Err() == nil {
			if text, _ := os.ReadFile(seen); string(text) == lines {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
	until("1 flag{abc\n")
	if err := os.WriteFile(flag, []byte("its own!"), 0o640); err != nil {
		t.Fatal(err)
	}
	got, err = ask(Request{Do: Stop, Grace: time.Minute})
	is(Ended, 128+15, got, err)
	got, err = ask(Request{Do: Wait})
	is(Ended, 128+15, got, err)
	got, err = ask(Request{Do: Start, Message: m})
	is(Running, 0, got, err)
	until("1 flag{abc\n1 its own!\n")
	for _, do := range []Verb{Halt, Halt, Start, Halt} {
		got, err = ask(Request{Do: do})
		is(Running, 0, got, err)
	}
	got, err = ask(Request{Do: Stop, Grace: time.Minute}) // also what is halted
	is(Ended, 128+15, got, err)
	if _, err = ask(Request{Do: Halt}); !errors.As(err, &why) {
		t.Errorf("what has ended is halted: %v", err)
	}
}

func TestAGuestThatStaysTellsOfAnEnd(t *testing.T) {
	ask := staying(t, Order{Argv: []string{"/bin/sh", "-c", "read x <" + t.TempDir() + "/none; exit 7"}})
	if got, err := ask(Request{Do: Start, Message: &Message{}}); err != nil {
		t.Fatalf("%+v %v", got, err)
	}
	if got, err := ask(Request{Do: Wait}); err != nil || got.State != Ended || got.Code != 7 {
		t.Errorf("%+v %v", got, err)
	}
	ask = staying(t, Order{Argv: []string{"/nothing/of/that/name"}})
	got, err := ask(Request{Do: Start, Message: &Message{}})
	var why Outcome
	if !errors.As(err, &why) && got.State == Running {
		got, err = ask(Request{Do: Wait})
	}
	if got.Code != notRunnable && why.Code == 0 {
		t.Errorf("what cannot be run: %+v %v", got, err)
	}
}
