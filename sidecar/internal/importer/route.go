package importer

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/whaley-ctf/whaley/shared/host"
)

// route is a way in, as instance.toml has it.
type route struct {
	Name        string `toml:"name,omitempty"`
	Service     string `toml:"service"`
	Port        int    `toml:"port"`
	Type        string `toml:"type"`
	Protocol    string `toml:"protocol,omitempty"`
	Passthrough bool   `toml:"passthrough,omitempty"`
	Connection  string `toml:"connection,omitempty"`
}

const maxRoutes = 20

var (
	mainForm = regexp.MustCompile(
		`(?i)^(web|www|app|challenge|chall?|server|service|main|frontend|front|nginx|proxy|gateway|site)`,
	)
	helperForm = regexp.MustCompile(
		`(?i)(bot|admin|db|database|mysql|mongo|redis|postgres|cache|worker|solver|internal|selenium|chrome|backend|setup|init|cron)`,
	)
)

// stock says whether a service is a database, or what looks into one.
func (s *service) stock() bool {
	for _, base := range s.bases {
		if name, _ := baseName(base); databases[name] {
			return true
		}
	}
	return false
}

// decide gives a plan its routes, once its id is known.
func (p *plan) decide() {
	open := slices.DeleteFunc(slices.Clone(p.services), func(s *service) bool { return s.closed })
	slices.SortStableFunc(open, func(a, b *service) int { return cmp.Compare(p.order(a), p.order(b)) })
	var shut []string
	usable := func(s *service, o offer) bool {
		barred := s.stock() || slices.Contains(databasePorts, o.port) && len(p.services) > 1
		if barred && o.port > 0 {
			shut = append(shut, fmt.Sprintf("%s:%d", s.name, o.port))
		}
		return !barred
	}
	type way struct {
		*service
		offer
	}
	var ways []way
	for _, s := range open {
		for _, o := range s.ports {
			if usable(s, o) && !slices.ContainsFunc(ways, func(w way) bool { return w.service == s && w.port == o.port }) {
				ways = append(ways, way{s, o})
			}
		}
	}
	for n := 0; len(ways) == 0 && n < 2; n++ {
		for _, s := range open {
			if s.stock() {
				continue
			}
			for _, o := range p.others(s, n > 0) {
				if usable(s, o) && !slices.ContainsFunc(ways, func(w way) bool { return w.service == s && w.port == o.port }) {
					ways = append(ways, way{s, o})
				}
			}
			if len(ways) > 0 && len(p.meta.containers) == 0 {
				break
			}
		}
	}
	if len(shut) > 0 {
		p.note("no route leads to %s: it is a database's or a debugger's", strings.Join(slices.Compact(shut), ", "))
	}
	var datagrams []way
	for _, s := range open {
		for _, port := range s.datagrams {
			if usable(s, offer{port: port}) && !slices.ContainsFunc(datagrams, func(w way) bool { return w.port == port }) {
				datagrams = append(datagrams, way{s, offer{port: port, by: "ports"}})
			}
		}
	}
	if len(ways)+len(datagrams) == 0 && len(p.services) > 0 {
		s := append(slices.Clone(open), p.services...)[0]
		o := offer{port: 1337, by: "nothing"}
		if isWeb(p.category) {
			o.port = 80
		}
		p.note("nothing says which port %s listens on; %d is a guess: correct it in %s", s.name, o.port, definitionFile)
		ways = append(ways, way{s, o})
	}
	if len(ways) > maxRoutes {
		p.note("there are %d ports; the first %d have a route", len(ways), maxRoutes)
		ways = ways[:maxRoutes]
	}
	published, names := map[int]bool{}, map[string]bool{}
	for n, w := range ways {
		r := route{Service: w.name, Port: w.port}
		r.Type, r.Passthrough = p.typeOf(w.service, w.offer, n == 0)
		if r.Type == "port" && published[w.port] {
			r.Type = "tcp"
			p.note("%s is reached by TLS: another service has the route of type port to %d", w.name, w.port)
		}
		published[w.port] = published[w.port] || r.Type == "port"
		if n > 0 {
			r.Name = p.routeName(w.name, w.port, names)
		}
		p.routes = append(p.routes, r)
	}
	for _, w := range datagrams {
		if len(p.routes) == maxRoutes {
			p.note("UDP port %d of %s has no route: there are %d already", w.port, w.name, maxRoutes)
			break
		}
		r := route{Service: w.name, Port: w.port, Type: "port", Protocol: "udp"}
		if len(p.routes) > 0 {
			r.Name = p.routeName(w.name, w.port, names)
		}
		p.routes = append(p.routes, r)
	}
	if len(p.routes) > 0 && p.routes[0].Protocol == "" {
		p.routes[0].Connection = p.connection(p.routes[0].Type)
	}
}

// order puts first what players most likely open.
func (p *plan) order(s *service) int {
	switch {
	case slices.ContainsFunc(p.meta.ports, func(m said) bool { return m.container != "" && m.container == s.name }):
		return 0
	case helperForm.MatchString(s.name) || s.stock():
		return 4
	case identifier(s.name) == p.id || mainForm.MatchString(s.name):
		return 1
	case len(s.recipe.lines) > 0:
		return 2
	}
	return 3
}

// others are the ports of a service whose compose file publishes none: by metadata, expose, EXPOSE, the image, or what
// its files say. guess: what is not sure counts too.
func (p *plan) others(s *service, guess bool) []offer {
	var all []offer
	if !guess {
		for _, m := range p.meta.ports {
			if !m.hint && m.protocol != "udp" && (m.container == s.name || m.container == "" && len(p.services) == 1) {
				all = append(all, offer{m.port, m.protocol, p.meta.format})
			}
		}
		if len(all) > 0 {
			return all
		}
		if len(s.expose) > 0 {
			return s.expose
		}
		for _, e := range s.recipe.exposed {
			all = append(all, offer{port: e.port, by: "EXPOSE"})
		}
		if len(all) == 0 {
			if o, ok := ofImage(s.bases); ok {
				if jail := portOf(s.recipe.env["JAIL_PORT"]); jail > 0 && o.port == 5000 {
					o.port = jail
				}
				all = append(all, o)
			}
		}
		return all
	}
	if o, ok := hinted(s.context, s.recipe, s.command); ok {
		return []offer{o}
	}
	for _, m := range p.meta.ports {
		if m.protocol != "udp" {
			return []offer{{m.port, m.protocol, p.meta.format}}
		}
	}
	return nil
}

// routeName begins the address of a route that is not the first.
func (p *plan) routeName(service string, port int, taken map[string]bool) string {
	name := identifier(service)
	room := 20
	for room > 1 && !host.Fits(strings.Repeat("r", room), p.id) {
		room--
	}
	fit := func(text, behind string) string {
		text = strings.Trim(text[:min(len(text), max(room-len(behind), 0))], "-")
		return strings.Trim(text+behind, "-")
	}
	for _, try := range []string{fit(name, ""), fit(name, "-"+portText(port)), fit("", portText(port))} {
		if host.ValidRoute(try) && len(try) <= room && !taken[try] {
			taken[try] = true
			return try
		}
	}
	for n := 2; ; n++ {
		if try := fit("r", portText(n)); !taken[try] && n < 100 || n >= 100 {
			taken[try] = true
			return try
		}
	}
}

func isWeb(category string) bool {
	return strings.HasPrefix(hyphened(category), "web") && !strings.HasPrefix(hyphened(category), "web3")
}

// raw are the categories whose challenges speak a protocol of their own.
func isRaw(category string) bool {
	category = hyphened(numbering.ReplaceAllString(category, ""))
	for _, begin := range []string{
		"pwn", "bin", "crypto", "rev", "re", "jail", "pyjail", "ppc", "kernel", "misc", "programming", "game",
	} {
		if category == begin || len(begin) > 2 && strings.HasPrefix(category, begin) {
			return true
		}
	}
	return false
}

var (
	webPorts = []int{80, 443, 3000, 5000, 8000, 8080, 8081, 8443, 8888, 5173, 4200, 9090, 3001, 8001, 5001, 9000}
	notWeb   = []int{21, 22, 23, 25, 53, 110, 143, 389, 445, 636, 3389, 5900}
	webSaid  = regexp.MustCompile(
		`(?i)\b(flask|gunicorn|uvicorn|fastapi|django|express|nginx|apache2?|httpd|php-fpm|streamlit|rails|spring-boot|tomcat|werkzeug|waitress)\b`,
	)
	rawSaid = regexp.MustCompile(`(?i)\b(socat|xinetd|ynetd|nsjail|ncat|tcpserver|kctf)\b|pwn\.red/jail|redpwn`)
)

// typeOf guesses a route's type: what metadata say, then the category, the image, and at last the number.
func (p *plan) typeOf(s *service, o offer, first bool) (kind string, passthrough bool) {
	protocol := o.protocol
	for _, m := range p.meta.ports {
		if m.port == o.port && m.protocol != "" && m.protocol != "udp" {
			protocol = m.protocol
			return typed(protocol, o.port)
		}
	}
	text := s.recipe.text + s.command
	launcher := p.meta.protocol == "" && isRaw(p.category) && rawSaid.MatchString(text) && !webSaid.MatchString(text) // at the address, not it
	if said := p.saidProtocol(); said != "" && first && (said != "http" || !launcher) {
		return typed(said, o.port)
	}
	image, known := ofImage(s.bases)
	number := "tcp"
	if slices.Contains(webPorts, o.port) {
		number = "http"
	}
	switch {
	case slices.Contains(notWeb, o.port):
		protocol = "tcp"
	case isWeb(p.category):
		protocol = "http"
	case isRaw(p.category) && hyphened(p.category) != "misc":
		protocol = "tcp"
		if known && image.protocol == "http" && image.port == o.port ||
			!rawSaid.MatchString(text) && (webSaid.MatchString(text) || s.serves()) {
			protocol = "http"
		}
	case known && image.protocol != "":
		protocol = image.protocol
	case rawSaid.MatchString(text):
		protocol = "tcp"
	case webSaid.MatchString(text):
		protocol = "http"
	case hyphened(p.category) == "misc" && p.meta.category != "" && o.port != 80 && o.port != 443:
		protocol = cmp.Or(protocol, "tcp")
	default:
		protocol = cmp.Or(protocol, number)
	}
	return typed(protocol, o.port)
}

// webProgram is how a program of a well-known kind serves the web.
var webProgram = regexp.MustCompile(
	`\bFlask\(|\bFastAPI\(|\bexpress\(\)|http\.createServer\(|\bhttp\.ListenAndServe|\bgin\.(Default|New)\(|\bSanic\(|\baiohttp\.web\b|\bHTTPServer\(`,
)

// serves says whether a service's programs serve the web, and none of its scripts makes a server of something else.
func (s *service) serves() bool {
	web := false
	for _, path := range scripts(s.context) {
		text, err := read(path, maxScriptSize)
		if err != nil {
			continue
		}
		if rawSaid.Match(text) {
			return false
		}
		web = web || webProgram.Match(text)
	}
	return web
}

func typed(protocol string, port int) (string, bool) {
	switch {
	case protocol == "http" && (port == 443 || port == 8443): // it speaks TLS itself
		return "tcp", true
	case protocol == "http":
		return "http", false
	}
	return "port", false
}

var (
	overNetcat = regexp.MustCompile(`(?i)\b(nc|ncat|netcat|telnet)\s+(-\S+\s+)*\S+`)
	overSSH    = regexp.MustCompile(`(?i)\bssh\s+(?:-\S+\s+(?:\d+\s+)?)*([a-z_][a-z0-9_-]*)@`)
)

// saidProtocol is that of the challenge as a whole, as far as metadata say one.
func (p *plan) saidProtocol() string {
	switch connection := strings.ToLower(p.meta.connection); {
	case p.meta.protocol != "" && p.meta.protocol != "udp":
		return p.meta.protocol
	case overNetcat.MatchString(connection), overSSH.MatchString(connection):
		return "tcp"
	case strings.Contains(connection, "http://"), strings.Contains(connection, "https://"):
		return "http"
	}
	return ""
}

// connection is what players type, where metadata say it and the route's type does not.
func (p *plan) connection(kind string) string {
	if m := overSSH.FindStringSubmatch(p.meta.connection); m != nil && kind == "port" {
		return "ssh -p {port} " + m[1] + "@{host}"
	}
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(p.meta.connection)), "telnet ") && kind == "port" {
		return "telnet {host} {port}"
	}
	return ""
}
