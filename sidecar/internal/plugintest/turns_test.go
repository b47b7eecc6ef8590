package plugintest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// gauge is how many do something at the same time.
type gauge struct{ now, most atomic.Int64 }

func (g *gauge) during(do func()) {
	if n := g.now.Add(1); n > g.most.Load() {
		g.most.Store(n)
	}
	do()
	g.now.Add(-1)
}

// few are as many as get a turn at the same time of 40, on a machine that is slow enough for a turn to be over before
// its work is.
const few = 12

// strangersAtOnce has one address guess hosts, many at a time. Another's request is answered meanwhile.
func strangersAtOnce(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	var lookups gauge
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		if q.Address == "192.0.2.1" {
			lookups.during(func() { time.Sleep(2 * time.Millisecond) })
		}
		return wire.HostStatus{State: wire.StateUnknown, Version: "unknown"}
	})
	ask := func(from, host string) int {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host, r.RequestURI, r.RemoteAddr = host, "/", from+":1"
		answer := httptest.NewRecorder()
		w.front.Config.Handler.ServeHTTP(answer, r)
		return answer.Code
	}
	ask("192.0.2.2", web) // keys are known from here on
	var all sync.WaitGroup
	var left atomic.Int64
	for n := range 40 {
		left.Add(1)
		all.Go(func() {
			defer left.Add(-1)
			host := []byte(web)
			host[4], host[5] = 'a'+byte(n/20), 'a'+byte(n%20)
			if got := ask("192.0.2.1", string(host)); got != 404 {
				t.Errorf("%s: %d", host, got)
			}
		})
	}
	if got := ask("192.0.2.2", pwn); got != 404 || left.Load() == 0 {
		t.Errorf("%d, when %d were left of the others", got, left.Load())
	}
	all.Wait()
	if n := lookups.most.Load(); n > few {
		t.Errorf("%d lookups of one address at the same time", n)
	}
}

// waitingGivesTurnsUp has an address, which has one turn, wait for as many starts as it likes: another of its requests
// is answered meanwhile.
func waitingGivesTurnsUp(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	w.holds = true
	var waiting sync.WaitGroup
	waiting.Add(few + 1)
	answered := make(chan bool)
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		if q.Host != pwn {
			waiting.Done()
			<-answered
		}
		return w.running("link")(q)
	})
	var all sync.WaitGroup
	for range few + 1 {
		all.Go(func() {
			if got := w.get(web, "/"); got.Status != 200 {
				t.Errorf("one that waited: %d %s", got.Status, got.Body)
			}
		})
	}
	waiting.Wait()
	if got := w.get(pwn, "/"); got.Status != 200 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	close(answered)
	all.Wait()
}

// websocketsAtOnce opens many: one after the other, and then all are open. Requests to what runs are under way all at
// the same time.
func websocketsAtOnce(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	w.on(wire.PathWake, func(wire.HostRequest) wire.HostStatus {
		return wire.HostStatus{State: wire.StateRunning, Mine: true, Access: "link", Backend: w.container.URL, Version: "1"}
	})
	const many = 40
	var opening gauge
	// Each round of requests has its own: one that is used again would have to know that all have left it.
	met := map[string]*sync.WaitGroup{"GET": {}, "POST": {}}
	w.mu.Lock()
	for _, round := range met {
		round.Add(many)
	}
	w.hostile = func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			met[r.Method].Done()
			met[r.Method].Wait() // for all others
			return
		}
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		opening.during(func() { time.Sleep(2 * time.Millisecond) })
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		io.Copy(io.Discard, conn)
	}
	w.mu.Unlock()
	for _, method := range []string{"GET", "POST"} {
		var all sync.WaitGroup
		for range many {
			all.Go(func() {
				if got := w.send(method, web, "/", ""); got.Status != 200 {
					t.Errorf("%s: %d", method, got.Status)
				}
			})
		}
		all.Wait()
	}
	var all sync.WaitGroup
	open := make(chan net.Conn, many)
	for range many {
		all.Go(func() {
			conn, err := net.Dial("tcp", w.front.Listener.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			open <- conn
			conn.SetDeadline(time.Now().Add(time.Minute))
			fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", web)
			if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "HTTP/1.1 101 Switching Protocols\r\n" {
				t.Errorf("%q %v", line, err)
			}
		})
	}
	all.Wait()
	if n := opening.most.Load(); n > few {
		t.Errorf("%d are opened at the same time", n)
	}
	for range many {
		(<-open).Close()
	}
}

// websocketsHaveABound has one address open more than it may have at one host. Those above it are told so; another host
// has room meanwhile, and so has this one when some are closed.
func websocketsHaveABound(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	w.on(wire.PathWake, w.running("link"))
	w.hostile = func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		io.Copy(io.Discard, conn)
	}
	open := func(host string) (net.Conn, string) {
		conn, err := net.Dial("tcp", w.front.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return nil, ""
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", host)
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			t.Error(err)
		}
		return conn, strings.TrimSpace(line)
	}
	const most, above = 256, 20
	answers := make(chan string, most+above)
	opened := make(chan net.Conn, most)
	for range most + above {
		go func() {
			conn, line := open(web)
			if strings.Contains(line, " 101 ") {
				opened <- conn
			}
			answers <- line
		}()
	}
	if _, line := open(pwn); !strings.Contains(line, " 101 ") {
		t.Errorf("at another host: %q", line)
	}
	got := map[string]int{}
	for range most + above {
		got[<-answers]++
	}
	if got["HTTP/1.1 101 Switching Protocols"] != most || got["HTTP/1.1 429 Too Many Requests"] != above {
		t.Fatalf("%v", got)
	}
	(<-opened).Close()
	for end := time.Now().Add(time.Minute); ; {
		if _, line := open(web); strings.Contains(line, " 101 ") {
			return
		} else if time.Now().After(end) {
			t.Fatalf("after one was closed: %q", line)
		}
	}
}
