package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

type importedChallenge struct {
	Folder, ID, Verdict, Metadata, Flag, Refusal string
	Exists, Taken                                bool
	Routes                                       []struct {
		Service, Type string
		Port          int
	}
	Problems []struct{ Key, Text string }
	Changes  struct {
		Files []struct{ Path, Change string }
	}
}

// bring sends an archive to be imported and answers what became of each folder.
func (s *surface) bring(archive []byte, query url.Values) map[string]importedChallenge {
	s.t.Helper()
	w := s.sendArchive("/admin/api/challenges/import?"+query.Encode(), archive)
	if w.Code != http.StatusOK {
		s.t.Fatal(w.Code, w.Body)
	}
	var report struct{ Challenges []importedChallenge }
	if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil {
		s.t.Fatal(err)
	}
	all := map[string]importedChallenge{}
	for _, c := range report.Challenges {
		all[c.Folder] = c
	}
	return all
}

// TestAnArchiveOfManyIsLookedAtAndThenTaken imports a repository: the first look keeps nothing, the second takes what
// is named, and a third shows how it differs from what is there.
func TestAnArchiveOfManyIsLookedAtAndThenTaken(t *testing.T) {
	s := newSurface(t)
	event := func(page string) []byte {
		return zipped(t,
			"event-main/web/blog/challenge.yml", "name: The Blog\ncategory: web\nvalue: 100\nflags: ['CTF{planted}']\n",
			"event-main/web/blog/Dockerfile", "FROM busybox:1.36\nCOPY index.html /\nENV FLAG=CTF{planted}\nEXPOSE 80\n",
			"event-main/web/blog/index.html", page,
			"event-main/pwn/heap/docker-compose.yml", "services:\n  heap:\n    image: busybox:1.36\n    ports: ['1337:1337']\n",
			"event-main/pwn/host/docker-compose.yml",
			"services:\n  host:\n    image: busybox:1.36\n    pid: host\n    ports: ['1:1']\n",
		)
	}
	looked := s.bring(event("one"), nil)
	blog, heap, bad := looked["web/blog"], looked["pwn/heap"], looked["pwn/host"]
	if len(looked) != 3 || blog.ID != "blog" || blog.Metadata != "ctfcli" || blog.Exists || blog.Taken ||
		blog.Routes[0].Type != "http" || heap.Verdict != "noted" || heap.Routes[0].Port != 1337 || bad.Verdict != "refused" ||
		!strings.HasSuffix(bad.Problems[0].Key, "pid") {
		t.Fatalf("%+v", looked)
	}
	for _, id := range []string{"blog", "heap"} {
		s.refused(s.manage("GET", "/"+id+"/files", ""), 404, "challenge_not_found")
	}

	taken := s.bring(event("one"), url.Values{"take": {"web/blog", "pwn/host"}})
	if !taken["web/blog"].Taken || taken["pwn/heap"].Taken || taken["pwn/host"].Taken || taken["pwn/host"].Refusal == "" {
		t.Fatalf("%+v", taken)
	}
	if w := s.manage("GET", "/blog/files/instance.toml", ""); !strings.Contains(w.Body.String(), "The Blog") {
		t.Error(w.Body)
	}
	s.refused(s.manage("GET", "/heap/files", ""), 404, "challenge_not_found")

	again := s.bring(event("two"), nil)["web/blog"]
	if !again.Exists || len(again.Changes.Files) != 1 || again.Changes.Files[0].Path != "index.html" ||
		again.Changes.Files[0].Change != "changed" {
		t.Fatalf("%+v", again)
	}
	if kept := s.bring(event("two"), url.Values{"take": {"web/blog"}})["web/blog"]; kept.Taken ||
		!strings.Contains(kept.Refusal, "already") {
		t.Errorf("%+v", kept)
	}
	if put := s.bring(event("two"), url.Values{"take": {"web/blog"}, "replace": {"true"}})["web/blog"]; !put.Taken {
		t.Errorf("%+v", put)
	}
	if w := s.manage("GET", "/blog/files/index.html", ""); !strings.Contains(w.Body.String(), "two") {
		t.Error(w.Body)
	}
}

func TestAChallengeInAnothersFolderIsTakenBesideIt(t *testing.T) {
	s := newSurface(t)
	archive := zipped(t,
		"instance.toml", "id = \"outer\"\n"+minimalTOML, "compose.yaml", minimalCompose,
		"inner/instance.toml", "id = \"inner\"\n"+minimalTOML, "inner/compose.yaml", minimalCompose)
	taken := s.bring(archive, url.Values{"take": {".", "inner"}})
	if !taken["."].Taken || !taken["inner"].Taken {
		t.Fatalf("%+v", taken)
	}
	if w := s.manage("GET", "/outer/files", ""); strings.Contains(w.Body.String(), "inner") {
		t.Error(w.Body)
	}
}

func TestWhatIsNoArchiveIsNotImported(t *testing.T) {
	s := newSurface(t)
	s.refused(s.sendArchive("/admin/api/challenges/import", []byte("no zip")), 422, "archive_invalid")
	s.refused(s.sendArchive("/admin/api/challenges/import", zipped(t, "../x", "a")), 422, "archive_path")
	s.refused(s.call(alice, "POST", "/admin/api/challenges/import", "{}", "X-Admin-Key", adminKey), 422, "archive_missing")
	s.refused(s.call(alice, "POST", "/admin/api/challenges/import", "{}"), 401, "key_refused")
	if none := s.bring(zipped(t, "readme.md", "nothing that runs"), nil); len(none) != 0 {
		t.Errorf("%+v", none)
	}
}
