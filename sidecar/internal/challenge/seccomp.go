package challenge

import "regexp"

// openedUp is why options of security are refused.
const openedUp = "would take away what keeps the container in; gdb wants capabilities = [\"SYS_PTRACE\"] in [security], a browser its own --no-sandbox"

// ofBrowser is the profile that goes round for browsers: the engine's own, and what a browser's sandbox wants. Without it
// the container is kept in better. Other profiles may be what keeps players of a challenge in.
var ofBrowser = regexp.MustCompile(`(?i)^seccomp[:=](\./)?([a-z0-9_-]+/)*[a-z0-9_.-]*(chrome|chromium)[a-z0-9_-]*\.json$`)

const browserKeptIn = "is left out: the container keeps the engine's own profile, under which a browser starts with --no-sandbox only; try with whaley test"
