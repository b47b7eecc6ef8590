package system

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// say asks the container to answer these bytes, and returns all that came back to the player, without the date.
func (w *way) say(t *testing.T, at seat, line, answer string) string {
	t.Helper()
	got, err := w.send(at, get(line+" HTTP/1.1", "X-Say: "+base64.StdEncoding.EncodeToString([]byte(answer))), false)
	if err != nil {
		t.Errorf("%s: %v", w.name, err)
	}
	return dates.ReplaceAllString(string(got.answer), "")
}

var dates = regexp.MustCompile(`Date: [^\r]*\r\n`)

// evil is what no container may say to a browser: each holds this word.
var evil = []string{
	"Set-Cookie: evil=1; Domain=" + base, "Set-Cookie: evil=1; Domain=." + base, "set-cookie: evil=1; domain=LOCALHOST",
	"Set-Cookie: evil=1;\r\n Domain=" + base, "Set-Cookie: evil=1; Path=/; DOMAIN\t=\t" + base + ".",
	"Set-Cookie: whaley=evil", "Set-Cookie: __Host-whaley=evil; Secure; Path=/",
	"Set-Cookie: WHALEY_nonce=evil; Max-Age=0", "Set-Cookie: =whaley=evil", "Clear-Site-Data: \"cookies\", \"evil\"",
	"clear-site-data: \"*\", \"evil\"",
}

// noCookies lets a container say what it must not, in each kind of an answer.
func noCookies(t *testing.T, ways []*way) {
	held := strings.Join(evil, "\r\n") + "\r\nSet-Cookie: own=1; Path=/; HttpOnly\r\nX-Own: 1\r\n"
	chunks := "2\r\nok\r\n0\r\n"
	answers := []struct{ name, line, text string }{
		{"an answer", "GET /", "HTTP/1.1 200 OK\r\n" + held + "Content-Length: 2\r\n\r\nok"},
		{"an answer that ends with its connection", "GET /", "HTTP/1.1 200 OK\r\n" + held + "\r\nok"},
		{
			"an answer in chunks", "GET /",
			"HTTP/1.1 200 OK\r\n" + held + "Transfer-Encoding: chunked\r\n\r\n" + chunks + "\r\n",
		},
		{"an answer to an odd path", "GET /%2e%2e/|?;", "HTTP/1.1 200 OK\r\n" + held + "Content-Length: 2\r\n\r\nok"},
		{"an answer to HEAD", "HEAD /", "HTTP/1.1 200 OK\r\n" + held + "Content-Length: 2\r\n\r\n"},
		{"a redirect", "GET /", "HTTP/1.1 302 Found\r\nLocation: /x\r\n" + held + "Content-Length: 0\r\n\r\n"},
		{"nothing new", "GET /", "HTTP/1.1 304 Not Modified\r\n" + held + "\r\n"},
		{"an error", "GET /", "HTTP/1.1 500 Oh\r\n" + held + "Content-Length: 0\r\n\r\n"},
		{
			"an early hint", "GET /",
			"HTTP/1.1 103 Early Hints\r\n" + held + "\r\nHTTP/1.1 200 OK\r\n" + held + "Content-Length: 2\r\n\r\nok",
		},
		{
			"trailers that were announced", "GET /",
			"HTTP/1.1 200 OK\r\n" + held + "Trailer: Set-Cookie, Clear-Site-Data\r\nTransfer-Encoding: chunked\r\n\r\n" +
				chunks + held + "\r\n",
		},
		{
			"trailers that were not", "GET /",
			"HTTP/1.1 200 OK\r\n" + held + "Transfer-Encoding: chunked\r\n\r\n" + chunks + held + "\r\n",
		},
	}
	cells := make([][]string, len(answers))
	for i := range cells {
		cells[i] = make([]string, len(ways))
	}
	for n, w := range ways {
		w.each(len(answers), func(i int, at seat) {
			got := w.say(t, at, answers[i].line, answers[i].text)
			cells[i][n] = "held"
			if strings.Contains(got, "evil") {
				cells[i][n] = "PASSED"
				t.Errorf("%s, %s: %q", answers[i].name, w.name, got)
			}
			if !strings.Contains(got, "\r\nSet-Cookie: own=1; Path=/; HttpOnly\r\n") ||
				!strings.Contains(got, "\r\nX-Own: 1\r\n") {
				t.Errorf("%s, %s: what the container may say is missing: %q", answers[i].name, w.name, got)
			}
		})
	}
	for i, row := range cells {
		t.Logf("%-45s %s", answers[i].name, strings.Join(row, " | "))
	}
	t.Logf("%d kinds of answers with %d forbidden lines each, on %d ways", len(answers), len(evil), len(ways))
}

// asAnswered compares the bytes that players get.
func asAnswered(t *testing.T, ways []*way) {
	answers := []struct{ name, text string }{
		{"no type", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"},
		{"an empty type", "HTTP/1.1 200 OK\r\nContent-Type:\r\nContent-Length: 6\r\n\r\n<html>"},
		{"no length", "HTTP/1.1 200 OK\r\n\r\nto the end"},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
		{
			"trailers",
			"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
		},
		{"trailers not announced", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"},
		{"a name many times", "HTTP/1.1 200 OK\r\nX-A: 2\r\nX-A: 1\r\nx-b: c\r\nContent-Length: 0\r\n\r\n"},
		{"bytes above ASCII", "HTTP/1.1 200 OK\r\nX-A: \xff\xc3\xa9\r\nContent-Length: 2\r\n\r\n\xff\x00"},
		{"another reason", "HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n"},
		{"a status of its own", "HTTP/1.1 799 Strange\r\nContent-Length: 0\r\n\r\n"},
		{"no content", "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n"},
		{"not modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n"},
		{
			"an early hint",
			"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nold"},
		{
			"a server of its own",
			"HTTP/1.1 200 OK\r\nServer: nginx\r\nX-Powered-By: PHP\r\nVia: x\r\nAlt-Svc: x\r\nContent-Length: 0\r\n\r\n",
		},
		{
			"a policy",
			"HTTP/1.1 200 OK\r\nContent-Security-Policy: default-src 'none'\r\nX-Frame-Options: DENY\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n",
		},
		{"encoded", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nnot"},
		{"a redirect to elsewhere", "HTTP/1.1 302 Found\r\nLocation: //evil.example/\\x\r\nContent-Length: 0\r\n\r\n"},
		{"a length that is wrong", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"},
		{"no answer", ""},
		{"nonsense", "nonsense\r\n\r\n"},
	}
	cells := make([][]string, len(answers))
	for i := range cells {
		cells[i] = make([]string, len(ways))
	}
	for n, w := range ways {
		w.each(len(answers), func(i int, at seat) {
			lines := strings.Split(w.say(t, at, "GET /", answers[i].text), "\r\n")
			slices.Sort(lines)
			cells[i][n] = ids.ReplaceAllString(strings.Join(lines, "\n"), `"request_id":""`)
		})
	}
	for i, row := range cells {
		for n, got := range row {
			if got != row[0] {
				t.Errorf("%s, %s:\n%s\ninstead of\n%s", answers[i].name, ways[n].name, got, row[0])
			}
		}
	}
	t.Logf("%d answers on %d ways", len(answers), len(ways))
}

var ids = regexp.MustCompile(`"request_id":"[^"]*"`)
