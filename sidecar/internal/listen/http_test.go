package listen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/shared/flow"
)

// pipes is a listener in memory: in the bubble of a test its minutes take no time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// serving runs test against a server with the given handler. Its connections are those of dial.
func serving(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, dial func() net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error)
		go func() { served <- Serve(ctx, p, handler, slog.New(slog.DiscardHandler)) }()
		var open []net.Conn
		test(t, func() net.Conn {
			ours, theirs := net.Pipe()
			open = append(open, ours)
			p.conns <- theirs
			return ours
		})
		for _, c := range open {
			c.Close()
		}
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// slurp reads a body and answers with what became of it.
func slurp(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	fmt.Fprintf(w, "%d %v", n, errors.Is(err, os.ErrDeadlineExceeded))
}

// answer reads one answer, or the end.
func answer(conn net.Conn) (string, error) {
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// lasts holds how long it takes until a connection is ended from the other side.
func lasts(t *testing.T, conn net.Conn, least, most time.Duration) {
	t.Helper()
	began := time.Now()
	io.Copy(io.Discard, conn)
	if took := time.Since(began); took < least || took > most {
		t.Errorf("it ends after %s, not between %s and %s", took, least, most)
	}
}

func TestHeadersAndPausesHaveAnEnd(t *testing.T) {
	serving(t, slurp, func(t *testing.T, dial func() net.Conn) {
		lasts(t, dial(), 10*time.Second, 11*time.Second) // nothing at all
		slow := dial()
		go func() {
			for _, letter := range "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 1000) {
				if _, err := io.WriteString(slow, string(letter)); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		lasts(t, slow, 10*time.Second, 11*time.Second)
		idle := dial()
		for range 2 {
			io.WriteString(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			if got, err := answer(idle); got != "0 false" {
				t.Fatal(got, err)
			}
			time.Sleep(119 * time.Second)
		}
		lasts(t, idle, 0, 2*time.Second)
	})
}

func TestABodyThatStallsEnds(t *testing.T) {
	serving(t, slurp, func(t *testing.T, dial func() net.Conn) {
		for _, head := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
			conn := dial()
			io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+head+"\r\n\r\n")
			time.Sleep(29 * time.Second)
			io.WriteString(conn, "1\r\n{\r\n")
			began := time.Now()
			got, err := answer(conn)
			if took := time.Since(began); !strings.HasSuffix(got, " true") || took > 31*time.Second {
				t.Errorf("%s: %q %v after %s", head, got, err, took)
			}
			lasts(t, conn, 0, time.Second)
		}
	})
}

func TestABodyThatDripsEnds(t *testing.T) {
	serving(t, slurp, func(t *testing.T, dial func() net.Conn) {
		for pause, drop := range map[time.Duration]int{
			time.Second: 1, 29 * time.Second: 1000, 10 * time.Second: 10_000, 100 * time.Millisecond: 2000,
		} {
			conn := dial()
			var dripping sync.WaitGroup
			dripping.Go(func() {
				io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
				for {
					time.Sleep(pause)
					if _, err := io.WriteString(conn, strings.Repeat("x", drop)); err != nil {
						return
					}
				}
			})
			began := time.Now()
			got, err := answer(conn)
			took := time.Since(began)
			if !strings.HasSuffix(got, " true") || took > flow.Longest+time.Minute ||
				drop < 10_000*int(pause/time.Second)/10 && took > 2*time.Minute {
				t.Errorf("%d bytes each %s: %q %v after %s", drop, pause, got, err, took)
			}
			conn.Close()
			dripping.Wait()
		}
	})
}

func TestABodyThatFlowsArrivesWhole(t *testing.T) {
	serving(t, slurp, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		for range 2 { // one after the other on one connection
			go func() {
				io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1080000\r\n\r\n")
				for range 540 { // nine minutes
					time.Sleep(time.Second)
					io.WriteString(conn, strings.Repeat("x", 2000))
				}
			}()
			if got, err := answer(conn); got != "1080000 false" {
				t.Errorf("%q %v", got, err)
			}
			time.Sleep(100 * time.Second)
		}
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if got, err := answer(conn); got != "0 false" {
			t.Errorf("and then: %q %v", got, err)
		}
	})
}

func TestAHeldRequestGetsItsWholeBody(t *testing.T) {
	held := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(50 * time.Second) // until an instance runs
		buffer := make([]byte, 1000)
		n := 0
		for {
			got, err := r.Body.Read(buffer)
			n += got
			if err != nil {
				break
			}
			time.Sleep(20 * time.Second) // a challenge that takes its time
		}
		time.Sleep(time.Hour) // and answers late
		if r.Context().Err() != nil {
			return
		}
		fmt.Fprint(w, n)
	}
	serving(t, held, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		go io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n"+strings.Repeat("x", 50_000))
		if got, err := answer(conn); got != "50000" {
			t.Errorf("%q %v", got, err)
		}
	})
}

func TestAnAnswerMayTakeAsLongAsItLikes(t *testing.T) {
	stream := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for n := range 20 {
			time.Sleep(10 * time.Minute)
			fmt.Fprintf(w, "%d ", n)
			http.NewResponseController(w).Flush()
		}
		if r.Context().Err() != nil {
			t.Error("the client is taken for gone")
		}
	}
	serving(t, stream, func(t *testing.T, dial func() net.Conn) {
		for _, request := range []string{
			"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
		} {
			conn := dial()
			io.WriteString(conn, request)
			if got, err := answer(conn); !strings.HasSuffix(got, "18 19 ") {
				t.Errorf("%q %v", got, err)
			}
		}
	})
}

func TestAnotherProtocolIsNotCut(t *testing.T) {
	switching := func(w http.ResponseWriter, r *http.Request) {
		go r.Body.Read(make([]byte, 10)) // as a transport does that passes the body on
		time.Sleep(time.Minute)
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		line, err := both.ReadString('\n')
		if err != nil {
			t.Error(err)
		}
		io.WriteString(conn, line)
	}
	serving(t, switching, func(t *testing.T, dial func() net.Conn) {
		for _, extra := range []string{"", "Content-Length: 2\r\n"} {
			conn := dial()
			io.WriteString(
				conn,
				"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n"+extra+"\r\n"+strings.Repeat("a", len(extra)/9),
			)
			read := bufio.NewReader(conn)
			if _, err := http.ReadResponse(read, nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Hour)
			io.WriteString(conn, "still there\n")
			if line, err := read.ReadString('\n'); line != "still there\n" {
				t.Errorf("with %q: %q %v", extra, line, err)
			}
		}
	})
}

func TestWhatAHandlerDoesNotReadHoldsNobodyUp(t *testing.T) {
	refusing := func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 7 { // passed on to something that answers before it has read all
			go io.Copy(io.Discard, r.Body)
			time.Sleep(time.Second)
		}
		http.Error(w, "no", http.StatusForbidden)
	}
	serving(t, refusing, func(t *testing.T, dial func() net.Conn) {
		for _, rest := range []string{
			"Content-Length: 100\r\n\r\n{", "Content-Length: 7\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n",
			"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
		} {
			conn := dial()
			io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+rest)
			began := time.Now()
			got, err := answer(conn)
			if took := time.Since(began); got != "no\n" || took > 10*time.Second {
				t.Errorf("%q: %q %v after %s", rest, got, err, took)
			}
			lasts(t, conn, 0, 10*time.Second)
		}
		// What comes behind a body that was not read is served as ever.
		conn := dial()
		for range 3 {
			io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
			if got, err := answer(conn); got != "no\n" {
				t.Fatalf("%q %v", got, err)
			}
			time.Sleep(90 * time.Second)
		}
	})
}

func TestByHTTP2TheSameHolds(t *testing.T) {
	slow := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(50 * time.Second) // held
		buffer := make([]byte, 4000)
		n := 0
		for {
			got, err := r.Body.Read(buffer)
			n += got
			if err != nil {
				fmt.Fprintf(w, "%d %v", n, errors.Is(err, os.ErrDeadlineExceeded))
				return
			}
			if r.Header.Get("Slowly") != "" {
				time.Sleep(40 * time.Second)
			}
		}
	}
	handler := http.HandlerFunc(slow)
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error)
		both := &http.Protocols{}
		both.SetHTTP1(true)
		both.SetUnencryptedHTTP2(true)
		go func() {
			served <- Serve(ctx, p, handler, slog.New(slog.DiscardHandler), func(s *http.Server) { s.Protocols = both })
		}()
		only := &http.Protocols{}
		only.SetUnencryptedHTTP2(true)
		transport := &http.Transport{Protocols: only, DialContext: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			p.conns <- theirs
			return ours, nil
		}}
		send := func(body io.Reader, header ...string) string {
			r, err := http.NewRequest("POST", "http://x/", body)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range header {
				r.Header.Set(name, "yes")
			}
			resp, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.ProtoMajor != 2 {
				t.Errorf("by %s", resp.Proto)
			}
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Error(err)
			}
			return string(text)
		}
		if got := send(strings.NewReader(strings.Repeat("x", 40_000)), "Slowly"); got != "40000 false" {
			t.Errorf("a challenge that takes its time: %q", got)
		}
		read, write := io.Pipe()
		go io.WriteString(write, "x")
		began := time.Now()
		if got := send(read); got != "1 true" || time.Since(began) > 2*time.Minute {
			t.Errorf("a body that stalls: %q after %s", got, time.Since(began))
		}
		write.Close()
		transport.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
