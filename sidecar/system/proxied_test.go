package system

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
)

const (
	stranger = "127.0.0.9"   // a player whom no proxy brings
	claimed  = "203.0.113.5" // whom they say they are
)

// TestEachPlayerBehindAProxyIsSomebodyElse has real proxies in front of both edges.
func TestEachPlayerBehindAProxyIsSomebodyElse(t *testing.T) {
	t.Parallel()
	for _, edge := range []string{"embedded", "traefik"} {
		t.Run(edge, func(t *testing.T) {
			s := start(t, edge, writeFixtures(t, "echo", "raw"), "TRUSTED_PROXIES=127.0.0.1")
			for name, before := range map[string]func(*testing.T) front{
				"nginx":            func(t *testing.T) front { return nginxBefore(t, s) },
				"PROXY protocol 1": func(t *testing.T) front { return haproxyBefore(t, s, "send-proxy") },
				"PROXY protocol 2": func(t *testing.T) front { return haproxyBefore(t, s, "send-proxy-v2") },
			} {
				t.Run(name, func(t *testing.T) { twoPlayers(t, s, before(t)) })
			}
			t.Run("nobody believes a stranger", func(t *testing.T) { unbelieved(t, s) })
			t.Run("a proxy before the API alone", func(t *testing.T) {
				if got := nameSaid(
					t, alice, s.public, s.dashboard,
					&proxyproto.Header{Version: 2, Command: proxyproto.PROXY, TransportProtocol: proxyproto.TCPv4,
						SourceAddr:      &net.TCPAddr{IP: net.ParseIP(claimed), Port: 1},
						DestinationAddr: &net.TCPAddr{IP: net.ParseIP(alice), Port: 2}},
				); got != claimed {
					t.Errorf("the trusted proxy brings %s, and it is %q", claimed, got)
				}
			})
		})
	}
}

// twoPlayers are two identities: other addresses, other instances, and containers see who asks.
func twoPlayers(t *testing.T, s *stack, f front) {
	var pages []string
	for _, player := range []string{bob, mallory} {
		via := *s
		via.t, via.web = t, f.web
		if got := via.name(player, "X-Forwarded-For", claimed); got != player {
			t.Errorf("the player at %s is %q", player, got)
		}
		page := via.address(player, "echo")
		pages = append(pages, page)
		got := via.do(player, "GET", page+"/headers", nil)
		if got.Status != http.StatusOK || !strings.Contains(got.Body, "X-Forwarded-For: "+player) {
			t.Errorf("%s wakes their own copy: %d %s", player, got.Status, got.Body)
		}
		in := via.live(player, "echo")
		if in == nil {
			t.Fatalf("nothing runs for %s", player)
		}
		if s.edge == "traefik" {
			s.awaitRouter(in.ID)
			if got = via.do(player, "GET", page+"/headers", nil); got.Status != http.StatusOK ||
				!strings.Contains(got.Body, "X-Forwarded-For: "+player) {
				t.Errorf("%s, by the router of their own: %d %s", player, got.Status, got.Body)
			}
		}
		websocketEcho(t, &via, "behind a proxy", player, page)
		if f.tls != "" {
			sni := via.live(player, "raw") // since the proxy before this one
			if sni == nil {
				sni = via.running(player, "raw")
			}
			s.eventually("TLS by name answers", 30*time.Second, func() error { return piped(player, f.tls, sni.Routes[2].Host) })
			s.eventually(
				"TLS by name answers without the proxy too", 30*time.Second,
				func() error { return piped(stranger, s.tls, sni.Routes[2].Host) },
			)
		}
	}
	if pages[0] == pages[1] {
		t.Errorf("both have %s", pages[0])
	}
}

// unbelieved: whoever is no trusted proxy is who they are, whatever they say.
func unbelieved(t *testing.T, s *stack) {
	direct := *s
	direct.t = t
	for _, header := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded"} {
		value := claimed
		if header == "Forwarded" {
			value = "for=" + claimed
		}
		if got := direct.name(stranger, header, value); got != stranger {
			t.Errorf("%s makes the stranger %q", header, got)
		}
	}
	for _, version := range []byte{1, 2} {
		for what, to := range map[string]string{"edge": s.web, "API": s.public} {
			if got := nameSaid(
				t, stranger, to, s.dashboard,
				&proxyproto.Header{Version: version, Command: proxyproto.PROXY, TransportProtocol: proxyproto.TCPv4,
					SourceAddr:      &net.TCPAddr{IP: net.ParseIP(claimed), Port: 1},
					DestinationAddr: &net.TCPAddr{IP: net.ParseIP(alice), Port: 2}},
			); got != "" && got != stranger {
				t.Errorf("version %d makes the stranger %q before the %s", version, got, what)
			}
		}
	}
}

// name is who the dashboard takes a player for.
func (s *stack) name(player string, header ...string) string {
	s.t.Helper()
	got := s.do(player, "GET", s.dashboard+"/me", nil, header...)
	return nameIn(s.t, got.Status, []byte(got.Body))
}

func nameIn(t *testing.T, status int, body []byte) string {
	t.Helper()
	var me struct{ User struct{ Name string } }
	if err := json.Unmarshal(body, &me); status != http.StatusOK || err != nil {
		t.Errorf("who am I: %d %s %v", status, body, err)
	}
	return me.User.Name
}

// nameSaid is who the dashboard takes somebody for who begins with a header of the PROXY protocol; empty if it refuses to
// understand that.
func nameSaid(t *testing.T, from, to, dashboard string, header *proxyproto.Header) string {
	t.Helper()
	conn, err := dial(from, to)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	var said bytes.Buffer
	if _, err := header.WriteTo(&said); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(
		&said, "GET /me HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", strings.TrimPrefix(dashboard, "http://"),
	)
	if _, err := conn.Write(said.Bytes()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "" // closed
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusBadRequest {
		return "" // and closed, perhaps before all of the answer has arrived
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return nameIn(t, resp.StatusCode, body)
}

// piped sends a payload into an echo by TLS, ends its side, and reads to the end.
func piped(from, to, name string) error {
	raw, err := dial(from, to)
	if err != nil {
		return err
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(20 * time.Second))
	conn := tls.Client(raw, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	payload := bytes.Repeat([]byte("whale "), 50_000)
	go func() {
		conn.Write(payload)
		conn.CloseWrite()
	}()
	heard, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(heard, payload) {
		return fmt.Errorf("%d of %d bytes came back: %w", len(heard), len(payload), err)
	}
	return nil
}

func dial(from, to string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	return d.Dial("tcp", to)
}
