package probe_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/probe"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// answering is where every request gets exactly this, over and over until it is read no further.
func answering(t *testing.T, first, again string) netip.AddrPort {
	t.Helper()
	return testkit.Serve(t, "tcp", "127.0.0.1:0", func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		_, err := io.WriteString(conn, first)
		for err == nil && again != "" {
			_, err = io.WriteString(conn, again)
		}
	}).AddrPort()
}

func TestAnEndlessAnswerCostsLittle(t *testing.T) {
	lines := strings.Repeat("ab:\r\nabc:\r\n", 1000)
	for what, at := range map[string]netip.AddrPort{
		"headers":         answering(t, "HTTP/1.1 200 OK\r\n", lines),
		"interim answers": answering(t, "", "HTTP/1.1 102 Processing\r\na: b\r\n\r\n"),
		"a status":        answering(t, "HTTP/1.1 200 ", lines[:2]),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		target := instancer.Target{Address: at, Ready: whaley.ReadyHTTP, Scheme: whaley.SchemeHTTP}
		if _, err := probe.New(nil).Answers(t.Context(), target); err != nil { // its first bytes are enough
			t.Errorf("endless %s: %v", what, err)
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("endless %s take %d MB", what, used>>20)
		}
	}
}
