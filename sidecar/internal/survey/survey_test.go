package survey_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/whaley-ctf/whaley/sidecar/internal/survey"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
)

const megabyte = 1 << 20

// id is how a container is called in these tests.
func id(n int) string { return fmt.Sprintf("%064x", n) }

// world is an engine's machine: its folders, and a list of processes of which this one is in a container.
type world struct {
	t    *testing.T
	host string
	proc string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, host: t.TempDir(), proc: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(w.host, "engine"), 0o700); err != nil {
		t.Fatal(err)
	}
	return w
}

// process puts a process into a container: all of it is the real one's, but for the name of its group.
func (w *world) process(pid int, container string) {
	w.t.Helper()
	folder := filepath.Join(w.proc, strconv.Itoa(pid))
	if err := os.Mkdir(folder, 0o700); err != nil {
		w.t.Fatal(err)
	}
	for _, name := range []string{"fd", "maps", "map_files", "io"} {
		if err := os.Symlink(filepath.Join("/proc", strconv.Itoa(pid), name), filepath.Join(folder, name)); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "cgroup"), []byte("5:pids:/docker/"+container+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// layer says where a process's root is written to.
func (w *world) layer(pid int, folder string) {
	w.t.Helper()
	text := "22 1 0:5 / /proc rw - proc proc rw\n30 1 0:47 / / rw,relatime - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=" +
		folder + ",workdir=/x/work\n"
	if err := os.WriteFile(filepath.Join(w.proc, strconv.Itoa(pid), "mountinfo"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// fill makes a file of some megabytes under the host.
func (w *world) fill(path string, megabytes int) {
	w.t.Helper()
	path = filepath.Join(w.host, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, megabytes*megabyte), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) ask(most int64, instances map[string]survey.Instance) survey.Answer {
	w.t.Helper()
	return survey.New(w.host, w.proc).Look(
		w.t.Context(), survey.Question{Folder: "engine", MostFiles: most, Instances: instances},
	)
}

func TestWhatIsWrittenIsCounted(t *testing.T) {
	w := newWorld(t)
	w.fill("layer/a/b/c", 2)
	w.fill("volume/x", 1)
	if err := os.Link(filepath.Join(w.host, "layer/a/b/c"), filepath.Join(w.host, "layer/again")); err != nil {
		t.Fatal(err)
	}
	w.fill("elsewhere/secret", 8)
	for n, target := range []string{"/", w.host, "../../elsewhere", filepath.Join(w.host, "elsewhere/secret")} {
		if err := os.Symlink(target, filepath.Join(w.host, "layer", "link"+strconv.Itoa(n))); err != nil {
			t.Fatal(err)
		}
	}
	sparse, err := os.Create(filepath.Join(w.host, "layer/sparse"))
	if err == nil {
		err = sparse.Truncate(1 << 40)
	}
	if err != nil {
		t.Fatal(err)
	}
	sparse.Close()
	a := w.ask(0, map[string]survey.Instance{"in": {Folders: []string{"layer", "volume", "gone"}}, "other": {}})
	got := a.Instances["in"]
	if mb := got.Bytes / megabyte; mb != 3 || got.Early != "" {
		t.Errorf("3 MB are %+v", got)
	}
	if got.Files != 9 { // 2 folders, 2 files, 4 links and the sparse one
		t.Errorf("9 files are %d", got.Files)
	}
	if other := a.Instances["other"]; other.Bytes != 0 || other.Files != 0 {
		t.Errorf("an instance that has nothing has %+v", other)
	}
	if a.Size == 0 || a.Free == 0 || a.Free > a.Size {
		t.Errorf("the disk is %d, free %d", a.Size, a.Free)
	}
}

func TestWhatIsDeletedAndStillHeldIsCounted(t *testing.T) {
	testkit.Need(t, testkit.Root)
	for how, hold := range map[string]func(t *testing.T, f *os.File){
		"open":                 func(*testing.T, *os.File) {},
		"open twice":           func(t *testing.T, f *os.File) { again(t, f) },
		"mapped, and not open": mapped,
	} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t)
			f, err := os.CreateTemp(w.host, "")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(f.Name()); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write(make([]byte, 3*megabyte)); err != nil {
				t.Fatal(err)
			}
			hold(t, f)
			defer f.Close()
			w.process(os.Getpid(), id(1))
			a := w.ask(
				0, map[string]survey.Instance{"in": {Containers: []string{id(1)}}, "other": {Containers: []string{id(2)}}},
			)
			got := a.Instances["in"]
			if mb := got.Hidden / megabyte; mb != 3 || got.Bytes != got.Hidden || got.Early != "" {
				t.Errorf("3 MB are %+v", got)
			}
			if other := a.Instances["other"]; other.Bytes != 0 {
				t.Errorf("somebody else has %+v", other)
			}
		})
	}
}

func again(t *testing.T, f *os.File) {
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
}

func mapped(t *testing.T, f *os.File) {
	memory, err := unix.Mmap(int(f.Fd()), 0, megabyte, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(memory) })
	f.Close()
}

// The engine may not know where a container writes to; what its processes wrote stays counted when they have ended.
func TestALayerIsFoundByTheProcessesThatWriteToIt(t *testing.T) {
	w := newWorld(t)
	w.fill("snapshots/7/fs/x", 2)
	w.process(os.Getpid(), id(1))
	w.layer(os.Getpid(), "/snapshots/7/fs")
	surveyor := survey.New(w.host, w.proc)
	question := survey.Question{Folder: "engine", Instances: map[string]survey.Instance{
		"in": {Containers: []string{id(1)}}, "told": {Containers: []string{id(1)}, Folders: []string{"/snapshots/7/fs"}},
		"other": {Containers: []string{id(2)}},
	}}
	for _, when := range []string{"while it runs", "when it has ended"} {
		a := surveyor.Look(t.Context(), question)
		for name, want := range map[string]int64{"in": 2, "told": 2, "other": 0} {
			if got := a.Instances[name]; got.Bytes/megabyte != want {
				t.Errorf("%s, %s has %+v", when, name, got)
			}
		}
		if err := os.RemoveAll(filepath.Join(w.proc, strconv.Itoa(os.Getpid()))); err != nil {
			t.Fatal(err)
		}
	}
}

// A file in memory is bounded by the memory.
func TestFilesInMemoryAreNotOnTheDisk(t *testing.T) {
	w := newWorld(t)
	fd, err := unix.MemfdCreate("big", 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "big")
	defer f.Close()
	if _, err := f.Write(make([]byte, 2*megabyte)); err != nil {
		t.Fatal(err)
	}
	w.process(os.Getpid(), id(1))
	if got := w.ask(0, map[string]survey.Instance{"in": {Containers: []string{id(1)}}}).Instances["in"]; got.Bytes != 0 {
		t.Errorf("%+v", got)
	}
}

func TestAHogIsMeasuredLastAndKeepsNobodyWaiting(t *testing.T) {
	w := newWorld(t)
	for n := range 300 {
		w.fill(fmt.Sprintf("hog/%d", n), 0)
	}
	deep := filepath.Join(w.host, "deep")
	if err := os.Mkdir(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	nest(t, deep, 600) // deeper than any path may be long
	w.fill("honest/x", 1)
	instances := map[string]survey.Instance{"hog": {Folders: []string{"hog"}}, "honest": {Folders: []string{"honest"}}}
	bottomless := map[string]survey.Instance{"deep": {Folders: []string{"deep"}}}
	a := w.ask(100, instances)
	if got := a.Instances["hog"]; got.Files != 101 || got.Early == "" {
		t.Errorf("of 300 files at most 100 are counted, and this is said: %+v", got)
	}
	if got := w.ask(1000, bottomless).Instances["deep"]; got.Early == "" || !got.TooDeep {
		t.Errorf("a folder that is too deep is said to be: %+v", got)
	}
	if got := a.Instances["honest"]; got.Bytes/megabyte != 1 || got.Early != "" {
		t.Errorf("the honest one: %+v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no time at all
	if got := survey.New(w.host, w.proc).Look(ctx, survey.Question{Folder: "engine", Instances: instances}); len(
		got.Instances,
	) > 0 ||
		got.Size == 0 {
		t.Errorf("without time: %+v", got)
	}
}

// nest makes folders in folders.
func nest(t *testing.T, path string, depth int) {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	for n := 0; n < depth && err == nil; n++ {
		parent := fd
		if err = unix.Mkdirat(parent, "a-folder-with-a-name", 0o700); err == nil {
			fd, err = unix.Openat(parent, "a-folder-with-a-name", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		}
		unix.Close(parent)
	}
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
}

func TestALogIsMeasuredByHowFastItIsTurnedOver(t *testing.T) {
	w := newWorld(t)
	surveyor := survey.New(w.host, w.proc)
	prints := func(log string) int64 {
		t.Helper()
		return surveyor.Look(
			t.Context(), survey.Question{Folder: "engine", Instances: map[string]survey.Instance{"in": {Logs: []string{log}}}},
		).Instances["in"].Prints
	}
	w.fill("calm/log", 2)
	if got := prints("calm/log"); got != 0 {
		t.Errorf("a log that was never turned over grows by %d a second", got)
	}
	began := time.Now()
	w.fill("loud/log.1", 2)
	w.fill("loud/log", 1)
	got := prints("loud/log")
	if least := int64(3 * megabyte / (time.Since(began) + 100*time.Millisecond).Seconds()); got < least ||
		got > 30*megabyte {
		t.Errorf("3 MB within a moment are %d a second, at least %d", got, least)
	}
	testkit.Eventually(t, time.Minute, "it grows no more", func() error {
		if now := prints("loud/log"); now > got/2 {
			return fmt.Errorf("%d a second", now)
		}
		return nil
	})
	if got := prints("none/log"); got != 0 {
		t.Errorf("no log grows by %d", got)
	}
}

func TestQuestionsAreAnsweredInTurn(t *testing.T) {
	var out strings.Builder
	question := `{"folder":"nowhere","instances":{"a":{"folders":["/nowhere/at/all"]}}}` + "\n"
	if err := survey.Serve(t.Context(), strings.NewReader(question+question), &out); err != nil {
		t.Fatal(err)
	}
	answers := json.NewDecoder(strings.NewReader(out.String()))
	for range 2 {
		var a survey.Answer
		if err := answers.Decode(&a); err != nil || len(a.Instances) != 1 {
			t.Errorf("%v %+v", err, a)
		}
	}
	if err := answers.Decode(&survey.Answer{}); err != io.EOF {
		t.Errorf("there is more: %v", err)
	}
	if err := survey.Serve(t.Context(), strings.NewReader("nonsense"), io.Discard); err == nil {
		t.Error("nonsense is a question")
	}
}
