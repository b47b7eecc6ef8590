package api_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
)

type adminChallenge struct {
	ID, Folder, Name, Revision string
	Loaded, Current, Active    bool
	Instances                  int
	Resources, Overrides       struct {
		Memory int64
		CPUs   float64
		Pids   int64
	}
	Problems []struct {
		File, Key, Text string
		Line            int
	}
}

type changed struct {
	Tag       string
	Challenge adminChallenge
}

// zipped makes an archive of pairs of name and content.
func zipped(t *testing.T, pairs ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for n := 0; n < len(pairs); n += 2 {
		f, err := w.Create(pairs[n])
		if err == nil {
			_, err = f.Write([]byte(pairs[n+1]))
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

const (
	minimalTOML    = "[[routes]]\nservice = \"web\"\nport = 80\n"
	minimalCompose = "services:\n  web:\n    image: busybox:1.36\n"
)

func (s *surface) manage(method, path, body string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.call(alice, method, "/admin/api/challenges"+path, body, "X-Admin-Key", adminKey)
}

func (s *surface) upload(archive []byte) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.sendArchive("/admin/api/challenges/upload", archive)
}

// sendArchive sends one as a browser's form does.
func (s *surface) sendArchive(path string, archive []byte) *httptest.ResponseRecorder {
	s.t.Helper()
	var form bytes.Buffer
	fmt.Fprintf(
		&form,
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"My Challenge.zip\"\r\nContent-Type: application/zip\r\n\r\n%s\r\n--b--\r\n",
		archive,
	)
	r := httptest.NewRequest("POST", path, &form)
	r.RemoteAddr = alice + ":5555"
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	r.Header.Set("X-Admin-Key", adminKey)
	w := httptest.NewRecorder()
	s.public.ServeHTTP(w, r)
	return w
}

func TestAChallengeIsUploadedEditedClosedAndDeleted(t *testing.T) {
	s := newSurface(t)
	w := s.upload(zipped(
		t, "__MACOSX/x", "", "deep/er/instance.toml", "id = \"new\"\n"+minimalTOML, "deep/er/compose.yaml", minimalCompose,
		"deep/er/app/a.txt", "a",
	))
	var ch adminChallenge
	if s.into(w, &ch); w.Code != http.StatusCreated || ch.ID != "new" || !ch.Loaded || !ch.Current || ch.Active ||
		len(ch.Problems) > 0 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	s.refused(s.call(bob, "POST", "/instances/spawn", `{"challenge_id":"new"}`), 409, "challenge_inactive")
	s.refused(
		s.upload(zipped(t, "instance.toml", "id = \"new\"\n"+minimalTOML, "compose.yaml", minimalCompose)), 409,
		"challenge_exists",
	)

	var file struct{ Content, Encoding, Tag string }
	if w := s.manage("GET", "/new/files/app%2Fa.txt", ""); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	} else if s.into(w, &file); file.Content != "a" || file.Encoding != "utf-8" || file.Tag != files.Tag([]byte("a")) ||
		w.Header().Get("ETag") != `"`+file.Tag+`"` {
		t.Errorf("%+v", file)
	}
	var c changed
	s.into(s.manage("PUT", "/new/files/app%2Fa.txt", fmt.Sprintf(`{"content":"b","tag":%q}`, file.Tag)), &c)
	if c.Challenge.Revision == ch.Revision || !c.Challenge.Current || c.Tag != files.Tag([]byte("b")) {
		t.Errorf("an edit made no revision: %+v", c)
	}
	s.refused(
		s.manage("PUT", "/new/files/app%2Fa.txt", fmt.Sprintf(`{"content":"c","tag":%q}`, file.Tag)), 409, "file_changed",
	)
	s.refused(s.manage("PUT", "/new/files/none", `{"content":"c"}`), 404, "file_not_found")
	s.refused(s.manage("POST", "/new/files/app%2Fa.txt", `{"content":"c"}`), 409, "file_exists")
	s.refused(s.manage("GET", "/new/files/..%2Fquick%2Finstance.toml", ""), 422, "path_invalid")
	if w := s.manage("POST", "/new/files/x%2Fy.bin", `{"content":"/wA=","encoding":"base64"}`); w.Code != http.StatusCreated {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if s.into(s.manage("GET", "/new/files/x%2Fy.bin", ""), &file); file.Encoding != "base64" || file.Content != "/wA=" {
		t.Errorf("%+v", file)
	}
	if w := s.manage("POST", "/new/files/folder", `{"kind":"folder"}`); w.Code != http.StatusCreated {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	var tree struct{ Files []struct{ Path, Kind string } }
	s.into(s.manage("GET", "/new/files", ""), &tree)
	if got := fmt.Sprint(tree.Files); got != "[{app folder} {app/a.txt file} {compose.yaml file} {folder folder} {instance.toml file} {x folder} {x/y.bin file}]" {
		t.Error(got)
	}
	if w := s.manage("DELETE", "/new/files/x", ""); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}

	var history struct {
		Revisions []struct{ Revision, Origin, By string }
	}
	s.into(s.manage("GET", "/new/revisions", ""), &history)
	first := history.Revisions[len(history.Revisions)-1]
	if first.Origin != "upload" || !strings.HasPrefix(first.By, "admin key") || first.Revision != ch.Revision ||
		history.Revisions[0].Origin != "edit" || history.Revisions[0].By != first.By {
		t.Errorf("the history is %+v", history)
	}
	second := history.Revisions[len(history.Revisions)-2].Revision
	for query, want := range map[string]string{
		"?from=" + first.Revision: `{"files":[{"path":"app/a.txt","change":"changed","before":{"size":1,"mode":420},"after":{"size":1,"mode":420},"text":true,` +
			`"hunks":[{"before":1,"after":1,"lines":[{"kind":"-","text":"a"},`,
		"?from=" + second: `{"files":[],"more":0}`,
		"":                `{"files":[{"path":"app/a.txt","change":"added",`,
	} {
		if w := s.manage("GET", "/new/revisions/"+second+"/changes"+query, ""); w.Code != 200 ||
			!strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want %s…", query, w.Code, w.Body, want)
		}
	}
	s.refused(s.manage("GET", "/new/revisions/"+second+"/changes?from=nothing", ""), 404, "revision_not_kept")

	// A broken edit stays, says what is wrong by line, and the last good revision is what players get.
	good := adminChallenge{}
	s.into(s.manage("POST", "/new/reload", ""), &good)
	s.into(
		s.manage("PUT", "/new/files/compose.yaml", `{"content":"services:\n  web:\n    image: x\n    privileged: true\n"}`),
		&c,
	)
	if p := c.Challenge; p.Current || !p.Loaded || p.Revision != good.Revision || len(p.Problems) != 1 ||
		p.Problems[0].File != "new/compose.yaml" || p.Problems[0].Line != 4 || p.Problems[0].Key != "services.web.privileged" {
		t.Errorf("%+v", p)
	}

	// What it was is downloaded, and put back.
	if w := s.manage("GET", "/new/archive", ""); w.Code != 200 || w.Header().Get("Content-Type") != "application/zip" ||
		!strings.HasPrefix(w.Body.String(), "PK") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := s.manage("GET", "/new/archive?revision="+first.Revision, ""); w.Code != 200 ||
		w.Header().Get("Content-Disposition") != `attachment; filename="new-`+first.Revision+`.zip"` {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	s.refused(s.manage("GET", "/new/archive?revision=none", ""), 404, "revision_files_gone")
	s.refused(s.manage("POST", "/new/revisions/none/rollback", ""), 404, "revision_files_gone")
	var back adminChallenge
	s.into(s.manage("POST", "/new/revisions/"+first.Revision+"/rollback", ""), &back)
	if !back.Current || back.Revision != first.Revision {
		t.Errorf("rolled back it is %+v", back)
	}
	if s.into(s.manage("GET", "/new/revisions", ""), &history); history.Revisions[0].Origin != "rollback" ||
		history.Revisions[0].Revision != first.Revision {
		t.Errorf("the history is %+v", history)
	}

	var set adminChallenge
	s.into(s.manage("PUT", "/new/resources", `{"memory":67108864,"cpus":0.4,"pids":60}`), &set)
	if set.Resources.Memory != 64<<20 || set.Resources.CPUs != 0.4 || set.Resources.Pids != 60 ||
		set.Overrides != set.Resources {
		t.Errorf("%+v", set)
	}
	s.refused(s.manage("PUT", "/new/resources", `{"memory":1,"cpus":0,"pids":0}`), 422, "memory_invalid")
	s.into(s.manage("POST", "/new/toggle", `{"active":false}`), &set)
	if set.Active || set.Resources.Pids != 60 {
		t.Errorf("%+v", set)
	}
	if list := s.call(bob, "GET", "/challenges", "").Body.String(); strings.Contains(list, `"new"`) ||
		!strings.Contains(list, `"quick"`) {
		t.Errorf("a closed challenge is listed: %s", list)
	}
	s.refused(s.call(bob, "POST", "/instances/spawn", `{"challenge_id":"new"}`), 409, "challenge_inactive")
	var settings struct {
		Settings []struct{ ID, UpdatedBy string }
	}
	if s.into(s.manage("GET", "/settings", ""), &settings); len(settings.Settings) != 2 {
		t.Errorf("%+v", settings)
	}
	if w := s.manage("DELETE", "/new", ""); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	s.refused(s.manage("DELETE", "/new", ""), 404, "challenge_not_found")
	if w := s.upload(zipped(t, "instance.toml", minimalTOML, "compose.yaml", minimalCompose)); w.Code != http.StatusCreated ||
		!strings.Contains(w.Body.String(), `"my-challenge"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestABrokenUploadChangesNothingAndSaysEverything(t *testing.T) {
	s := newSurface(t)
	w := s.upload(zipped(
		t, "c/instance.toml", "nmae = 1\n"+minimalTOML, "c/compose.yaml",
		"services:\n  web:\n    pid: host\n    image: x\n    ipc: host\n",
	))
	var p struct {
		Code     string
		Problems []struct {
			File, Key string
			Line      int
		}
	}
	s.into(w, &p)
	if got := fmt.Sprint(p.Problems); w.Code != 422 || p.Code != "challenge_invalid" ||
		got != "[{c/instance.toml nmae 1} {c/compose.yaml services.web.pid 3} {c/compose.yaml services.web.ipc 5}]" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	s.refused(s.upload([]byte("no zip")), 422, "archive_invalid")
	s.refused(s.call(alice, "POST", "/admin/api/challenges/upload", "{}", "X-Admin-Key", adminKey), 422, "archive_missing")
	var list struct{ Challenges []adminChallenge }
	if s.into(s.manage("GET", "/list", ""), &list); len(list.Challenges) != 1 {
		t.Errorf("%+v", list)
	}
}

func TestWhatRunsGoesOnWhenItsChallengeIsClosedEditedOrGone(t *testing.T) {
	s := newSurface(t)
	if w := s.call(bob, "POST", "/instances/spawn?wait=60", `{"challenge_id":"quick"}`); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	s.refused(s.manage("DELETE", "/quick", ""), 409, "challenge_in_use")
	if w := s.manage("POST", "/quick/toggle", `{"active":false}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	running := func(when string) (id string) {
		t.Helper()
		var list struct {
			Instances []struct {
				ID, State     string
				ChallengeName string `json:"challenge_name"`
				Routes        []struct{ Host string }
			}
		}
		s.into(s.call(bob, "GET", "/instances", ""), &list)
		if len(list.Instances) != 1 || list.Instances[0].State != "running" ||
			list.Instances[0].ChallengeName != "Quick" || len(list.Instances[0].Routes) != 3 {
			t.Fatalf("%s: %+v", when, list)
		}
		var status struct{ State, Backend, Name, Access string }
		in := list.Instances[0]
		s.into(
			s.call(
				alice, "POST", "/internal/wake", fmt.Sprintf(`{"host":%q}`, in.Routes[0].Host), "Authorization",
				"Bearer "+pluginKey,
			),
			&status,
		)
		if status.State != "running" || status.Backend == "" || status.Name != "Quick" || status.Access != "link" {
			t.Errorf("%s: %+v", when, status)
		}
		return in.ID
	}
	running("closed")
	var c changed
	s.into(
		s.manage(
			"PUT", "/quick/files/instance.toml",
			`{"content":"name = \"Other\"\ntimeout = 20\naccess = \"owner\"\n[[routes]]\nservice = \"web\"\nport = 81\n"}`,
		),
		&c,
	)
	if c.Challenge.Name != "Other" || !c.Challenge.Current {
		t.Fatalf("%+v", c)
	}
	id := running("edited")
	if err := s.removeFolder("quick"); err != nil {
		t.Fatal(err)
	}
	if w := s.manage("POST", "/reload", ""); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "quick") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if again := running("gone"); again != id {
		t.Errorf("%s and %s", id, again)
	}
	var extended struct {
		Extend struct{ Step, Left int }
	}
	s.into(s.call(bob, "GET", "/instances/"+id, ""), &extended)
	if extended.Extend.Step != 1800 || extended.Extend.Left != 3600 {
		t.Errorf("%+v", extended)
	}
	if w := s.call(bob, "DELETE", "/instances/"+id, ""); w.Code != http.StatusAccepted {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
