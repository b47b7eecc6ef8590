package push_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge"
	"github.com/whaley-ctf/whaley/sidecar/internal/push"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const key = "a key of organisers"

// server answers as the admin API does; api_test of internal/api holds that to it.
type server struct {
	status      int
	answer      string
	build       string
	files       map[string]os.FileMode
	asked, keys []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked, s.keys = append(s.asked, r.Method+" "+r.URL.RequestURI()), append(s.keys, r.Header.Get("X-Admin-Key"))
	switch {
	case r.Header.Get("X-Admin-Key") != key:
		w.WriteHeader(http.StatusUnauthorized)
	case strings.HasSuffix(r.URL.Path, "/list"):
		_, _ = io.WriteString(w, `{"challenges":[{"id":"notes","revision":"old"}]}`)
	case strings.HasSuffix(r.URL.Path, "/build"):
		_, _ = io.WriteString(w, s.build)
	default:
		text, _ := io.ReadAll(r.Body)
		packed, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		s.files = map[string]os.FileMode{}
		for _, f := range packed.File {
			s.files[f.Name] = f.Mode()
		}
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.answer)
	}
}

func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "notes")
	files = append(
		files, "instance.toml", "[[routes]]\nservice = \"web\"\nport = 80\ntype = \"http\"\n", "compose.yaml",
		"services: {web: {image: x}}\n", "solve.sh", "#!/bin/sh\n", ".git/HEAD", "x",
	)
	for n := 0; n < len(files); n += 2 {
		path := filepath.Join(dir, files[n])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.HasSuffix(path, ".sh") {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(files[n+1]), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func run(t *testing.T, dir, to, with string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := push.Run(t.Context(), push.Options{Dir: dir, To: to, Key: with, Open: true, Out: &out,
		Defaults: challenge.Defaults{
			Timeout: time.Hour, Access: whaley.AccessLink, Limits: whaley.Limits{MemoryBytes: 1 << 28, NanoCPUs: 1e9, Pids: 99},
		}})
	return out.String(), err
}

func TestAPushedChallengeArrivesWholeAndItsBuildIsFollowed(t *testing.T) {
	s := &server{
		status: 201, answer: `{"id":"notes","revision":"new","active":true}`, build: `{"revision":"new","state":"ready"}`,
	}
	server := httptest.NewServer(s)
	defer server.Close()
	out, err := run(t, folder(t), server.URL+"/", key)
	if err != nil || !strings.Contains(out, "It replaces revision old: revision new.") ||
		!strings.Contains(out, "Its images are ready.") {
		t.Errorf("%v\n%s", err, out)
	}
	if len(s.files) != 3 || s.files["notes/solve.sh"] != 0o755 || s.files["notes/instance.toml"] != 0o644 {
		t.Errorf("%v", s.files)
	}
	if !slices.Contains(s.asked, "POST /admin/api/challenges/upload?replace=true&open=true") {
		t.Errorf("it asked for %q", s.asked)
	}
	s.build = `{"revision":"new","state":"failed","log":"no such file"}`
	if out, err = run(t, folder(t), server.URL, key); err == nil || !strings.Contains(out, "no such file") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestWhatIsNotPushedSaysWhy(t *testing.T) {
	refusal, err := json.Marshal(map[string]any{
		"detail":   "The challenge has 1 problems.",
		"problems": []any{map[string]any{"file": "notes/compose.yaml", "line": 3, "key": "a", "text": "is wrong"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{status: 422, answer: string(refusal)}
	server := httptest.NewServer(s)
	defer server.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler(server.URL+"/stolen", http.StatusTemporaryRedirect))
	defer elsewhere.Close()
	linked := folder(t)
	if err := os.Symlink("/etc/passwd", filepath.Join(linked, "link")); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ dir, to, key, want string }{
		"refused there":  {folder(t), server.URL, key, "notes/compose.yaml:3: a: is wrong"},
		"another key":    {folder(t), server.URL, "another", "ADMIN_KEY must be"},
		"nobody there":   {folder(t), "http://127.0.0.1:1", key, "does Whaley run?"},
		"sent elsewhere": {folder(t), elsewhere.URL, key, "is it the dashboard's own address"},
		"no address":     {folder(t), "whaley", key, "is no address of a Whaley"},
		"no challenge":   {t.TempDir(), server.URL, key, "whaley import makes one"},
		"a link":         {linked, server.URL, key, "link is no file"},
	} {
		s.asked = nil
		out, err := run(t, c.dir, c.to, c.key)
		if err == nil || !strings.Contains(out+err.Error(), c.want) {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
		if what == "sent elsewhere" && len(s.asked) > 0 {
			t.Errorf("the key went elsewhere: %v", s.asked)
		}
	}
}
