package system

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// way is one of those that a request can take to a container that says what bytes it was sent.
type way struct {
	name  string
	stack *stack
	at    seat      // of an instance that runs
	seats chan seat // of instances that sleep, each of which is woken by several requests at once
}

// wakeTime is how long a start may take on a machine that does much else.
const wakeTime = 3 * time.Minute

// seat is an instance and its owner.
type seat struct{ player, host string }

const (
	together = 50 // how many requests wake an instance that sleeps, and how many at once are sent to one that runs
	sleepers = 4
)

// fourWays are all that there are: the embedded edge, and behind Traefik an instance that is woken, one of access
// owner, and one of access link, the latter two with routers of their own.
func fourWays(t *testing.T, settings ...string) []*way {
	t.Helper()
	dir := t.TempDir()
	const route = "\n[[routes]]\nservice = \"web\"\nport = 8090\ntype = \"http\"\n"
	const routes = route + route + "name = \"append\"\nforwarded = \"append\"\n" + route +
		"name = \"none\"\nforwarded = \"none\"\n" +
		"\n[[routes]]\nservice = \"web\"\nport = 8091\nname = \"h2c\"\nscheme = \"h2c\"\n\n[[routes]]\nservice = \"web\"\nport = 8092\nname = \"tls\"\nscheme = \"https\"\n"
	writeFixture(t, filepath.Join(dir, "bytes"), fixture{toml: routes})
	writeFixture(t, filepath.Join(dir, "guarded-bytes"), fixture{toml: "access = \"owner\"\n" + routes})
	embedded, traefik := start(t, "embedded", dir, settings...), start(t, "traefik", dir, settings...)
	ways := []*way{
		{name: "embedded", stack: embedded}, {name: "asleep", stack: traefik}, {name: "owner", stack: traefik},
		{name: "link", stack: traefik},
	}
	for _, w := range ways {
		if w.name == "asleep" {
			w.seats = make(chan seat, sleepers)
			for n := range sleepers {
				player := fmt.Sprintf("127.0.1.%d", n+1)
				w.seats <- seat{player, hostOf(t, w.stack.address(player, "bytes"))}
			}
			continue
		}
		challenge := "bytes"
		if w.name == "owner" {
			challenge = "guarded-bytes"
		}
		in := w.stack.running(alice, challenge)
		w.at = seat{alice, hostOf(t, w.stack.address(alice, challenge))}
		if w.stack == traefik {
			traefik.awaitRouter(in.ID)
		}
	}
	t.Cleanup(func() { // before the stack ends
		for range sleepers {
			<-ways[1].seats
		}
	})
	return ways
}

// each does something with all of n inputs on this way.
func (w *way) each(n int, do func(i int, at seat)) {
	for first := 0; first < n; first += together {
		at := w.at
		if w.seats != nil {
			at = <-w.seats
		}
		var all sync.WaitGroup
		for i := first; i < min(first+together, n); i++ {
			all.Go(func() { do(i, at) })
		}
		all.Wait()
		if w.seats == nil {
			continue
		}
		go func() { // others need not wait until it sleeps again
			if err := w.toSleep(at.player); err != nil {
				w.stack.t.Errorf("%s: %v", at.player, err)
			}
			w.seats <- at
		}()
	}
}

// arrived is what became of a request.
type arrived struct {
	Head    []byte
	Body    []byte
	Trailer []string
	status  int    // of the answer; 0: the connection was closed without one
	answer  []byte // all bytes that came back
}

// send sends the same bytes whatever the way, in which HOST is the instance's host and ADDRESS the player's, and tells
// what the container got, in which host and address are put back.
func (w *way) send(at seat, request string, multiplexed bool) (arrived, error) {
	fill := strings.NewReplacer("HOST", at.host, "UPPER", strings.ToUpper(at.host), "ADDRESS", at.player)
	exchange := w.exchange
	if multiplexed {
		exchange = w.exchange2
	}
	got, err := exchange(at.player, fill.Replace(request))
	for end := time.Now().Add(wakeTime); bytes.Contains(got.answer, []byte(`"still_starting"`)) && time.Now().Before(end); {
		got, err = exchange(at.player, fill.Replace(request)) // as it was asked to: this machine does other things as well
	}
	if err != nil {
		return got, err
	}
	if got.status == http.StatusOK {
		_ = json.Unmarshal(record(got.answer), &got) // what the edge answers by itself has none
	}
	for from, to := range map[string]string{at.host: "HOST", strings.ToUpper(at.host): "UPPER", at.player: "ADDRESS"} {
		got.Head = bytes.ReplaceAll(got.Head, []byte(from), []byte(to))
	}
	return got, nil
}

// record is what the container says that it got, which for HEAD is in the header of its answer.
func record(answer []byte) []byte {
	head, body, found := bytes.Cut(answer, []byte("\r\n\r\n"))
	if !found {
		return answer // HTTP/2: the body alone
	}
	if _, after, found := bytes.Cut(head, []byte("X-Received: ")); found {
		text, _, _ := bytes.Cut(after, []byte("\r\n"))
		body, _ = base64.StdEncoding.DecodeString(string(text))
	} else if bytes.HasPrefix(body, []byte("HTTP/1.1 ")) { // after a 100 Continue
		return record(body)
	}
	return body
}

// toSleep stops what a request has woken, if it has.
func (w *way) toSleep(player string) error {
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var list instances
		if err := w.stack.tryCall(player, "GET", "/instances", "", &list); err != nil {
			return err
		}
		if len(list.Instances) == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("not stopped within two minutes: %+v", list.Instances)
		}
		for _, in := range list.Instances {
			if in.State == "running" {
				_ = w.stack.tryCall(player, "DELETE", "/instances/"+in.ID, "", nil)
			}
		}
	}
}

// dial opens a connection to the edge from a player's address.
func (w *way) dial(player string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(player)}, Timeout: 10 * time.Second}
	conn, err := d.Dial("tcp", w.stack.web)
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(90 * time.Second))
	}
	return conn, err
}

// exchange sends bytes and reads what comes back until the end.
func (w *way) exchange(player, request string) (arrived, error) {
	conn, err := w.dial(player)
	if err != nil {
		return arrived{}, err
	}
	defer conn.Close()
	go io.WriteString(conn, request) // who refuses a request need not read it
	var answer bytes.Buffer
	from := bufio.NewReader(io.TeeReader(conn, &answer))
	method, _, _ := strings.Cut(request, " ")
	for {
		resp, err := http.ReadResponse(from, &http.Request{Method: method})
		if err != nil && answer.Len() == 0 && (errors.Is(err, io.ErrUnexpectedEOF) || isReset(err)) {
			return arrived{}, nil // closed
		}
		if err != nil {
			return arrived{}, fmt.Errorf("%w: %.200q", err, answer.Bytes())
		}
		if resp.StatusCode >= 200 {
			_, _ = io.Copy(io.Discard, resp.Body) // one that breaks off is an answer too
			return arrived{status: resp.StatusCode, answer: answer.Bytes()}, nil
		}
	}
}

func isReset(err error) bool {
	return strings.Contains(err.Error(), "reset by peer")
}

// exchange2 sends a request by HTTP/2, with prior knowledge: the lines of its header, then, after an empty line, its
// body.
func (w *way) exchange2(player, request string) (arrived, error) {
	conn, err := w.dial(player)
	if err != nil {
		return arrived{}, err
	}
	defer conn.Close()
	head, body, _ := strings.Cut(request, "\r\n\r\n")
	block := &bytes.Buffer{}
	encoder := hpack.NewEncoder(block)
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		if err := encoder.WriteField(hpack.HeaderField{Name: name, Value: value}); err != nil {
			return arrived{}, err
		}
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return arrived{}, err
	}
	framer := http2.NewFramer(conn, conn)
	err = errors.Join(framer.WriteSettings(), framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: body == ""}))
	if body != "" {
		// 99 never come
		err = errors.Join(err, framer.WriteData(1, !strings.Contains(head, "content-length: 99"), []byte(body)))
	}
	if err != nil {
		return arrived{}, err
	}
	var got arrived
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return got, nil //nolint:nilerr // closed: it has no status
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				if v, has := f.Value(http2.SettingEnableConnectProtocol); has && v != 0 {
					return got, errors.New("websockets by HTTP/2 are offered")
				}
				if err := framer.WriteSettingsAck(); err != nil {
					return got, err
				}
			}
		case *http2.MetaHeadersFrame:
			if status := f.PseudoValue("status"); status >= "200" {
				fmt.Sscan(status, &got.status)
			}
			if f.StreamEnded() {
				return got, nil
			}
		case *http2.DataFrame:
			got.answer = append(got.answer, f.Data()...)
			if f.StreamEnded() {
				return got, nil
			}
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return got, nil
		}
	}
}
