package importer

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// offer is a port that a service may be reached at, and what tells of it.
type offer struct {
	port     int
	protocol string // http, tcp or empty: not known
	by       string // for the report
}

// databases are images whose port is nobody's but the challenge's.
var databases = words(
	`mysql mariadb postgres postgresql mongo mongodb redis valkey memcached cassandra couchdb elasticsearch rabbitmq clickhouse
	clickhouse-server influxdb neo4j mssql server-mssql percona keydb etcd zookeeper kafka minio adminer phpmyadmin mongo-express pgadmin4 mysql-server`,
)

// databasePorts are theirs, and those of debuggers.
var databasePorts = []int{
	3306, 33060, 5432, 27017, 6379, 11211, 9042, 5984, 9200, 9300, 5672, 1433, 1521, 8086, 7687, 9229, 5005,
}

// imagePorts are what well-known images listen on by themselves.
var imagePorts = []struct {
	form *regexp.Regexp // of name:tag
	offer
}{
	{regexp.MustCompile(`^jail(:|$)|redpwn`), offer{5000, "tcp", "redpwn/jail"}},
	{regexp.MustCompile(`^(kctf|challenge)(:|$)`), offer{1337, "tcp", "kCTF"}},
	{
		regexp.MustCompile(`^nsjail:(ubuntu|debian)-|^chall?(enge)?-jail(:|$)`),
		offer{1337, "tcp", "DownUnderCTF's and cybersecnatlab's"},
	},
	{
		regexp.MustCompile(
			`^nginx-unprivileged|^php-nginx|^(tomcat|jetty|jenkins|wildfly|adminer|apache-php-unprivileged)(:|$)`,
		),
		offer{8080, "http", ""},
	},
	{
		regexp.MustCompile(
			`^(nginx|httpd|caddy|traefik|openresty|wordpress|joomla|drupal|nextcloud|apache2?|lighttpd|gitlab-ce)(:|$)`,
		),
		offer{80, "http", ""},
	},
	{
		regexp.MustCompile(
			`^php:.*apache|^php-?apache|^(lamp|docker-lamp|nginx-php-fpm|uwsgi-nginx.*|meinheld-gunicorn.*|uvicorn-gunicorn.*|base_web_.*)(:|$)`,
		),
		offer{80, "http", ""},
	},
	{regexp.MustCompile(`^(grafana|gitea)(:|$)`), offer{3000, "http", ""}},
	{regexp.MustCompile(`^ghost(:|$)`), offer{2368, "http", ""}},
	{regexp.MustCompile(`^ctfd(:|$)`), offer{8000, "http", ""}},
	{regexp.MustCompile(`notebook(:|$)|^jupyter`), offer{8888, "http", ""}},
}

func ofImage(bases []string) (offer, bool) {
	for _, base := range bases {
		name, tag := baseName(base)
		whole := strings.TrimSuffix(name+":"+tag, ":")
		for n, known := range imagePorts {
			if !known.form.MatchString(whole) || n == 1 && !strings.Contains(base, "kctf") {
				continue
			}
			o := known.offer
			o.by = "image " + name
			return o, true
		}
	}
	return offer{}, false
}

// start is how a start script, configuration or program says which port it listens on.
var starts = []struct {
	form     *regexp.Regexp
	protocol string
}{
	{regexp.MustCompile(`(?i)TCP[46]?-(?:LISTEN|L):(\d{2,5})`), "tcp"},
	{regexp.MustCompile(`(?i)OPENSSL-LISTEN:(\d{2,5})`), "tcp"},
	{regexp.MustCompile(`ynetd\b[^\n]*?\s-p\s*(\d{2,5})`), "tcp"},
	{regexp.MustCompile(`nsjail\b[^\n]*?(?:-p|--port)[ =]?(\d{2,5})`), "tcp"},
	{regexp.MustCompile(`JAIL_PORT[ =](\d{2,5})`), "tcp"},
	{regexp.MustCompile(`(?:ncat|\bnc|netcat)\b[^\n]*?\s-\w*l\w*p?\s+(?:[0-9.]+\s+)?(\d{2,5})`), "tcp"},
	{regexp.MustCompile(`tcpserver\b[^\n]*?\s(?:0|0\.0\.0\.0|\*)\s+(\d{2,5})`), "tcp"},
	{
		regexp.MustCompile(
			`(?:gunicorn|hypercorn|granian)\b[^\n]*?(?:-b|--bind|--port)[ =]*["',]*\s*["']?[^\s"',]*?:?(\d{2,5})\b`,
		),
		"http",
	},
	{
		regexp.MustCompile(
			`(?:uvicorn|flask|waitress-serve|daphne|streamlit|fastapi)\b[^\n]*?(?:--port|-p|--server\.port)[ =]*["',]*\s*["']?(\d{2,5})\b`,
		),
		"http",
	},
	{regexp.MustCompile(`php\b[^\n]*?\s-S["',\s]+[^\s"',:]+:(\d{2,5})`), "http"},
	{regexp.MustCompile(`runserver\b[^\n]*?[:\s"'](\d{2,5})\b`), "http"},
	{regexp.MustCompile(`http\.server["',\s]+(\d{2,5})`), "http"},
	{regexp.MustCompile(`rails\b[^\n]*?\s-p\s*(\d{2,5})`), "http"},
	{regexp.MustCompile(`\.run\([^)\n]{0,200}\bport\s*=\s*(?:int\([^)]*?)?["']?(\d{2,5})`), "http"},
	{regexp.MustCompile(`\.listen\(\s*(?:process\.env\.\w+\s*(?:\|\||\?\?)\s*)?["']?(\d{2,5})`), "http"},
	{regexp.MustCompile(`(?i)\bPORT\s*(?:=|\|\||\?\?)\s*(?:process\.env\.\w+\s*(?:\|\||\?\?)\s*)?["']?(\d{4,5})\b`), ""},
	{regexp.MustCompile(`ListenAndServe(?:TLS)?\(\s*["'` + "`" + `][^"'` + "`" + `]*:(\d{2,5})`), "http"},
	{regexp.MustCompile(`(?m)^\s*listen\s+(?:[0-9.]+:|\[::\]:)?(\d{2,5})[ ;]`), "http"},
	{regexp.MustCompile(`(?m)^\s*Listen\s+(?:[0-9.]+:)?(\d{2,5})\s*$`), "http"},
	{regexp.MustCompile(`\.bind\(\s*\(\s*["'][^"']*["']\s*,\s*(\d{2,5})`), "tcp"},
	{regexp.MustCompile(`(?:TCPServer|HTTPServer)\(\s*\(\s*["'][^"']*["']\s*,\s*(\d{2,5})`), ""},
	{regexp.MustCompile(`["'](?:0\.0\.0\.0|::)["']\s*,\s*(\d{2,5})\b`), ""},
	{regexp.MustCompile(`(?:0\.0\.0\.0|\[::\]):(\d{2,5})\b`), ""},
	{regexp.MustCompile(`server\.port\s*[=:]\s*(\d{2,5})`), "http"},
}

// Those that count only in a file of their kind.
var (
	xinetdPort = regexp.MustCompile(`(?m)^\s*port\s*=\s*(\d{2,5})`)
	jailPort   = regexp.MustCompile(`(?m)^\s*port\s*:\s*(\d{2,5})`)
)

// listening is what a text says of where its program listens.
func listening(name, text string) (offer, bool) {
	first := func(form *regexp.Regexp, protocol string) (offer, bool) {
		if m := form.FindStringSubmatch(text); m != nil && portOf(m[1]) > 0 {
			return offer{portOf(m[1]), protocol, name}, true
		}
		return offer{}, false
	}
	if strings.Contains(text, "socket_type") || strings.Contains(strings.ToLower(name), "xinetd") {
		if o, ok := first(xinetdPort, "tcp"); ok {
			return o, true
		}
	}
	if strings.HasSuffix(name, ".cfg") && strings.Contains(text, "mode:") {
		if o, ok := first(jailPort, "tcp"); ok {
			return o, true
		}
	}
	for _, s := range starts {
		if o, ok := first(s.form, s.protocol); ok && !slices.Contains(databasePorts, o.port) {
			return o, true
		}
	}
	return offer{}, false
}

// Bounds of what is looked at for a port.
const (
	maxScripts    = 60
	maxScriptSize = 64 << 10
)

var scriptForm = regexp.MustCompile(
	`(?i)(\.(sh|py|js|mjs|cjs|ts|rb|go|php|pl|cfg|conf|ini|service|xinetd|properties|java|rs|c|cpp)|xinetd.*|^run|^start.*|^entrypoint.*|^wrapper.*|^Procfile|^Caddyfile|^\.?env)$`,
)

// scripts are the small files of a context that may start something, what starts others first.
func scripts(context string) []string {
	var all []string
	seen := 0
	err := filepath.WalkDir(context, func(path string, e fs.DirEntry, err error) error {
		if seen++; err != nil || seen > 2000 {
			return filepath.SkipAll
		}
		name, _ := filepath.Rel(context, path)
		if e.IsDir() && path != context &&
			(strings.HasPrefix(e.Name(), ".") || slices.Contains(skipped, e.Name()) || worse[hyphened(e.Name())] ||
				strings.Count(name, "/") > 2) {
			return filepath.SkipDir
		}
		if e.Type().IsRegular() && scriptForm.MatchString(e.Name()) {
			all = append(all, path)
		}
		return nil
	})
	if err != nil {
		return nil
	}
	order := func(path string) int {
		name, _ := filepath.Rel(context, path)
		rank := strings.Count(name, "/") * 10
		switch base := strings.ToLower(filepath.Base(path)); {
		case strings.Contains(base, "xinetd"), strings.HasSuffix(base, ".sh"), strings.HasPrefix(base, "run"),
			strings.HasPrefix(base, "start"), strings.HasSuffix(base, ".cfg"):
		case strings.HasPrefix(base, "app."), strings.HasPrefix(base, "main."), strings.HasPrefix(base, "server."),
			strings.HasPrefix(base, "index."):
			rank++
		case strings.HasPrefix(base, "solve"), strings.HasPrefix(base, "exploit"), strings.HasPrefix(base, "test"):
			rank += 100
		default:
			rank += 2
		}
		return rank
	}
	slices.SortStableFunc(all, func(a, b string) int { return order(a) - order(b) })
	return all[:min(len(all), maxScripts)]
}

// hinted is what a context's files and commands say of where something listens.
func hinted(context string, r recipe, commands string) (offer, bool) {
	if o, ok := listening("the command", commands); ok {
		return o, true
	}
	if o, ok := listening("the Dockerfile", r.text); ok {
		return o, true
	}
	if context == "" {
		return offer{}, false
	}
	if info, err := os.Lstat(context); err != nil || !info.IsDir() {
		return offer{}, false
	}
	for _, path := range scripts(context) {
		text, err := read(path, maxScriptSize)
		if err != nil {
			continue
		}
		if o, ok := listening(filepath.Base(path), string(text)); ok {
			return o, true
		}
	}
	for _, by := range []struct {
		form *regexp.Regexp
		offer
	}{
		{regexp.MustCompile(`\bflask\b|\bFlask\(`), offer{5000, "http", "flask"}},
		{regexp.MustCompile(`\buvicorn\b|\bgunicorn\b|\brunserver\b`), offer{8000, "http", "its web server"}},
		{regexp.MustCompile(`\bapache2?(ctl)?\b|\bhttpd\b|\bnginx\b`), offer{80, "http", "its web server"}},
		{regexp.MustCompile(`\bsshd\b`), offer{22, "tcp", "sshd"}},
		{regexp.MustCompile(`\b(npm|node|yarn|bun)\b`), offer{3000, "http", "node"}},
		{regexp.MustCompile(`catalina|\bjava\b.*\.(jar|war)`), offer{8080, "http", "java"}},
	} {
		if by.form.MatchString(commands) || by.form.MatchString(r.command) {
			return by.offer, true
		}
	}
	return offer{}, false
}

func portText(port int) string { return strconv.Itoa(port) }
