package challenge_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
)

// Whatever one folder holds, the others are loaded, at the start and at every reload.
func TestAFolderThatIsTooMuchStopsNoOther(t *testing.T) {
	s := newLibraryWorld(t)
	for _, name := range []string{"good", "other", "deep", "wide", "bomb", "env"} {
		s.put(name+"/instance.toml", oneRoute)
		s.put(name+"/compose.yaml", "services: {web: {image: x}}\n")
	}
	s.put("deep/"+strings.Repeat("d/", 100)+"f", "x")
	s.put("wide/instance.toml", strings.Repeat("a.b = 1\n", 30000))
	s.put("bomb/compose.yaml", "x-a: "+strings.Repeat("[", 9990))
	s.put("env/compose.yaml", "services: {web: {image: x, env_file: e}}\n")
	s.put("env/e", doubling(40))
	s.start()
	want := []string{
		"bomb/compose.yaml:1: has more than 2000 brackets; put long texts into files of their own",
		"deep: cannot be read: …", "env/compose.yaml:1: services.web.env_file[0]: ",
		"wide/instance.toml:667: has more than 2000 keys and values",
	}
	problems := s.reload()
	for n, p := range problems {
		if n >= len(want) || !strings.HasPrefix(p.String(), want[n]) {
			t.Errorf("%s", p)
		}
	}
	if len(problems) != len(want) || s.get("good") == nil || s.get("other") == nil {
		t.Errorf("%d problems, %v %v", len(problems), s.get("good"), s.get("other"))
	}
}

// gate is an archive whose reading waits.
type gate struct {
	*bytes.Reader
	once   sync.Once
	at, on chan struct{}
}

func (g *gate) ReadAt(p []byte, off int64) (int, error) {
	g.once.Do(func() {
		g.at <- struct{}{}
		<-g.on
	})
	return g.Reader.ReadAt(p, off)
}

func TestAnUploadThatTakesLongHoldsNobodyUp(t *testing.T) {
	s := newLibraryWorld(t)
	s.put("good/instance.toml", oneRoute)
	s.put("good/compose.yaml", "services: {web: {image: x}}\n")
	s.reload()
	text := zipped(t, "instance.toml", "id = \"up\"\n"+oneRoute, "compose.yaml", "services: {web: {image: x}}\n")
	slow := &gate{Reader: bytes.NewReader(text), at: make(chan struct{}), on: make(chan struct{})}
	uploaded := make(chan error)
	go func() {
		_, err := s.library.Upload(
			context.Background(), challenge.Archive{ReaderAt: slow, Size: int64(len(text)), Name: "up"}, "admin",
		)
		uploaded <- err
	}()
	<-slow.at
	s.reload()
	if _, err := s.library.ReloadOne(context.Background(), "good", "admin"); err != nil {
		t.Error(err)
	}
	if removed, err := s.library.RemoveLeftovers(); err != nil || len(removed) > 0 {
		t.Errorf("an upload under way was removed: %v %v", removed, err)
	}
	close(slow.on)
	if err := <-uploaded; err != nil || s.get("up") == nil {
		t.Errorf("%v %v", err, s.get("up"))
	}
	if _, err := s.library.Upload(
		context.Background(), challenge.Archive{ReaderAt: bytes.NewReader(text), Size: int64(len(text)), Name: "up"}, "admin",
	); err == nil {
		t.Error("the same id was taken twice")
	}
	noLeftovers(t, s.dir)
}

func TestWhatAProcessThatDiedHasLeftIsRemovedAtTheStart(t *testing.T) {
	s := newLibraryWorld(t)
	s.put(".upload-123456/.extracted/"+strings.Repeat("d/", 100)+"f", "x")
	s.put(".deleted-7/web/instance.toml", oneRoute)
	s.put(".upload-mine/notes", "x")
	s.put(".deleted/notes", "x")
	s.put(".upload-5", "a file")
	removed, err := s.library.RemoveLeftovers()
	if err != nil || !slices.Equal(removed, []string{".deleted-7", ".upload-123456"}) {
		t.Errorf("%v %v", removed, err)
	}
	for _, mine := range []string{".upload-mine/notes", ".deleted/notes", ".upload-5"} {
		if _, err := os.Stat(filepath.Join(s.dir, mine)); err != nil {
			t.Errorf("%s is gone: %v", mine, err)
		}
	}
}

func TestADeletedChallengeLeavesNothing(t *testing.T) {
	s := newLibraryWorld(t)
	s.put("good/instance.toml", oneRoute)
	s.put("good/compose.yaml", "services: {web: {image: x}}\n")
	s.reload()
	live := func(context.Context) (int, error) { return 0, nil }
	if err := s.library.Delete(context.Background(), "good", "", live); err != nil {
		t.Error(err)
	}
	if _, there := s.library.Get("good"); there {
		t.Error("it is still loaded")
	}
	noLeftovers(t, s.dir)
}

func noLeftovers(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s is left", e.Name())
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for n := 0; n < len(files); n += 2 {
		f, err := w.Create(files[n])
		if err == nil {
			_, err = io.WriteString(f, files[n+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
