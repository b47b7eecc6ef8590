package importer

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// hint is what an author should know of a line, and what to write into instance.toml.
var (
	setuid   = regexp.MustCompile(`\bchmod\s+(?:-\S+\s+)*(?:[0-7]?[246][0-7]{3}|[ugoa]*\+[rwx]*s[rwx]*)\b|\binstall\s[^&;|]*-m\s*[0-7]?[46][0-7]{3}\b`)
	sudo     = regexp.MustCompile(`\b(?:apt|apt-get|apk|yum|dnf)\b[^&;|]*\bsudo\b|/etc/sudoers`)
	chroots  = regexp.MustCompile(`\bchroot\b|\bsshd\b|openssh-server|\bvsftpd\b`)
	browsers = regexp.MustCompile(`(?i)\b(chromium|google-chrome|chrome-headless|puppeteer|playwright|selenium|firefox-esr|geckodriver|chromedriver)`)
	installs = regexp.MustCompile(`(?m)^[^#\n]*\b(?:apt-get (?:-\S+ )*install|apt install|pip3? install|npm (?:i|ci|install)\b|apk add|gem install|cargo (?:build|run)|go run\b)`)
)

func (p *plan) hint(file string, line int, why, add string) {
	text := fmt.Sprintf("%s:%d: %s; if it needs that, add to %s: %s", file, line, why, definitionFile, add)
	if !slices.ContainsFunc(p.hints, func(h string) bool { return strings.HasSuffix(h, add) }) {
		p.hints = append(p.hints, text)
	}
}

const (
	addSetuid  = `allow_setuid = true in [security]`
	addChroot  = `capabilities = ["SYS_CHROOT"] in [security]`
	addBrowser = `memory = "1g" in [limits], and egress = true at the top where the bot opens pages of the Internet`
	addEgress  = `egress = true at the top`
)

// look finds what a challenge needs and does not get by itself.
func (p *plan) look() {
	for _, s := range p.services {
		for _, l := range s.recipe.lines {
			starts := l.instruction == "CMD" || l.instruction == "ENTRYPOINT"
			switch {
			case setuid.MatchString(l.rest):
				p.hint(s.recipe.file, l.number, "a program is made setuid, which has no effect by default", addSetuid)
			case sudo.MatchString(l.rest):
				p.hint(s.recipe.file, l.number, "sudo is setuid, which has no effect by default", addSetuid)
			}
			if chroots.MatchString(l.rest) {
				p.hint(s.recipe.file, l.number, "it calls chroot, or a server that does", addChroot)
			}
			if browsers.MatchString(l.rest) {
				p.hint(s.recipe.file, l.number, "a browser wants more memory than most challenges have", addBrowser)
			}
			if starts && installs.MatchString(l.rest) {
				p.hint(s.recipe.file, l.number, "it is installed at each start, and there is no Internet; install in a RUN instead", addEgress)
			}
		}
		if installs.MatchString(s.command) {
			p.hint(p.compose, 1, "it is installed at each start, and there is no Internet; install in a RUN instead", addEgress)
		}
		for _, path := range p.startScripts(s) {
			text, err := read(path, maxScriptSize)
			if at := installs.FindIndex(text); err == nil && at != nil {
				p.hint(relative(p.folder, path), 1+strings.Count(string(text[:at[0]]), "\n"),
					"it is installed at each start, and there is no Internet; install in a RUN instead", addEgress)
			}
		}
	}
}

// startScripts are the scripts of a context that a container's start names.
func (p *plan) startScripts(s *service) []string {
	if s.context == "" {
		return nil
	}
	var all []string
	for _, path := range scripts(s.context) {
		if strings.HasSuffix(path, ".sh") && strings.Contains(s.recipe.command+" "+s.command, filepath.Base(path)) {
			all = append(all, path)
		}
	}
	return all
}
