package importer

import (
	"os"
	"path/filepath"
	"strings"
)

// solver is what import takes over of a health check: a program that ends with exit code 0 if the challenge works.
type solver struct {
	Build   string   `toml:"build,omitempty"`
	Command []string `toml:"command"`
	Success string   `toml:"success"`
	Inside  bool     `toml:"inside,omitempty"`
}

// kctfCheck is where the image of kCTF's template has its check, which expects the challenge at 127.0.0.1.
const kctfCheck = "/home/user/healthcheck.py"

// solver is the health check that metadata speak of, or nil.
func (p *plan) solver() *solver {
	in := filepath.Join(p.found.folder.path, filepath.Dir(p.meta.file))
	switch {
	case p.meta.health == "":
		return nil
	case p.meta.format == "kctf":
		folder := filepath.Join(in, p.meta.health)
		if !p.has(filepath.Join(folder, "Dockerfile")) || !p.has(filepath.Join(folder, filepath.Base(kctfCheck))) {
			p.note(
				"its health check is left out: %s lacks a Dockerfile or %s", relative(p.folder, folder), filepath.Base(kctfCheck),
			)
			return nil
		}
		return &solver{Build: relative(p.folder, folder), Command: []string{kctfCheck}, Success: "exit", Inside: true}
	}
	path := filepath.Join(in, p.meta.health)
	if !filepath.IsLocal(p.meta.health) || !p.has(path) {
		p.note("the health check %s is left out: there is no such file in the challenge's folder", short(p.meta.health, 80))
		return nil
	}
	return &solver{Command: []string{"sh", "-c", p.runs(path)}, Success: "exit"}
}

// checks says whether a Dockerfile is that of kCTF's health check.
func (p *plan) checks(f file) bool {
	return p.meta.format == "kctf" && p.meta.health != "" && f.in.name == p.meta.health
}

// runs is how ctfcli runs a health check: with how players connect as an option.
func (p *plan) runs(path string) string {
	program, where := quoted("./"+relative(p.folder, path)), `"nc $HOST $PORT"`
	if info, err := os.Stat(path); err == nil && info.Mode()&0o111 == 0 {
		by := map[string]string{".py": "python3 ", ".sh": "sh "}[strings.ToLower(filepath.Ext(path))]
		program = by + program
	}
	if len(p.routes) > 0 && p.routes[0].Type == "http" {
		where = `"$URL"`
	}
	return "exec " + program + " --connection-info " + where
}

// quoted is a text as one word of a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// has says whether a file is there and lies in the challenge's folder, wherever links lead.
func (p *plan) has(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	in, err := filepath.Rel(p.folder.path, real)
	info, statErr := os.Stat(real)
	return err == nil && statErr == nil && filepath.IsLocal(in) && info.Mode().IsRegular()
}
