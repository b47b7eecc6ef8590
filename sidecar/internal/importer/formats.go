package importer

import (
	"cmp"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/docker/go-units"
)

// understand reads a table by the format that it has. own says that the file's name is one of metadata, so that less
// is asked of what is in it.
func understand(t table, f *folder, own bool) metadata {
	var m metadata
	api, spec := t.text("apiVersion"), t.table("spec")
	switch {
	case strings.HasPrefix(api, "kctf.dev/"), t.text("kind") == "Challenge" && spec.has("network"):
		m.kctf(t, spec)
	case strings.HasPrefix(api, "klodd"), t.text("kind") == "Challenge" && spec.has("pods"):
		m.klodd(t, spec)
	case strings.HasPrefix(api, "berg."),
		t.text("kind") == "Challenge" && spec.has("containers") && spec.has("flag", "flagFormat"):
		m.usual(spec, f)
		m.berg(t, spec)
	case api != "" || t.has("kind") && t.has("metadata"):
		return m // of Kubernetes
	case t.has("containers") && (t.has("expose") || t.has("flag", "author")),
		t.has("provide") && t.has("flag", "flags") && !t.has("container"):
		m.usual(t, f)
		m.rcds(t)
	case t.has("container") &&
		t.table("container").has("containerImage", "containerExposePort", "exposePort", "flagTemplate"):
		m.usual(t, f)
		m.gzctf(t.table("container"))
	case own && t.has("flag", "flags") && t.has("categories", "category", "points", "author") && !t.has("name", "title"):
		m.usual(t, f)
		m.format = "own"
	case t.has("name", "title") &&
		(t.has("flag", "flags", "category") || own && t.has("description", "desc", "type", "author", "statement")):
		m.usual(t, f)
		m.format = "own"
		if t.has("value", "extra", "attempts", "connection_info", "state") && t.has("category", "flags") {
			m.format = "ctfcli"
		}
	case t.has("challenge"): // the same, one table deeper
		if inner := t.table("challenge"); inner.has("name", "title") {
			return understand(inner, f, own)
		}
	}
	return m
}

// usual are the keys that ctfcli has, and under much the same names every event's own format.
func (m *metadata) usual(t table, f *folder) {
	m.name = t.text("name", "title", "challenge_name", "display_name")
	m.category = t.text("category", "categories", "topic", "track")
	if kind := t.text("type", "tags"); m.category == "" && isCategory(kind) {
		m.category = kind
	}
	m.description = t.text("description", "desc", "statement", "body", "prompt", "text")
	for _, key := range []string{"flag", "flags"} {
		for _, value := range t.list(key) {
			m.addFlag(value, f)
		}
	}
	m.health = t.text("healthcheck")
	m.connection = t.text("connection_info", "connection", "connect", "conn", "nc")
	m.protocol = protocol(cmp.Or(t.text("protocol"), t.table("host").text("protocol")))
	m.image = t.text("image", "dockerfile", "build", "build_dir", "docker_dir", "src")
	docker := t.table("docker", "container", "deploy", "deployment", "service", "server", "instance", "remote")
	for _, in := range []table{t, docker, t.table("extra")} {
		for _, key := range []string{"container_port", "internal_port", "target_port", "containerPort"} {
			m.addPort(in.text(key), "", cmp.Or(protocol(in.text("protocol", "type")), m.protocol), false)
		}
		for _, key := range []string{"port", "ports", "expose", "exposed_port", "exposed_ports"} {
			for _, value := range in.list(key) {
				if entry, ok := value.(table); ok {
					value = entry.text("target", "container", "container_port", "internal", "port")
				}
				text, _ := value.(string)
				if at := strings.LastIndexByte(text, ':'); at >= 0 { // as compose has it
					text = text[at+1:]
				}
				m.addPort(text, "", protocol(in.text("protocol")), true)
			}
		}
		m.memory = cmp.Or(m.memory, memory(in.text("memory", "mem_limit", "memory_limit", "mem"), "b"))
		m.timeout = cmp.Or(m.timeout, seconds(in.text("timeout", "ttl", "lifetime", "duration"), 1))
	}
	// What challtools and its like have.
	boxes := t.table("deployment").table("containers")
	for _, name := range slices.Sorted(maps.Keys(boxes)) {
		box := boxes.table(name)
		for _, service := range box.list("services") {
			if s, ok := service.(table); ok {
				m.addPort(s.text("internal_port"), name, protocol(s.text("type")), false)
			}
		}
		m.image = cmp.Or(m.image, box.text("image"))
	}
}

// rcds has containers and what each lets out.
func (m *metadata) rcds(t table) {
	m.format = "rcds"
	containers := t.table("containers")
	for _, name := range slices.Sorted(maps.Keys(containers)) {
		c := containers.table(name)
		box := container{name: name, image: c.text("image"), environment: map[string]string{}}
		if build := c.text("build"); build != "" {
			box.context = build
		} else if build := c.table("build"); len(build) > 0 {
			box.context, box.dockerfile = cmp.Or(build.text("context"), "."), build.text("dockerfile")
		}
		environment := c.table("environment", "env")
		for key, value := range environment {
			if text, ok := value.(string); ok {
				box.environment[key] = text
			}
		}
		m.containers = append(m.containers, box)
		m.memory = cmp.Or(m.memory, memory(c.table("resources").table("limits").text("memory"), "b"))
		for _, port := range c.list("ports") {
			if !t.table("expose").has(name) {
				m.addPort(port, name, "", true)
			}
		}
	}
	expose := t.table("expose")
	for _, name := range slices.Sorted(maps.Keys(expose)) {
		for _, value := range expose.list(name) {
			if e, ok := value.(table); ok {
				kind := "tcp"
				if e.has("http", "https") {
					kind = "http"
				}
				m.addPort(e.text("target", "port"), name, kind, false)
			}
		}
	}
}

func (m *metadata) kctf(t, spec table) {
	m.format, m.name = "kctf", t.table("metadata").text("name")
	for _, value := range spec.table("network").list("ports") {
		if p, ok := value.(table); ok {
			kind := protocol(p.text("protocol"))
			if kind == "tcp" { // what it says of web servers too
				kind = ""
			}
			m.addPort(cmp.Or(p.text("targetPort"), p.text("port")), "", kind, false)
		}
	}
	if len(m.ports) == 0 {
		m.ports = append(m.ports, said{port: 1337, hint: true})
	}
	if spec.table("healthcheck").text("enabled") == "true" {
		m.health = "healthcheck"
	}
}

func (m *metadata) gzctf(c table) {
	m.format = "gzctf"
	m.addPort(c.text("containerExposePort", "exposePort", "expose_port", "port"), "", "", false)
	m.memory = cmp.Or(memory(c.text("memoryLimit", "memory"), "m"), m.memory)
	if image := c.text("containerImage", "image"); m.image == "" && !strings.Contains(image, "{{") {
		m.image = image
	}
	if template := c.text("flagTemplate"); template != "" && len(m.flags) == 0 && !strings.ContainsAny(template, "[]") {
		m.flags = append(m.flags, template)
	}
}

func (m *metadata) klodd(t, spec table) {
	m.format, m.name = "klodd", cmp.Or(spec.text("name"), t.table("metadata").text("name"))
	m.timeout = seconds(spec.text("timeout"), 1000)
	for _, value := range spec.list("pods") {
		pod, _ := value.(table)
		for _, value := range pod.table("spec").list("containers") {
			if c, ok := value.(table); ok {
				m.memory = cmp.Or(m.memory, memory(c.table("resources").table("limits").text("memory"), "b"))
			}
		}
	}
	for _, value := range spec.list("expose") {
		if e, ok := value.(table); ok {
			m.addPort(e.text("port"), e.text("pod"), protocol(e.text("kind")), false)
		}
	}
}

// berg has containers by host name, and says of each port who may reach it.
func (m *metadata) berg(t, spec table) {
	m.format, m.name = "berg", cmp.Or(m.name, t.table("metadata").text("displayName", "name"))
	for _, value := range spec.list("containers") {
		c, _ := value.(table)
		m.memory = cmp.Or(m.memory, memory(c.table("resourceLimits").text("memory"), "b"))
		for _, value := range c.list("ports") {
			if p, ok := value.(table); ok && !strings.EqualFold(p.text("type"), "internalPort") {
				kind := protocol(p.text("appProtocol"))
				if p.text("protocol") == "udp" {
					kind = "udp"
				}
				m.addPort(p.text("port"), c.text("hostname"), kind, false)
			}
		}
	}
}

func (m *metadata) addPort(value any, container, protocol string, hint bool) {
	text, _ := value.(string)
	if port := portOf(text); port > 0 {
		if strings.HasSuffix(strings.ToLower(text), "/udp") {
			protocol = "udp"
		}
		m.ports = append(m.ports, said{container, port, protocol, hint})
	}
}

// addFlag takes a flag as text, as ctfcli's table, or as a file that holds it.
func (m *metadata) addFlag(value any, f *folder) {
	text, _ := value.(string)
	if t, ok := value.(table); ok {
		text = t.text("content", "flag", "value", "text", "string")
		if kind := t.text("type"); kind == "regex" || kind == "regexp" {
			if text = literal(text); text == "" {
				m.notes = append(m.notes, "the metadata's flag is a pattern, and no text that a placeholder could be")
				return
			}
		}
		if name := t.text("file"); name != "" && filepath.IsLocal(name) {
			path, err := filepath.EvalSymlinks(filepath.Join(f.path, name))
			if in, inErr := filepath.Rel(f.path, path); err == nil && inErr == nil && filepath.IsLocal(in) {
				if content, err := read(path, 4096); err == nil {
					text = string(content)
				}
			}
		}
	}
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "^") && strings.HasSuffix(text, "$") {
		text = cmp.Or(literal(text), text)
	}
	if text != "" && len(text) <= 500 && len(m.flags) < 20 && !slices.Contains(m.flags, text) {
		m.flags = append(m.flags, text)
	}
}

// literal is the only text that a pattern matches, or nothing if there are others.
func literal(pattern string) string {
	pattern, _ = strings.CutPrefix(pattern, "(?i)")
	pattern = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(pattern), "^"), "$")
	var text strings.Builder
	for n := 0; n < len(pattern); n++ {
		switch c := pattern[n]; {
		case c == '\\' && n+1 < len(pattern) && strings.IndexByte(`\.+*?()|[]{}^$/-_!"#%&',:;<=>@~ `, pattern[n+1]) >= 0:
			n++
			text.WriteByte(pattern[n])
		case strings.IndexByte(`\.+*?()|[]^$`, c) >= 0:
			return ""
		default:
			text.WriteByte(c)
		}
	}
	return text.String()
}

// protocol is what metadata's words for one mean to a route.
func protocol(text string) string {
	switch strings.ToLower(text) {
	case "http", "https", "web", "website":
		return "http"
	case "tcp", "nc", "netcat", "socket", "ssh", "port", "raw":
		return "tcp"
	case "udp":
		return "udp"
	}
	return ""
}

var sizeForm = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([kmgKMG]?)i?[bB]?$`)

// memory is a size as instance.toml has it, or empty; unit is that of a bare number.
func memory(text, unit string) string {
	match := sizeForm.FindStringSubmatch(text)
	if match == nil {
		return ""
	}
	size := match[1] + strings.ToLower(cmp.Or(match[2], unit))
	if bytes, err := units.RAMInBytes(size); err != nil || bytes < 16<<20 || bytes > 1<<40 {
		return ""
	}
	return size
}

// seconds is a time as instance.toml has it, of a number of so many a second or of a text as 30m.
func seconds(text string, perSecond int) int {
	n := number(text) / perSecond
	if n == 0 && len(text) > 1 {
		unit := map[byte]int{'s': 1, 'm': 60, 'h': 3600}[text[len(text)-1]]
		n = number(text[:len(text)-1])
		if n > 7*24*3600 {
			return 0
		}
		n *= unit
	}
	if n < 10 || n > 7*24*3600 {
		return 0
	}
	return n
}
