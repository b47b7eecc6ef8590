package system

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestAnAnswerWithoutEndIsABadGateway lets a container answer with a million lines of headers, many times at once.
func TestAnAnswerWithoutEndIsABadGateway(t *testing.T) {
	for _, edge := range []string{"embedded", "traefik"} {
		t.Run(edge, func(t *testing.T) {
			s := start(t, edge, writeFixtures(t, "guarded"))
			address := s.running(alice, "guarded").Routes[0].URL
			if got := s.do(alice, "GET", address+"/", nil); got.Status != http.StatusOK {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			front := s.front()
			before := resident(t, front)
			for what, answer := range map[string]url.Values{
				"headers":    {"head": {"HTTP/1.1 200 OK\r\n"}, "line": {"{n}:\r\n"}, "times": {"1000000"}, "tail": {"\r\n"}},
				"one header": {"head": {"HTTP/1.1 200 OK\r\n"}, "line": {"a:\r\n"}, "times": {"1000000"}, "tail": {"\r\n"}},
				"interim answers": {
					"line": {"HTTP/1.1 103 x\r\nA: {n}\r\n\r\n"}, "times": {"100000"}, "tail": {"HTTP/1.1 200 OK\r\n\r\n"},
				},
			} {
				var all sync.WaitGroup
				for range 12 {
					all.Go(func() {
						got, err := s.try(alice, "GET", address+"/raw?"+answer.Encode(), nil)
						if err != nil || got.Status != http.StatusBadGateway || !strings.Contains(got.Body, "no_answer") {
							t.Errorf("%s: %d %.200s %v", what, got.Status, got.Body, err)
						}
					})
				}
				all.Wait()
			}
			// 36 of them were 13 GB; the race detector is in this.
			if grown := resident(t, front) - before; grown > 500<<20 {
				t.Errorf("the front door has grown by %d MB", grown>>20)
			}
			for status := range 100 {
				got := s.do(
					alice, "GET", address+"/raw?"+url.Values{"head": {fmt.Sprintf("HTTP/1.1 %03d OK\r\n\r\n", status)}}.Encode(), nil,
				)
				if got.Status != http.StatusBadGateway {
					t.Errorf("status %03d: %d", status, got.Status)
				}
			}
			hints := s.do(alice, "GET", address+"/raw?"+url.Values{
				"head": {"HTTP/1.1 103 Early Hints\r\nSet-Cookie: whaley=x\r\nClear-Site-Data: *\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: a=b; Domain=" +
					base + "\r\n\r\n"},
			}.Encode(), nil)
			if hints.Status != http.StatusOK || hints.Body != "ok" || len(hints.Header["Set-Cookie"]) > 0 {
				t.Errorf("%d %q %v", hints.Status, hints.Body, hints.Header)
			}
			if got := s.do(alice, "GET", address+"/", nil); got.Status != http.StatusOK {
				t.Errorf("and then an honest one: %d", got.Status)
			}
		})
	}
}

// front is the process that players speak with.
func (s *stack) front() int {
	if s.traefik != nil {
		return s.traefik.Pid
	}
	return s.process.Process.Pid
}

// resident is how much memory a process has, in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	pages, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	kilobytes, err := strconv.ParseInt(pages, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// TestRunningOutOfDescriptorsPasses takes every descriptor that a process may open, more than once.
func TestRunningOutOfDescriptorsPasses(t *testing.T) {
	for _, edge := range []string{"embedded", "traefik"} {
		t.Run(edge, func(t *testing.T) {
			s := start(t, edge, writeFixtures(t, "raw"))
			in := s.running(alice, "raw")
			web, byName := in.Routes[0].URL, in.Routes[2].Host
			served := func() error {
				if got, err := s.try(alice, "GET", web+"/", nil); err != nil || got.Status != http.StatusOK {
					return fmt.Errorf("web: %d %v", got.Status, err)
				}
				return s.echoes(byName)
			}
			s.eventually("both are served", 30*time.Second, served)
			held, err := s.dialTLS(byName)
			if err != nil {
				t.Fatal(err)
			}
			defer held.Close()
			greeted := time.Now()
			processes := map[string]int{"front": s.front(), "sidecar": s.process.Process.Pid}
			listeners := map[string][]string{"front": {s.web, s.tls}, "sidecar": {s.public, s.internal}}
			if edge == "embedded" {
				processes, listeners = map[string]int{"sidecar": s.front()}, map[string][]string{"sidecar": {
					s.web, s.tls, s.public, s.internal,
				}}
			}
			for name, pid := range processes {
				for range 2 {
					s.exhaust(pid, listeners[name])
					s.eventually("both are served again", 30*time.Second, served)
					s.ready()
				}
			}
			time.Sleep(time.Until(greeted.Add(helloTime + time.Second))) // nothing happens for so long, which is the point
			if err := echoed(held); err != nil {
				t.Errorf("a connection that was there before all that: %v", err)
			}
		})
	}
}

// helloTime is what either edge gives a connection by TLS to say where it wants to, and not to anything after that.
const helloTime = 10 * time.Second

// dialTLS is a connection by TLS to an instance, or to what else answers to the name.
func (s *stack) dialTLS(name string) (*tls.Conn, error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return tls.DialWithDialer(dialer, "tcp", s.tls, &tls.Config{ServerName: name, InsecureSkipVerify: true})
}

// echoes holds that a route by TLS is served.
func (s *stack) echoes(name string) error {
	conn, err := s.dialTLS(name)
	if err != nil {
		return err
	}
	defer conn.Close()
	return echoed(conn)
}

// echoed says something to an instance that says it again.
func echoed(conn net.Conn) error {
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, "echo\n"); err != nil {
		return err
	}
	back := make([]byte, 5)
	if _, err := io.ReadFull(conn, back); err != nil || string(back) != "echo\n" {
		return fmt.Errorf("echo: %q %w", back, err)
	}
	return nil
}

// ready holds that the sidecar says that all is well.
func (s *stack) ready() {
	s.t.Helper()
	s.eventually("the sidecar says that all is well", 30*time.Second, func() error {
		resp, err := http.Get("http://" + s.public + "/health/ready")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusOK || err != nil {
			return fmt.Errorf("%d %s %w", resp.StatusCode, text, err)
		}
		return nil
	})
}

// exhaust lets a process open nothing more while clients come to its listeners, until it has noticed; then it may again.
func (s *stack) exhaust(pid int, listeners []string) {
	s.t.Helper()
	watch := s.connected() // a connection that was there before
	defer watch.CloseIdleConnections()
	var was unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &was); err != nil {
		s.t.Fatal(err)
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: was.Max}, nil); err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &was, nil); err != nil {
			s.t.Fatal(err)
		}
	}()
	for n := range 40 {
		conn, err := net.DialTimeout("tcp", listeners[n%len(listeners)], 5*time.Second)
		if err != nil && !errors.Is(err, syscall.ECONNRESET) {
			s.t.Fatal(err)
		}
		if err == nil {
			defer conn.Close()
		}
	}
	if pid != s.process.Process.Pid {
		return
	}
	s.eventually("the sidecar says which listeners accept nothing", 30*time.Second, func() error {
		text, err := readiness(watch, s.public)
		for _, name := range []string{"listen", "edge_tls_listen"}[:len(listeners)/2] {
			if err == nil && !strings.Contains(text, fmt.Sprintf(`{"name":%q,"status":"failed"`, name)) {
				err = errors.New(text)
			}
		}
		return err
	})
}

// connected is a client that has its connection to the sidecar already.
func (s *stack) connected() *http.Client {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	if _, err := readiness(client, s.public); err != nil {
		s.t.Fatal(err)
	}
	return client
}

func readiness(client *http.Client, address string) (string, error) {
	resp, err := client.Get("http://" + address + "/health/ready")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// TestAHogOfConnectionsKeepsNobodyElseOut opens all that an address gets, at each listener and in each state. The
// kernel's bound, which comes before with FIREWALL=auto, has tests of its own.
func TestAHogOfConnectionsKeepsNobodyElseOut(t *testing.T) {
	const most, wanted = 60, 100
	s := start(t, "embedded", writeFixtures(t, "raw"), "FIREWALL=off", fmt.Sprintf("ADDRESS_MAX_CONNECTIONS=%d", most))
	in := s.running(alice, "raw")
	web, byName := in.Routes[0].URL, in.Routes[2].Host
	for _, listener := range []string{s.web, s.tls, s.public} {
		for _, says := range []string{
			"", "\x16\x03\x01\x02\x00\x01", "POST / HTTP/1.1\r\nHost: whaley.localhost\r\nContent-Length: 100\r\n\r\n{",
			"GET / HTTP/1.1\r\nHo",
		} {
			release := s.hog(listener, says, wanted, wanted-most)
			if got := s.do(alice, "GET", web+"/", nil); got.Status != http.StatusOK {
				t.Errorf("meanwhile: %d", got.Status)
			}
			if err := s.echoes(byName); err != nil {
				t.Errorf("meanwhile, by TLS: %v", err)
			}
			s.ready()
			release()
		}
	}
	s.eventually("the hog is served again", 30*time.Second, func() error {
		got, err := s.try(mallory, "GET", s.dashboard+"/", nil)
		if err == nil && got.Status != http.StatusOK {
			err = fmt.Errorf("status %d", got.Status)
		}
		return err
	})
}

// hog opens connections from one address that all say something, and waits until so many of them are ended.
func (s *stack) hog(listener, says string, wanted, refused int) (release func()) {
	s.t.Helper()
	var all []net.Conn
	ended := make(chan struct{}, wanted)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(mallory)}, Timeout: 30 * time.Second}
	for range wanted {
		conn, err := d.Dial("tcp", listener)
		if errors.Is(err, syscall.ECONNRESET) {
			ended <- struct{}{}
			continue
		}
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, conn)
		go func() {
			_, _ = io.WriteString(conn, says) // it may be ended already, which the read finds
			_, _ = conn.Read(make([]byte, 1))
			ended <- struct{}{}
		}()
	}
	late := time.After(30 * time.Second)
	for n := range refused {
		select {
		case <-ended:
		case <-late:
			s.t.Fatalf("%s with %q: %d of %d connections are refused", listener, says, n, wanted)
		}
	}
	return func() {
		for _, conn := range all {
			conn.Close()
		}
	}
}
