package system

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// streams checks long-lived connections through the plugin, and where a router of its own takes over, through that.
func streams(t *testing.T, s *stack) {
	s.t = t
	address := s.address(mallory, "guarded")
	link := s.address(bob, "echo")
	if got := s.do(bob, "GET", link+"/", nil); got.Status != http.StatusOK {
		t.Fatalf("waking: %d", got.Status)
	}
	stages := map[string]string{"through the plugin": address}
	if s.edge == "traefik" {
		s.awaitRouter(s.live(bob, "echo").ID)
		stages["through its own router"] = link
	} else {
		stages["through the plugin, access link"] = link
	}
	for stage, address := range stages {
		player := bob
		if address != link {
			player = mallory
		}
		websocketEcho(t, s, stage, player, address)
		eventStream(t, s, stage, player, address)
	}
}

func websocketEcho(t *testing.T, s *stack, stage, player, address string) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client := s.client(player)
	client.Timeout = 0
	c, _, err := websocket.Dial(
		ctx, "ws"+strings.TrimPrefix(address, "http")+"/ws", &websocket.DialOptions{HTTPClient: client},
	)
	if err != nil {
		t.Errorf("websocket %s: %v", stage, err)
		return
	}
	defer c.CloseNow()
	for n := range 3 {
		said := fmt.Sprintf("message %d", n)
		if err := c.Write(ctx, websocket.MessageText, []byte(said)); err != nil {
			t.Errorf("websocket %s: %v", stage, err)
			return
		}
		if _, heard, err := c.Read(ctx); err != nil || string(heard) != said {
			t.Errorf("websocket %s: said %q, heard %q %v", stage, said, heard, err)
		}
	}
}

// eventStream wants the first event before the last one was sent: nothing on the way may collect them.
func eventStream(t *testing.T, s *stack, stage, player, address string) {
	resp, err := s.client(player).Get(address + "/sse")
	if err != nil {
		t.Errorf("events %s: %v", stage, err)
		return
	}
	defer resp.Body.Close()
	began, events := time.Now(), 0
	var first time.Duration
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data:") {
			if events++; events == 1 {
				first = time.Since(began)
			}
		}
	}
	if whole := time.Since(began); events != 3 || whole-first < 200*time.Millisecond {
		t.Errorf("events %s: %d events, the first after %s, the end after %s", stage, events, first, whole)
	}
}

func rawRoutes(t *testing.T, s *stack) {
	s.t = t
	in := s.running(alice, "raw")
	byName := map[string]route{}
	for _, r := range in.Routes {
		byName[r.Name] = r
	}
	port := byName["nc"]
	if port.Port == 0 || !strings.Contains(port.Hint, fmt.Sprint(port.Port)) {
		t.Errorf("the port route tells %+v", port)
	}
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port.Port), 5*time.Second)
	if err != nil {
		t.Fatalf("port route: %v", err)
	}
	echo(t, "port route", conn)
	sni := byName["sni"]
	s.eventually("the SNI route answers", 30*time.Second, func() error {
		conn, err := tls.DialWithDialer(
			&net.Dialer{Timeout: 5 * time.Second}, "tcp", s.tls, &tls.Config{ServerName: sni.Host, InsecureSkipVerify: true},
		)
		if err != nil {
			return err
		}
		return tryEcho(conn)
	})
	// The name of another owner's instance that does not run leads nowhere.
	other := s.route(bob, "raw", "sni")
	conn, err = tls.DialWithDialer(
		&net.Dialer{Timeout: 5 * time.Second}, "tcp", s.tls, &tls.Config{ServerName: other.Host, InsecureSkipVerify: true},
	)
	if err == nil {
		if err := tryEcho(conn); err == nil {
			t.Errorf("the SNI of a sleeping instance reached a service")
		}
	}
	wakesByName(t, s, bob, "raw", "sni")
	wakesByName(t, s, mallory, "kinds", "through")
	// Ports stay with their owner.
	s.call(alice, "DELETE", "/instances/"+in.ID, "", nil)
	s.eventually("it is stopped", 30*time.Second, func() error {
		if now := s.live(alice, "raw"); now != nil {
			return fmt.Errorf("%s", now.State)
		}
		return nil
	})
	for _, r := range s.running(alice, "raw").Routes {
		if r.Name == "nc" && r.Port != port.Port {
			t.Errorf("the port was %d and is %d after a respawn", port.Port, r.Port)
		}
	}
}

// wakesByName wants the first connection to a sleeping instance to be the one that the challenge answers.
func wakesByName(t *testing.T, s *stack, player, challenge, name string) {
	t.Helper()
	if in := s.live(player, challenge); in != nil {
		t.Fatalf("%s is %s already", in.ID, in.State)
	}
	from := &net.Dialer{Timeout: time.Minute, LocalAddr: &net.TCPAddr{IP: net.ParseIP(player)}}
	began := time.Now()
	conn, err := tls.DialWithDialer(
		from, "tcp", s.tls, &tls.Config{ServerName: s.route(player, challenge, name).Host, InsecureSkipVerify: true},
	)
	if err != nil {
		t.Errorf("TLS by the name of a sleeping %s: %v", challenge, err)
		return
	}
	echo(t, "the connection that woke "+challenge, conn)
	t.Logf("woken and answered by TLS within %s", time.Since(began))
	if in := s.live(player, challenge); in == nil || in.State != "running" {
		t.Errorf("after it the instance is %+v", in)
	}
}

func echo(t *testing.T, what string, conn net.Conn) {
	t.Helper()
	if err := tryEcho(conn); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func tryEcho(conn net.Conn) error {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, "whale\n"); err != nil {
		return err
	}
	heard, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if heard != "whale\n" {
		return fmt.Errorf("heard %q", heard)
	}
	return nil
}
