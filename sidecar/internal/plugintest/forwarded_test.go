package plugintest

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// forwarding is what becomes of the headers by which a client says whom it asks for.
var forwarding = map[string]func(t *testing.T, w *world){
	"ARouteGetsOfForwardingHeadersWhatItWants": forwardedHeaders,
	"WhoAsksIsNeverWhoTheySayTheyAre":          claimedAddress,
	"OwnPagesBelieveProxiesOnly":               ownPages,
	"AWrongWayIsRefused": func(t *testing.T, w *world) {
		if _, err := w.make(t, http.NotFoundHandler(), settings{backend: w.container.URL, forwarded: "Append"}); err == nil ||
			!strings.Contains(err.Error(), "forwarded") {
			t.Errorf("it is taken: %v", err)
		}
	},
}

func TestForwardedCompiled(t *testing.T)    { attack(t, compiled, forwarding) }
func TestForwardedInterpreted(t *testing.T) { attack(t, interpreted(t), forwarding) }

// keeping is an entry point of Traefik that keeps what clients send, and fills in what they do not, of connections that
// are from an address. Empty: another edge, that does nothing of the kind.
func keeping(next http.Handler, remote string, fills bool) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = remote
		from, _, _ := net.SplitHostPort(remote)
		if lines := r.Header["X-Forwarded-For"]; fills && lines != nil {
			r.Header["X-Forwarded-For"] = []string{strings.Join(lines, ", ")}
		}
		for name, value := range map[string]string{
			"X-Real-Ip": from, "X-Forwarded-Proto": "http", "X-Forwarded-Port": "80", "X-Forwarded-Host": r.Host,
			"X-Forwarded-Server": "traefik",
		} {
			if fills && (r.Header.Get(name) == "" || name == "X-Forwarded-Server") {
				r.Header[name] = []string{value}
			}
		}
		next.ServeHTTP(rw, r)
	})
}

const player, proxy = "198.51.100.7:5", "10.0.0.1:5" // the world's plugin trusts 10.0.0.0/8

func forwardedHeaders(t *testing.T, w *world) {
	always := []string{"X-Forwarded-Host: HOST", "X-Forwarded-Proto: http"}
	said := []string{
		"X-Forwarded-For", "127.0.0.1", "X-Forwarded-For", "8.8.8.8,::1", "X-Forwarded-Host", "evil", "X-Forwarded-Proto",
		"https", "X-Real-Ip", "127.0.0.1", "Client-Ip", "1.1.1.1", "Forwarded", "for=a", "X-Forwarded-Port", "1",
		"X-Forwarded-Server", "s", "Remote-User", "admin", "X-Whaley-New", "t", "X_Admin_Key", "k",
	}
	kept := []string{
		"Client-Ip: 1.1.1.1", "Forwarded: for=a", "Remote-User: admin", "X-Forwarded-Host: evil", "X-Forwarded-Port: 1",
		"X-Forwarded-Proto: https", "X-Real-Ip: 127.0.0.1",
	}
	for n, c := range []struct {
		how    string
		remote string
		sent   []string
		want   []string
	}{
		{"", player, nil, append([]string{"X-Forwarded-For: 198.51.100.7"}, always...)},
		{"", player, said, append([]string{"X-Forwarded-For: 198.51.100.7"}, always...)},
		{"replace", player, said, append([]string{"X-Forwarded-For: 198.51.100.7"}, always...)},
		{
			"replace", proxy, []string{"X-Forwarded-For", "127.0.0.1, 203.0.113.4, 10.0.0.2"},
			append([]string{"X-Forwarded-For: 203.0.113.4"}, always...),
		},
		{"append", player, nil, append([]string{"X-Forwarded-For: 198.51.100.7"}, always...)},
		{"append", player, said, append([]string{"X-Forwarded-For: 127.0.0.1, 8.8.8.8,::1, 198.51.100.7"}, kept...)},
		{"append", player, []string{"X-Forwarded-For", ""}, append([]string{"X-Forwarded-For: 198.51.100.7"}, always...)},
		{
			"append", player, []string{"X-Forwarded-For", "<script>"},
			append([]string{"X-Forwarded-For: <script>, 198.51.100.7"}, always...),
		},
		{
			"append", proxy, []string{"X-Forwarded-For", "127.0.0.1, 203.0.113.4, 10.0.0.2"},
			append([]string{"X-Forwarded-For: 127.0.0.1, 203.0.113.4"}, always...),
		},
		{"none", player, nil, nil},
		{"none", player, said, append([]string{"X-Forwarded-For: 127.0.0.1, 8.8.8.8,::1"}, kept...)},
		{"none", player, []string{"X-Forwarded-Host", "HOST", "X-Real-Ip", "198.51.100.7", "X-Forwarded-Proto", ""}, nil}, // as a proxy says it too
		{
			"none", proxy, []string{"X-Forwarded-For", "127.0.0.1, 203.0.113.4, 10.0.0.2"},
			[]string{"X-Forwarded-For: 127.0.0.1"},
		},
		{"none", proxy, []string{"X-Forwarded-For", "203.0.113.4"}, nil},
	} {
		host := fmt.Sprintf("w%d-abcdefghijklm.%s", n, base) // of each its own, since what is known of one is remembered
		w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
			status := w.running("link")(q)
			status.Forwarded = c.how
			return status
		})
		how := c.how
		if how == "" {
			how = wire.ForwardedReplace // as the sidecar writes it where Traefik keeps what clients send
		}
		direct, err := w.make(t, http.NotFoundHandler(), settings{backend: w.container.URL, forwarded: how})
		if err != nil {
			t.Fatal(err)
		}
		for way, front := range map[string]http.Handler{
			"embedded": keeping(w.front.Config.Handler, c.remote, false),
			"plugin":   keeping(w.front.Config.Handler, c.remote, true),
			"link":     keeping(direct, c.remote, true),
		} {
			for again := range 2 { // the second may be ready
				if got, want := forwardedLines(front, host, c.sent), sorted(slices.Clone(c.want)); !slices.Equal(got, want) {
					t.Errorf("%q, %s, %v, request %d:\n got %q\nwant %q", c.how, way, c.sent, again+1, got, want)
				}
			}
		}
	}
}

// claimedAddress asks as each of several, who say that they are another: behind Traefik that keeps what is sent too,
// who asks is whose connection it is, or whom a proxy that is trusted brings.
func claimedAddress(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	asked := ""
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		asked = q.Address
		return w.running("link")(q)
	})
	for n, c := range []struct{ remote, sent, want string }{
		{player, "203.0.113.9", "198.51.100.7"}, {"127.0.0.1:9", "203.0.113.9", "127.0.0.1"},
		{"[::1]:9", "203.0.113.9", "::1"},
		{proxy, "203.0.113.9", "203.0.113.9"}, {proxy, "127.0.0.1, 203.0.113.9", "203.0.113.9"},
	} {
		host := fmt.Sprintf("a%d-abcdefghijklm.%s", n, base)
		forwardedLines(
			keeping(w.front.Config.Handler, c.remote, true), host,
			[]string{"X-Forwarded-For", c.sent, "X-Real-Ip", c.sent, "Forwarded", "for=" + c.sent},
		)
		if asked != c.want {
			t.Errorf("%s, who says %s, is asked for as %s", c.remote, c.sent, asked)
		}
	}
}

// ownPages are the dashboard's, which learn whom a proxy brings, and nothing that a stranger says.
func ownPages(t *testing.T, w *world) {
	got := http.Header{}
	dashboard := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	pages, err := w.make(t, dashboard, settings{own: "true", proxies: " 10.0.0.0/8,192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	for remote, want := range map[string]string{
		player: "", "127.0.0.1:1": "", proxy: "203.0.113.9", "192.0.2.1:1": "203.0.113.9", "192.0.2.2:1": "",
	} {
		forwardedLines(
			keeping(pages, remote, true), "whaley.localhost", []string{"X-Forwarded-For", "203.0.113.9", "Cookie", "a=b"},
		)
		if got.Get("X-Forwarded-For") != want || got.Get("Cookie") != "a=b" {
			t.Errorf("%s: the dashboard is told %q", remote, got)
		}
	}
	if _, err := w.make(t, dashboard, settings{own: "true", proxies: "everybody"}); err == nil {
		t.Error("proxies that are none are taken")
	}
}

// forwardedLines are the lines of a request's header that its container got, but for those that say nothing of who
// asks.
func forwardedLines(front http.Handler, host string, sent []string) []string {
	r := httptest.NewRequest(http.MethodGet, "http://"+host+"/", nil)
	for n := 0; n < len(sent); n += 2 {
		r.Header.Add(sent[n], strings.ReplaceAll(sent[n+1], "HOST", host))
	}
	answer := httptest.NewRecorder()
	front.ServeHTTP(answer, r)
	lines := []string{}
	_, header, _ := strings.Cut(answer.Body.String(), "\nHost: "+host+"\n")
	for _, line := range strings.Split(strings.TrimSpace(header), "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		if line != "" && name != "Accept-Encoding" && name != "User-Agent" {
			lines = append(lines, strings.ReplaceAll(line, host, "HOST"))
		}
	}
	return sorted(lines)
}
