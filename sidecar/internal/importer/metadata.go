package importer

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// metadata is what a challenge's author has written down about it, in whatever format.
type metadata struct {
	file   string // its name in the challenge's folder; empty: there is none
	format string

	name, category, description string
	flags                       []string // as players find them
	connection                  string   // how players connect, on the author's own host
	protocol                    string   // http or tcp; empty: not said
	ports                       []said   // ports inside containers, or if hint, perhaps of the author's host
	memory                      string
	timeout                     int    // seconds
	image                       string // folder that it is built from, or an image
	containers                  []container
	health                      string // file of its health check, or kCTF's folder of one

	notes []string
}

// said is a port that metadata speak of.
type said struct {
	container string // whose it is; empty: not said
	port      int
	protocol  string // http, tcp, udp or empty
	hint      bool   // it may be one of the author's host
}

// container is one of several that metadata describe where there is no compose file.
type container struct {
	name, context, dockerfile, image string
	environment                      map[string]string
}

// Files that are metadata of something else.
var (
	otherwise = regexp.MustCompile(
		`(?i)^(package|package-lock|composer|cargo|pyproject|manifest|foundry|tsconfig.*|jsconfig.*|deno|angular|bower|lerna|nest-cli|nuget.*|pipfile|poetry|netlify|vercel|now|app|openapi|swagger|mkdocs|_config|codecov|renovate|dependabot|.*lock|.*-ci|.*compose.*)$`,
	)
	ownStem = regexp.MustCompile(
		`(?i)^(challenge|chall?|challs?|task|problem|meta|metadata|info|ctf|ctfcli|config|conf|desc|description|details|data|spec|quest|instance)([-._].*)?$`,
	)
)

const maxMetadata = 12 // files of a folder that are looked at

// isMetadata says by its name whether a file may hold a challenge's metadata.
func isMetadata(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	stem := strings.TrimSuffix(name, filepath.Ext(name))
	return slices.Contains([]string{".yml", ".yaml", ".toml", ".json"}, ext) && !otherwise.MatchString(stem) &&
		name != definitionFile
}

// findMetadata is what is known of a folder by its own files; without a format there is nothing.
func findMetadata(f *folder) metadata {
	var names []string
	for _, name := range f.files {
		if isMetadata(name) {
			names = append(names, name)
		}
	}
	rank := func(name string) int {
		stem := strings.ToLower(strings.TrimSuffix(name, filepath.Ext(name)))
		switch {
		case stem == "challenge":
			return 0
		case ownStem.MatchString(stem):
			return 1
		case stem == strings.ToLower(f.name):
			return 2
		}
		return 3
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	var found metadata
	for _, name := range names[:min(len(names), maxMetadata)] {
		own := rank(name) < 3
		text, err := read(filepath.Join(f.path, name), maxRead)
		var t table
		if err == nil {
			t, err = parse(name, text)
		}
		if err != nil {
			if rank(name) == 0 {
				found.notes = append(found.notes, name+" is left out: "+short(err.Error(), 200))
				found.format, found.file = cmp.Or(found.format, "unreadable"), cmp.Or(found.file, name)
			}
			continue
		}
		m := understand(t, f, own)
		if m.format == "" {
			continue
		}
		m.file = name
		if found.format == "" || found.format == "unreadable" {
			m.notes = append(found.notes, m.notes...)
			found = m
		} else {
			found.complete(m)
		}
	}
	if m := ofTexts(f); m.format != "" {
		if found.format == "" {
			return m
		}
		found.complete(m)
	}
	return found
}

// Files that hold one thing of a challenge each.
var (
	titleFiles = []string{"title.txt", "name.txt", "title.md"}
	aboutFiles = []string{"description.md", "description.txt", "statement.md", "desc.md"}
	flagFiles  = []string{"flag.txt", "flags.txt", "flag", "flag.md", "real_flag.txt"}
)

// ofTexts is what such files say. A flag alone is none of metadata: it may be what the challenge reads.
func ofTexts(f *folder) (m metadata) {
	first := func(names []string) string {
		for _, name := range f.files {
			if slices.Contains(names, strings.ToLower(name)) {
				if text, err := read(filepath.Join(f.path, name), 64<<10); err == nil && utf8.Valid(text) {
					m.file = cmp.Or(m.file, name)
					return strings.TrimSpace(string(text))
				}
			}
		}
		return ""
	}
	m.name, m.description = short(first(titleFiles), 200), first(aboutFiles)
	if m.name == "" && m.description == "" {
		return metadata{}
	}
	for line := range strings.Lines(first(flagFiles)) {
		if flagForm.MatchString(strings.TrimSpace(line)) {
			m.addFlag(line, f)
		}
	}
	m.format = "texts"
	return m
}

var flagForm = regexp.MustCompile(`^[A-Za-z0-9_.+-]{1,40}\{[^\r\n]{1,150}\}$`)

// complete fills in what another file of the same folder knows.
func (m *metadata) complete(other metadata) {
	m.name, m.category = cmp.Or(m.name, other.name), cmp.Or(m.category, other.category)
	m.description, m.connection = cmp.Or(m.description, other.description), cmp.Or(m.connection, other.connection)
	m.protocol, m.memory = cmp.Or(m.protocol, other.protocol), cmp.Or(m.memory, other.memory)
	m.timeout, m.image = cmp.Or(m.timeout, other.timeout), cmp.Or(m.image, other.image)
	m.health = cmp.Or(m.health, other.health)
	if len(m.flags) == 0 {
		m.flags = other.flags
	}
	if len(m.ports) == 0 {
		m.ports = other.ports
	}
	if len(m.containers) == 0 {
		m.containers = other.containers
	}
}

// short is the begin of a text, in one line.
func short(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
