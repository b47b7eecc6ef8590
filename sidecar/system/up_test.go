package system

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// prepared runs scripts/up prepare, which starts nothing, in a copy of the repository.
func prepared(t *testing.T, dir string) string {
	t.Helper()
	up := exec.Command(filepath.Join(dir, "scripts", "up"), "prepare")
	up.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	out, err := up.CombinedOutput()
	if err != nil {
		t.Fatalf("scripts/up prepare: %v\n%s", err, out)
	}
	return string(out)
}

func TestWhatMakeUpMakesIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := copyOfTheRepository(t)
	for range 2 { // the second time finds what an earlier version may have left open
		prepared(t, dir)
		open := map[string]bool{
			"secrets/redis-users.acl": true, "secrets/metrics_secret": true, "secrets/admin_key": true,
			"prometheus/prometheus.yml": true,
		}
		data := filepath.Join(dir, "data")
		err := filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if name, _ := filepath.Rel(data, path); err == nil && info.Mode()&0o077 != 0 && !open[name] {
				t.Errorf("%s has the mode %o", name, info.Mode().Perm())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(dir, ".env")); err != nil || info.Mode()&0o077 != 0 {
			t.Errorf(".env: %v %v", info, err)
		}
		for _, name := range []string{".env", "data/secrets", "data/acme", "data/certs", "data/prometheus", "data/traefik"} {
			if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestWhatNobodyReadsInEnvIsTold(t *testing.T) {
	t.Parallel()
	dir := copyOfTheRepository(t)
	if out := prepared(t, dir); strings.Contains(out, "warning") {
		t.Errorf("of its own .env it says\n%s", out)
	}
	env := filepath.Join(dir, ".env")
	own, err := os.ReadFile(env)
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(dir, ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.ReplaceAll(string(example), "\n#DATA_DIR=data", "")
	all = strings.ReplaceAll(all, "\n#CHALLENGES_DIR=challenges", "")
	lines := string(own)
	for line := range strings.Lines(all) { // every setting there is
		if name, value, set := strings.Cut(strings.TrimPrefix(line, "#"), "="); set && !strings.Contains(name, " ") {
			lines += name + "=" + value
		}
	}
	lines += "CTFD_API_KEY_FILE=/x\nOTEL_SERVICE_NAME=x\nTZ=Europe/Paris\n# NOT_THIS=1\n" +
		"MAX_INSTANCE_PER_USER=3\nexport CHALLENGE_DIR=x\nBASE_DOMAIN_FILE=x\nanything=1\n"
	if err := os.WriteFile(env, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	var told []string
	for line := range strings.Lines(prepared(t, dir)) {
		if _, after, warns := strings.Cut(line, "warning: "); warns {
			told = append(told, strings.Fields(after)[0])
		}
	}
	if want := []string{"BASE_DOMAIN_FILE", "CHALLENGE_DIR", "MAX_INSTANCE_PER_USER", "anything"}; !slices.Equal(
		told, want,
	) {
		t.Errorf("it tells of %v instead of %v", told, want)
	}
}
