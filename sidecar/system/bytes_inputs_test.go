package system

import (
	"fmt"
	"strings"
)

// input is what a player sends, with HOST for the instance's host, and what the container gets of it if that is not the
// same.
type input struct {
	name    string
	request string
	h2      bool     // lines of a header and a body, which are sent by HTTP/2
	line    string   // the request line that arrives
	fields  []string // the lines of the header that arrive, in the order of their names, without what every request gets
	body    string   // the body that arrives
	trailer []string
	forward []string // the forwarding headers that arrive; nil: those that are true
	refused int      // the status of the refusal
	told    string   // the row of docs/challenges.md that says so; every deviation has one
}

// get is a request of one line and some more of a header.
func get(line string, fields ...string) string {
	return strings.Join(append([]string{line, "Host: HOST", "Connection: close"}, fields...), "\r\n") + "\r\n\r\n"
}

// target is a GET that arrives as it was sent.
func target(path string) input {
	return input{name: "GET " + path, request: get("GET " + path + " HTTP/1.1")}
}

// targets are what no server on the way may understand better than the challenge.
func targets() []input {
	var all []input
	for _, path := range []string{
		"/", "/static/../../etc/passwd", "/..", "/../", "/.", "/./a", "/a/.", "/a/..", "/a/./b", "/a//b", "//x", "//", "///",
		"//a|b", "//%41|?;|", "//\xff", "//evil.example/..", "/a//", "/a/../",
		"/.%2e/", "/%2e%2e/%2e%2e/etc/passwd", "/%2E%2E/", "/..%2f..%2fetc", "/..%2F", "/%2f", "/a%2Fb", "/%2f%2fx",
		"//%2e%2e", "/%2e", "/%41dmin", "/%61%64min", "/%7e", "/%5f%2D",
		"/%252e%252e/", "/%25", "/%00", "/a%00.png", "/%0d%0aX:y", "/%20", "/a%20b", "/%ff", "/%C3%A9", "/%c3%a9",
		"/caf\xc3\xa9", "/\xff\xfe", "/a|b", `/a\b`, `/..\..\x`, "/..%5c..%5c",
		"/\"<>^`{|}", "/{{7*7}}", "/${jndi:x}", "/<script>", "/[a]", "/a;b=c", "/a;/../b", "/..;/manager", "/%3b", "/a:b",
		"/@x", "/!$&'()*+,=~-_.", "/a,b", "/a=b",
		"/?", "/??", "/?a", "/?a=1;b=2", "/?;", "/?a=%2e&b=%2E&A=%zz", "/?%", "/?%%%", "/?a=b&a=c", "/?&&==", "/?a=/../..",
		"/?q=\xc3\xa9|{}<>\"\\^`", "/?a[]=1&a[x]=2", "/?a#b", "/?a+b%20c",
		"/?a=1&;b", "/?=", "/?a?b?c", "/%2e%2e?a=1;b=%41", "/a|b?x;y", "/.well-known/", "/.well-known/acme-challenge/x",
		"/well-known/whaley/x",
		"/" + strings.Repeat("a/../", 400), "/" + strings.Repeat("%2e", 3000), "*",
		"http://HOST/x?y", "http://HOST", "http://HOST/a/../b", "http://HOST/%41|;", "HTTP://HOST/x",
	} {
		all = append(all, target(path))
	}
	for _, path := range []string{"/a#b", "/#", "/x/../#/../y", "/%41#"} {
		in := target(path)
		in.refused, in.told = 400, "`#` in a path"
		all = append(all, in)
	}
	for _, path := range []string{"/%", "/%z", "/%zz", "/a%2", "/a\x01b", "/a\x7f", "/a b", "", "x", "../x", "\\x"} {
		in := target(path)
		in.refused, in.told = 400, "A target that is none"
		all = append(all, in)
	}
	// Whaley's own paths stay Whaley's, however they are written.
	for _, path := range []string{
		"/.well-known/whaley/x", "/.well-known/whaley/", "/.well-known/whaley", "/.well-known/whaley/../../x",
		"/.well-known/whaley/%2e%2e/x", "/.well-known/%77haley/x", "/%2ewell-known/whaley/x",
		"/.well-known%2fwhaley/x", "/.well-known%2Fwhaley%2Fx", "%2f.well-known/whaley/x", "//.well-known/whaley/x",
		"/.well-known//whaley/x", "/./.well-known/whaley/x",
		"/a/../.well-known/whaley/x", "/a/%2e%2e/.well-known/whaley/x", "/..%2f.well-known/whaley/x",
		"/.well-known/./whaley/x", "/.well-known/whaley//x", "http://HOST/.well-known/whaley/x",
		"http://HOST/a/..//.well-known/%77haley/x",
	} {
		in := target(path)
		in.refused, in.told = 404, "Whaley's own paths"
		if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "http") {
			in.refused, in.told = 400, "A target that is none"
		}
		all = append(all, in)
	}
	return all
}

// methods are all kinds of requests but GET.
func methods() []input {
	var all []input
	for _, method := range []string{
		"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "FOO", "M-SEARCH", "X!#$%&'*+-.^_`|~1",
	} {
		in := input{name: method, request: get(method + " /x HTTP/1.1")}
		if method == "POST" || method == "PUT" || method == "PATCH" {
			in.fields, in.told = []string{"Content-Length: 0"}, "Framing"
		}
		all = append(all, in)
	}
	return append(all,
		input{name: "HEAD", request: get("HEAD /x HTTP/1.1")},
		input{
			name: "CONNECT", request: "CONNECT HOST:80 HTTP/1.1\r\nHost: HOST:80\r\nConnection: close\r\n\r\n", refused: 405,
			told: "`CONNECT`",
		},
		input{name: "CONNECT with a path", request: get("CONNECT /x HTTP/1.1"), refused: 405, told: "`CONNECT`"},
		input{name: "OPTIONS *", request: get("OPTIONS * HTTP/1.1"), refused: 200, told: "`OPTIONS *`"},
		input{
			name: "a method that is none", request: get("G@T /x HTTP/1.1"), refused: 400, told: "A request line that is none",
		},
		input{name: "no method", request: get(" /x HTTP/1.1"), refused: 400, told: "A request line that is none"},
		input{
			name: "HTTP/1.0", request: "GET /x HTTP/1.0\r\nHost: HOST\r\n\r\n", line: "GET /x HTTP/1.1", told: "Other versions",
		},
		input{name: "HTTP/1.0 without a host", request: "GET /x HTTP/1.0\r\n\r\n", refused: -1, told: "No host"},
		input{name: "HTTP/1.1 without a host", request: "GET /x HTTP/1.1\r\n\r\n", refused: 400, told: "No host"},
		input{name: "HTTP/0.9", request: "GET /without/version\r\n\r\n", refused: 400, told: "A request line that is none"},
		input{name: "HTTP/1.2", request: get("GET /x HTTP/1.2"), line: "GET /x HTTP/1.1", told: "Other versions"},
		input{name: "HTTP/3.0", request: get("GET /x HTTP/3.0"), refused: 505, told: "A request line that is none"},
		input{
			name: "lines that end with LF", request: "GET /x HTTP/1.1\nHost: HOST\nConnection: close\nX-A: b\n\n",
			fields: []string{"X-A: b"},
		},
		input{name: "two hosts", request: get("GET /x HTTP/1.1", "Host: HOST"), refused: 400, told: "No host"},
		input{name: "a host in capitals", request: "GET /x HTTP/1.1\r\nHost: UPPER\r\nConnection: close\r\n\r\n"},
		input{name: "a host with a dot", request: "GET /x HTTP/1.1\r\nHost: HOST.\r\nConnection: close\r\n\r\n"},
		input{
			name: "a host with a dot and a port", request: "GET /x HTTP/1.1\r\nHost: UPPER.:8080\r\nConnection: close\r\n\r\n",
		},
		input{
			name: "a host with user and password", request: "GET /x HTTP/1.1\r\nHost: u@HOST\r\nConnection: close\r\n\r\n",
			refused: -1, told: "No host",
		},
	)
}

// headers are what may be in one.
func headers() []input {
	field := func(name string, lines ...string) input {
		return input{name: name, request: get("GET /x HTTP/1.1", lines...)}
	}
	arrives := func(in input, told string, fields ...string) input {
		in.fields, in.told = append([]string{}, fields...), told
		return in
	}
	refused := func(in input, status int, told string) input {
		in.refused, in.told = status, told
		return in
	}
	return []input{
		field("a header", "X-A: b"), field("the same name three times", "X-A: 1", "X-A: 3", "X-A: 2"),
		field("an empty value", "X-A:"),
		field("bytes above ASCII", "X-A: \xff\xc3\xa9\x80"), field("quotes and signs", "X-A: \"'<>{}|\\^`%00%0d;,"),
		field("a tab inside", "X-A: a\tb"),
		field("names with all signs", "X!#$%&'*+-.^_`|~: 1"),
		arrives(field("names with underscores", "X_a_b: 1"), "Names of headers", "X_a_b: 1"),
		field("a user agent", "User-Agent: sqlmap"),
		field("encodings", "Accept-Encoding: gzip, br", "Accept: */*", "Accept-Language: x"),
		field("a range", "Range: bytes=0-1", "If-None-Match: \"x\""),
		field("authorization", "Authorization: Basic x", "X-Api-Key: y", "Referer: http://a/", "Origin: null"),
		field("cookies", "Cookie: a=b;c=d;  e = f ;;g", "Cookie: second=1"),
		field("cookies that are none", "Cookie: \xff=;=x; \"a\"=\"b\""),
		field(
			"method overrides", "X-HTTP-Method-Override: PUT", "X-Original-URL: /admin", "X-Rewrite-URL: /admin", "X-Host: x",
			"Via: 1.1 x", "Max-Forwards: 3",
		),
		arrives(
			field("names in any case", "x-lower: 1", "X-LARGE: 2", "content-type: a/b"), "Names of headers", "Content-Type: a/b",
			"X-Large: 2", "X-Lower: 1",
		),
		arrives(field("spaces around a value", "X-A:   b \t "), "Spaces and folds", "X-A: b"),
		arrives(field("a fold", "X-A: b", " c", "\t d", "X-B: e"), "Spaces and folds", "X-A: b c d", "X-B: e"),
		arrives(
			field(
				"what is for one hop", "X-A: 1", "Connection: X-A, X-B", "Keep-Alive: 1", "Proxy-Connection: x",
				"Proxy-Authorization: x", "Proxy-Authenticate: x", "Te: gzip", "X-C: 1",
			),
			"Headers for one hop", "X-C: 1",
		),
		arrives(field("TE: trailers", "TE: trailers"), "Headers for one hop", "Te: trailers"),
		arrives(
			field(
				"forwarding headers", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: x", "X-Forwarded-Proto: gopher",
				"X-Forwarded-Port: 1", "X-Forwarded-Server: x", "X-Forwarded-Prefix: /x", "X-Forwarded-Uri: /x",
				"X-Forwarded-Method: x", "X-Forwarded-Tls-Client-Cert: x", "X-Forwarded-Tls-Client-Cert-Info: x",
				"X-Real-Ip: 1.2.3.4", "Forwarded: for=1.2.3.4", "X-Forwarded: x", "X-Client-Ip: 1.2.3.4", "True-Client-Ip: 1.2.3.4",
				"Cf-Connecting-Ip: 1.2.3.4", "X-Originating-Ip: 1.2.3.4",
			),
			"Forwarding headers",
		),
		arrives(
			field(
				"our names", "X-Whaley-Ticket: x", "X-Whaley-Other: y", "Cookie: a=1; whaley=x;b=2",
				"Cookie: __Host-whaley_nonce=x; WHALEY=y",
			),
			"Whaley's cookies and headers", "Cookie: a=1;b=2",
		),
		refused(field("a name with a space", "X A: b"), 400, "A header that is none"),
		refused(field("a space before the colon", "X-A : b"), 400, "A header that is none"),
		refused(field("no colon", "X-A"), 400, "A header that is none"),
		refused(field("no name", ": x"), 400, "A header that is none"),
		refused(field("a name above ASCII", "X-\xc3\xa9: b"), 400, "A header that is none"),
		refused(field("a control character", "X-A: a\x01b"), 400, "A header that is none"),
		refused(field("a zero byte", "X-A: a\x00b"), 400, "A header that is none"),
		refused(field("a return inside", "X-A: a\rb"), 400, "A header that is none"),
		refused(
			input{name: "a fold at the start", request: "GET /x HTTP/1.1\r\n X: y\r\nHost: HOST\r\n\r\n"}, 400,
			"A header that is none",
		),
		field("a header as large as may be", "X-A: "+strings.Repeat("a", maxHead)),
		field("many headers", many(200)...),
		refused(field("too many headers", many(500)...), 431, "A header above 64 KiB, or of more than 256 names"),
		refused(
			field("a header that is too large", "X-A: "+strings.Repeat("a", maxHead+16<<10)), 431,
			"A header above 64 KiB, or of more than 256 names",
		),
	}
}

// forwarding are the headers by which a client says whom it asks for, to routes that want them.
func forwarding() []input {
	said := []string{
		"X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: ::1,x", "X-Forwarded-Host: evil", "X-Forwarded-Proto: gopher",
		"X-Real-Ip: 192.0.2.1", "Forwarded: for=a", "Client-Ip: b", "X-Forwarded-Server: x", "X-Whaley-Other: y",
		"X-Admin-Key: z",
	}
	kept := []string{
		"Client-Ip: b", "Forwarded: for=a", "X-Forwarded-Host: evil", "X-Forwarded-Proto: gopher", "X-Real-Ip: 192.0.2.1",
	}
	to := func(route string, name string, sent, arrives []string) input {
		return input{
			name:    route + ": " + name,
			request: strings.Replace(get("GET /x HTTP/1.1", sent...), "Host: ", "Host: "+route+"--", 1), fields: []string{},
			forward: arrives, told: "Forwarding headers",
		}
	}
	return []input{
		to(
			"append", "nothing is said", nil,
			[]string{"X-Forwarded-For: ADDRESS", "X-Forwarded-Host: append--HOST", "X-Forwarded-Proto: http"},
		),
		to("append", "much is said", said, append([]string{"X-Forwarded-For: 192.0.2.1, ::1,x, ADDRESS"}, kept...)),
		to(
			"append", "an empty line", []string{"X-Forwarded-For:"},
			[]string{"X-Forwarded-For: ADDRESS", "X-Forwarded-Host: append--HOST", "X-Forwarded-Proto: http"},
		),
		to(
			"append", "a payload", []string{"X-Forwarded-For: ' or 1=1 -- {{7*7}}"},
			[]string{
				"X-Forwarded-For: ' or 1=1 -- {{7*7}}, ADDRESS", "X-Forwarded-Host: append--HOST", "X-Forwarded-Proto: http",
			},
		),
		to("none", "nothing is said", nil, []string{}),
		to("none", "much is said", said, append([]string{"X-Forwarded-For: 192.0.2.1, ::1,x"}, kept...)),
		to(
			"none", "what a proxy says too",
			[]string{"X-Forwarded-Host: none--HOST", "X-Forwarded-Port: 80", "X-Forwarded-Proto: http", "X-Real-Ip: ADDRESS"},
			[]string{},
		),
	}
}

// maxHead is what a header may have, in bytes, beside what every request has.
const maxHead = 63 << 10

func many(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("X-%04d: %d", i, i))
	}
	return all
}

// bodies are what may follow a header.
func bodies() []input {
	post := func(name, body string, lines ...string) input {
		return input{name: name, request: get("POST /x HTTP/1.1", lines...) + body, body: body}
	}
	large := strings.Repeat("0123456789abcdef", 64<<10)
	return []input{
		post("a body", "a=b&c=%zz\x00\xff\r\n", "Content-Length: 13"),
		post("a megabyte", large, fmt.Sprintf("Content-Length: %d", len(large))),
		{name: "GET with a body", request: get("GET /x HTTP/1.1", "Content-Length: 3") + "abc", body: "abc"},
		{name: "DELETE with a body", request: get("DELETE /x HTTP/1.1", "Content-Length: 3") + "abc", body: "abc"},
		{
			name: "a body after an odd path", request: get("POST /%2e%2e/|?;%41 HTTP/1.1", "Content-Length: 3") + "abc",
			body: "abc",
		},
		{
			name:    "chunks",
			request: get("POST /x HTTP/1.1", "Transfer-Encoding: chunked") + "3\r\nabc\r\n1;ext=x\r\nd\r\n0\r\n\r\n",
			body:    "abcd",
		},
		{
			name: "chunks of GET", request: get("GET /x HTTP/1.1", "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n",
			body: "abc",
		},
		{
			name: "trailers",
			request: get("POST /x HTTP/1.1", "Transfer-Encoding: chunked", "Trailer: X-Sum, X-Other") +
				"3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n",
			body: "abc", fields: []string{"Trailer: X-Other,X-Sum", "Transfer-Encoding: chunked"},
			trailer: []string{"X-Other: 2", "X-Sum: 1"}, told: "Names of headers",
		},
		{
			name:    "trailers that were not announced",
			request: get("POST /x HTTP/1.1", "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n", body: "abc",
			told: "Trailers",
		},
		{
			name: "expectations", request: get("POST /x HTTP/1.1", "Expect: 100-continue", "Content-Length: 3") + "abc",
			body: "abc",
		},
		{
			name: "other expectations", request: get("POST /x HTTP/1.1", "Expect: teapot", "Content-Length: 3") + "abc",
			refused: 417, told: "`Expect`",
		},
		{
			name: "two lengths that differ", request: get("POST /x HTTP/1.1", "Content-Length: 3", "Content-Length: 4") + "abcd",
			refused: 400, told: "Lengths",
		},
		{
			name: "two lengths that agree", request: get("POST /x HTTP/1.1", "Content-Length: 3", "Content-Length: 3") + "abc",
			body: "abc", fields: []string{"Content-Length: 3"}, told: "Lengths",
		},
		{
			name: "a list of lengths", request: get("POST /x HTTP/1.1", "Content-Length: 3, 3") + "abc", refused: 400,
			told: "Lengths",
		},
		{
			name: "a length with a sign", request: get("POST /x HTTP/1.1", "Content-Length: +3") + "abc", refused: 400,
			told: "Lengths",
		},
		{
			name: "a negative length", request: get("POST /x HTTP/1.1", "Content-Length: -3") + "abc", refused: 400,
			told: "Lengths",
		},
		{
			name:    "a length and chunks",
			request: get("POST /x HTTP/1.1", "Content-Length: 3", "Transfer-Encoding: chunked") + "4\r\nabcd\r\n0\r\n\r\n",
			body:    "abcd", fields: []string{"Transfer-Encoding: chunked"}, told: "Lengths",
		},
		{
			name: "another transfer encoding", request: get("POST /x HTTP/1.1", "Transfer-Encoding: gzip") + "x", refused: 501,
			told: "Transfer encodings",
		},
		{
			name: "chunked twice", request: get("POST /x HTTP/1.1", "Transfer-Encoding: chunked, chunked") + "0\r\n\r\n",
			refused: 501, told: "Transfer encodings",
		},
		{
			name: "chunked with a sign", request: get("POST /x HTTP/1.1", "Transfer-Encoding: \vchunked") + "0\r\n\r\n",
			refused: 400, told: "A header that is none",
		},
		{
			name:    "a transfer encoding with a space",
			request: get("POST /x HTTP/1.1", "Transfer-Encoding : chunked") + "0\r\n\r\n", refused: 400,
			told: "A header that is none",
		},
		{
			name: "a body that stops", request: get("POST /x HTTP/1.1", "Content-Length: 10") + "abc", refused: 408,
			told: "A body that does not come on",
		},
		{
			name: "chunks that stop", request: get("POST /x HTTP/1.1", "Transfer-Encoding: chunked") + "3\r\nab", refused: 408,
			told: "A body that does not come on",
		},
		{
			name: "a body that stops, of GET at an odd path", request: get("GET /%2e%2e/|?;%41 HTTP/1.1", "Content-Length: 10"),
			refused: 408, told: "A body that does not come on",
		},
		{
			name: "an upgrade",
			request: "GET /x HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
				"Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Extensions: c\r\n\r\n",
		},
	}
}

// multiplexed are what is sent by HTTP/2.
func multiplexed() []input {
	by := func(name, line, request string) input {
		return input{name: "HTTP/2: " + name, request: request, h2: true, line: line}
	}
	request := func(method, path string, lines ...string) string {
		return ":method: " + method + "\r\n:scheme: http\r\n:authority: HOST\r\n:path: " + path + "\r\n" +
			strings.Join(append(lines, "", ""), "\r\n")
	}
	refused := func(in input, status int, told string) input {
		in.refused, in.told = status, told
		return in
	}
	all := []input{
		{
			name: "HTTP/2: a body", request: request("POST", "/x", "content-length: 3") + "abc", h2: true,
			line: "POST /x HTTP/1.1", body: "abc", fields: []string{"Content-Length: 3"}, told: "Other versions",
		},
		{
			name: "HTTP/2: a body of any length", request: request("POST", "/x") + "abc", h2: true, line: "POST /x HTTP/1.1",
			body: "abc", fields: []string{"Transfer-Encoding: chunked"}, told: "Other versions",
		},
		{
			name: "HTTP/2: cookies", request: request("GET", "/x", "cookie: a=b", "cookie: c=d"), h2: true,
			line: "GET /x HTTP/1.1", fields: []string{"Cookie: a=b; c=d"}, told: "Other versions",
		},
		{
			name: "HTTP/2: bytes above ASCII", request: request("GET", "/x", "x-a: \xff"), h2: true, line: "GET /x HTTP/1.1",
			fields: []string{"X-A: \xff"}, told: "Other versions",
		},
		refused(
			by("a body that stops", "", request("POST", "/x", "content-length: 99")+"abc"), 408, "A body that does not come on",
		),
		refused(by("a path with a space", "", request("GET", "/a b")), 400, "A target that is none"),
		refused(by("a path with a second line", "", request("GET", "/a HTTP/1.1\nX-Injected: 1")), 0, "A target that is none"),
		refused(by("CONNECT", "", ":method: CONNECT\r\n:authority: HOST:80\r\n\r\n"), 405, "`CONNECT`"),
		refused(
			by(
				"a websocket", "",
				":method: CONNECT\r\n:protocol: websocket\r\n:scheme: http\r\n:authority: HOST\r\n:path: /x\r\n\r\n",
			),
			0, "`CONNECT`",
		),
	}
	for _, path := range []string{"/", "/a/../b//c", "/%2e%2e/%41%2f", "/a|b\\\xc3\xa9", "/?a=1;b=2", "//x"} {
		in := by(path, "GET "+path+" HTTP/1.1", request("GET", path))
		in.told = "Other versions"
		all = append(all, in)
	}
	return all
}
