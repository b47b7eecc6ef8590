package challenge

import (
	"path/filepath"
	"regexp"
	"strings"
)

// openedUp is why options of security are refused.
const openedUp = "would take away what keeps the container in; gdb wants capabilities = [\"SYS_PTRACE\"] in [security], a browser its own --no-sandbox"

// ofBrowser is the profile that goes round for browsers: the engine's own, and what a browser's sandbox wants. Without it
// the container is kept in better. Other profiles may be what keeps players of a challenge in.
var ofBrowser = regexp.MustCompile(`(?i)^seccomp[:=](\./)?([a-z0-9_-]+/)*[a-z0-9_.-]*(chrome|chromium)[a-z0-9_-]*\.json$`)

const browserKeptIn = "is left out: the container keeps the engine's own profile, under which a browser starts with --no-sandbox only; try with whaley test"

// profiles are where a compose file's profiles of seccomp are: in the challenge's folder, relative to the file's own.
type profiles struct{ dir, beside string }

// userNamespaces is what the profile that Playwright gives its users says of what it adds to the engine's own.
const userNamespaces = "Allow create user namespaces"

// browsers says whether an option names a profile that goes round for browsers under another name.
func (p profiles) browsers(option string) bool {
	name, found := strings.CutPrefix(strings.Replace(option, "=", ":", 1), "seccomp:")
	if !found || !strings.HasSuffix(name, ".json") || filepath.IsAbs(name) {
		return false
	}
	path, err := inside(p.dir, filepath.Join(p.beside, name))
	if err != nil {
		return false
	}
	text, err := readLimited(path, maxFile)
	return err == nil && strings.Contains(string(text), userNamespaces)
}
