package registry_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/registry"
)

func of(t *testing.T, l *registry.Logins, host string) string {
	t.Helper()
	name, password, err := l.NameAndPassword(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	return name + ":" + password
}

func TestLoginsComeFromTheSettingAndFromDockerLogin(t *testing.T) {
	folder := t.TempDir()
	helper := "#!/bin/sh\n[ $1 = get ] && host=$(cat) && echo '{\"ServerURL\":\"'$host'\",\"Username\":\"helped\",\"Secret\":\"by it\"}'\n"
	if err := os.WriteFile(filepath.Join(folder, "docker-credential-whaley-test"), []byte(helper), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	encoded := base64.StdEncoding.EncodeToString([]byte("filed:in it"))
	config := `{"auths": {"files.example": {"auth": "` + encoded + `"}, "both.example:5000": {"auth": "` + encoded + `"},
		"https://index.docker.io/v1/": {"auth": "` + encoded + `"}, "token.example": {"identitytoken": "long-lived", "auth": "PDp4"}},
		"credHelpers": {"helped.example": "whaley-test"}}`
	if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{
		"robot$a:p@ss:w0rd@both.example:5000",
		`{"auths": {"both.example:5000": {"username": "robot$a", "password": "p@ss:w0rd"}}, "credsStore": "not-run"}`,
	} {
		l := &registry.Logins{Setting: func() string { return setting }, Folder: folder}
		for host, want := range map[string]string{
			"both.example:5000": "robot$a:p@ss:w0rd", "files.example": "filed:in it", "helped.example": "helped:by it",
			"registry-1.docker.io": "filed:in it", "docker.io": "filed:in it", "token.example": ":long-lived",
			"other.example": ":", "files.example:443": ":",
		} {
			if got := of(t, l, host); got != want {
				t.Errorf("%s: %q, not %q", host, got, want)
			}
		}
		if header, err := l.OfImage("files.example/a/b@sha256:" + strings.Repeat("a", 64)); err != nil || header == "" {
			t.Errorf("pull by digest: %q, %v", header, err)
		}
		if header, err := l.OfImage("other.example/a"); err != nil || header != "" {
			t.Errorf("a registry without a login is shown %q, %v", header, err)
		}
		all, err := l.All()
		if err != nil || all["both.example:5000"].Username != "robot$a" || all["files.example"].Password != "in it" {
			t.Errorf("all: %v, %v", len(all), err)
		}
	}
}

func TestALoginThatIsNoneIsRefusedWithoutSayingIt(t *testing.T) {
	for _, setting := range []string{
		"{", "secret", "a:secret", "a:secret@", ":secret@b", "a:@b", "ok:ok@ok a:secret@https://b/",
	} {
		if _, err := registry.Parse(setting); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", setting, err)
		}
	}
}

func TestWithoutAnyLoginNothingIsShown(t *testing.T) {
	for _, l := range []*registry.Logins{nil, {Folder: t.TempDir()}} {
		if got := of(t, l, "registry.example"); got != ":" {
			t.Errorf("%q", got)
		}
	}
}
