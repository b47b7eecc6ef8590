package plugintest

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// TestWhyAContainerGaveNoAnswerIsLogged has containers that are not there and that answer nonsense: the log says which
// instance, where and why, and neither what was asked nor what the container said, however often it is asked.
func TestWhyAContainerGaveNoAnswerIsLogged(t *testing.T) {
	w := newWorld(t, compiled)
	w.mode = wire.AuthNone
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	w.sends("HTTP/1.1 200 OK\r\nflag{of the container}\r\n\r\n")
	at := map[string]string{"speaks": w.container.URL, "gone": "http://" + gone.Addr().String()}
	w.on(wire.PathWake, func(q wire.HostRequest) wire.HostStatus {
		which, _, _ := strings.Cut(q.Host, "--")
		instance, _, _ := strings.Cut(which, "-")
		return wire.HostStatus{
			State: wire.StateRunning, Mine: true, Access: "link", Backend: at[instance], Version: "1", Instance: which,
		}
	})
	said := errorsOf(t, func() {
		for range 30 {
			w.send("POST", "speaks-1--"+web, "/secret?path", "") // with a body, writing that may fail first
		}
		w.get("gone-1--"+web, "/secret?path")
		w.goDirectTo("gone-1-name@redis", at["gone"])
		w.get("gone-1--"+web, "/secret?path")
		var all sync.WaitGroup
		for n := range 30 { // as many instances
			all.Go(func() { w.get(fmt.Sprint("gone-x", n, "--", web), "/") })
		}
		all.Wait()
	})
	for _, want := range []string{
		"no answer to POST from speaks-1 at " + at["speaks"], "malformed MIME header",
		"no connection to gone-1 at " + at["gone"], "connection refused",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q: %s", want, said)
		}
	}
	for _, secret := range []string{"secret", "flag{", "abcdefghijklm"} {
		if strings.Contains(said, secret) {
			t.Errorf("it says %q: %s", secret, said)
		}
	}
	if n := strings.Count(said, "no connection to"); n > 15 {
		t.Errorf("%d lines of 32: %s", n, said)
	}
	if n := strings.Count(said, "speaks-1"); n != 1 {
		t.Errorf("%d lines about one container: %s", n, said)
	}
}

// errorsOf is what goes to standard error meanwhile.
func errorsOf(t *testing.T, do func()) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stderr
	os.Stderr = write
	defer func() { os.Stderr = before }()
	do()
	write.Close()
	text, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
