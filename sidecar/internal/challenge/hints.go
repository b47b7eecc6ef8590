package challenge

import (
	"bytes"
	"context"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/sidecar/internal/challenge/files"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// What lines of a Dockerfile or of a script that a container starts with ask for and do not get by themselves.
var (
	setuid = phrase{
		regexp.MustCompile(
			`\bchmod\s+(?:-\S+\s+)*(?:[0-7]?[246][0-7]{3}|[ugoa]*\+[rwx]*s[rwx]*)\b|\binstall\s[^&;|]*-m\s*[0-7]?[46][0-7]{3}\b`,
		),
		[]string{"chmod", "install"},
	}
	sudo    = phrase{regexp.MustCompile(`\b(?:apt|apt-get|apk|yum|dnf)\b[^&;|]*\bsudo\b|/etc/sudoers`), []string{"sudo"}}
	chroots = phrase{
		regexp.MustCompile(`\bchroot\b|\bsshd\b|openssh-server|\bvsftpd\b`),
		[]string{"chroot", "sshd", "openssh-server", "vsftpd"},
	}
	browsers = phrase{
		regexp.MustCompile(
			`(?i)\b(chromium|google-chrome|chrome-headless|puppeteer|playwright|selenium|firefox-esr|geckodriver|chromedriver)`,
		),
		[]string{"chrom", "puppeteer", "playwright", "selenium", "firefox-esr", "geckodriver"},
	}
	installs = phrase{
		regexp.MustCompile(
			`\b(?:apt-get (?:-\S+ )*install|apt install|pip3? install|npm (?:i|ci|install)\b|apk add|gem install|cargo (?:build|run)|go run\b)`,
		),
		[]string{"install", "npm", "apk", "cargo", "go run"},
	}
	randomly = phrase{regexp.MustCompile(`\bsetarch\b[^&;|]*(?:-[a-zA-Z]*R|--addr-no-randomize)`), []string{"setarch"}}
	debugger = phrase{regexp.MustCompile(`\b(?:gdb|gdbserver|strace|ltrace)\b`), []string{"gdb", "strace", "ltrace"}}
	starting = phrase{regexp.MustCompile(`(?i)^\s*(CMD|ENTRYPOINT)\b(.*)`), []string{"cmd", "entrypoint"}}
)

// phrase is a form, and words of which one is in whatever has it: almost all lines have none, and looking for words
// costs next to nothing.
type phrase struct {
	form  *regexp.Regexp
	words []string // in lower case
}

func (p phrase) in(text string) bool { return p.find(text) != nil }

func (p phrase) find(text string) []string {
	lower := strings.ToLower(text)
	if !slices.ContainsFunc(p.words, func(word string) bool { return strings.Contains(lower, word) }) {
		return nil
	}
	return p.form.FindStringSubmatch(text)
}

const (
	maxHintedText = 64 << 10 // bytes that are looked at of a script
	maxHinted     = 10       // of one service
	browserMemory = 512 << 20
)

// hinter tells what an author should know of a line, each once in a challenge and with the line to add to
// instance.toml.
type hinter struct {
	dir      string
	d        *definition
	memory   int64
	problems *Problems
	told     map[string]bool
}

// hints looks at what images are built from and containers start with.
func hints(
	ctx context.Context, d *definition, ch *whaley.Challenge, composeFile string, at lines, memory int64,
	problems *Problems,
) {
	h := &hinter{dir: ch.Dir, d: d, memory: memory, problems: problems, told: map[string]bool{}}
	for n := range ch.Services {
		s := &ch.Services[n]
		command := strings.Join(slices.Concat(s.Entrypoint, s.Command), " ")
		for _, key := range []string{"entrypoint", "command"} {
			if line := at.of("services." + s.Name + "." + key); installs.in(command) && line > 0 {
				h.start(composeFile, line)
			}
		}
		if s.Build == nil {
			continue
		}
		text, file := []byte(s.Build.Inline), composeFile
		if s.Build.Dockerfile != "" {
			name := filepath.Join(s.Build.Context, s.Build.Dockerfile)
			text, _ = readLimited(name, maxFile) // what cannot be read is refused elsewhere
			file = h.called(name)
		}
		if started := h.recipe(file, text); command == "" {
			command = started
		}
		h.scripts(ctx, s.Build.Context, command, string(text))
	}
}

func (h *hinter) called(name string) string {
	relative, err := filepath.Rel(filepath.Dir(h.dir), name)
	if err != nil {
		return filepath.Base(name)
	}
	return relative
}

func (h *hinter) tell(file string, line int, why, add string) {
	if !h.told[why] {
		h.told[why] = true
		h.problems.note(file, line, "", "%s", why+add)
	}
}

func (h *hinter) start(file string, line int) {
	if !h.d.Egress {
		h.tell(file, line, "it is installed at each start, and there is no Internet; install in a RUN instead",
			", or add to instance.toml: egress = true at the top")
	}
}

// recipe looks at a Dockerfile, line by line as it is written, and returns what containers start with.
func (h *hinter) recipe(file string, text []byte) (command string) {
	granted := func(capability string) bool { return slices.Contains(h.d.Security.Capabilities, capability) }
	n := 0
	for line := range bytes.Lines(text) {
		n++
		said := string(line)
		if strings.HasPrefix(strings.TrimSpace(said), "#") {
			continue
		}
		if m := starting.find(said); m != nil {
			command += " " + m[2]
			if installs.in(said) {
				h.start(file, n)
			}
		}
		const add = "; if it needs that, add to instance.toml: "
		switch {
		case h.d.Security.AllowSetuid:
		case setuid.in(said):
			h.tell(file, n, "a program is made setuid, which has no effect by default", add+"allow_setuid = true in [security]")
		case sudo.in(said):
			h.tell(file, n, "sudo is setuid, which has no effect by default", add+"allow_setuid = true in [security]")
		}
		if chroots.in(said) && !granted("SYS_CHROOT") {
			h.tell(file, n, "it calls chroot, or a server that does", add+`capabilities = ["SYS_CHROOT"] in [security]`)
		}
		if debugger.in(said) && !granted("SYS_PTRACE") {
			h.tell(file, n, "it may watch other programs", add+`capabilities = ["SYS_PTRACE"] in [security]`)
		}
		if browsers.in(said) && (h.memory < browserMemory || !h.d.Egress && h.d.Limits.Memory == "") {
			h.tell(file, n, "a browser wants more memory than most challenges have",
				add+
					`memory = "1g" in [limits] (and CONTAINER_MAX_MEMORY at least as much), and egress = true at the top where the bot opens pages of the Internet`)
		}
		h.random(file, n, said)
	}
	return command
}

func (h *hinter) random(file string, line int, said string) {
	if randomly.in(said) {
		h.tell(
			file, line,
			"setarch -R is refused by the engine: addresses stay random; link the program with -no-pie, or let it say where it is",
			"",
		)
	}
}

// scripts looks at the scripts of a context that a container's start names.
func (h *hinter) scripts(ctx context.Context, context, command, dockerfile string) {
	seen := 0
	_ = files.Walk(ctx, context, func(name string, entry fs.DirEntry) error { // what cannot be read is told by the survey
		info, err := entry.Info()
		base := filepath.Base(name)
		if err != nil || !info.Mode().IsRegular() || !mentions(command, base) {
			return nil
		}
		if seen++; seen > maxHinted {
			return fs.SkipAll
		}
		text, err := readLimited(name, maxHintedText)
		if err != nil || !bytes.HasPrefix(text, []byte("#!")) {
			return nil
		}
		file := h.called(name)
		first, _, _ := bytes.Cut(text, []byte("\n"))
		if bytes.HasSuffix(first, []byte("\r")) && !strings.Contains(dockerfile, "dos2unix") &&
			!strings.Contains(dockerfile, `\r`) {
			h.tell(file, 1, "its lines end as on Windows, so the program of the first line is not found: "+
				"save it with Unix line ends, or add to the Dockerfile: RUN sed -i 's/\\r$//' "+base, "")
		}
		if info.Mode()&0o111 == 0 && !executable(dockerfile, base) && runs(command, base) {
			h.tell(
				file, 1, "it is what a container starts with and may not be executed",
				"; add to the Dockerfile: COPY --chmod=755, or RUN chmod +x",
			)
		}
		n := 0
		for line := range bytes.Lines(text) {
			n++
			said := string(line)
			if !strings.HasPrefix(strings.TrimSpace(said), "#") {
				if installs.in(said) {
					h.start(file, n)
				}
				h.random(file, n, said)
			}
		}
		return nil
	})
}

// words of a command, however it is written.
func commandWords(command string) []string {
	return strings.FieldsFunc(command, func(r rune) bool { return strings.ContainsRune(" \t\r\n,[]\"'", r) })
}

func mentions(command, base string) bool {
	return slices.ContainsFunc(commandWords(command), func(word string) bool { return path.Base(word) == base })
}

// executable says whether a Dockerfile lets a file be executed.
func executable(dockerfile, base string) bool {
	for line := range strings.Lines(dockerfile) {
		if strings.Contains(line, "chmod") &&
			(strings.Contains(line, base) || strings.ContainsAny(line, "*") || strings.Contains(line, "-R")) {
			return true
		}
	}
	return false
}

// runs says whether a command begins with a file, so that the kernel executes it.
func runs(command, base string) bool {
	all := commandWords(command)
	return len(all) > 0 && path.Base(all[0]) == base
}
