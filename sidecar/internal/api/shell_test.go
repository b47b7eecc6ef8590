package api_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/whaley-ctf/whaley/sidecar/internal/api"
	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/testkit"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// echoes are shells that show what is typed, and how large they are.
type echoes struct{ ended chan string }

type echo struct {
	*io.PipeReader
	show  *io.PipeWriter
	ended chan string
}

func (e echoes) Shell(_ context.Context, _, service string, _ instancer.TerminalSize) (instancer.Terminal, error) {
	if service != "web" {
		return nil, instancer.NoSuchService(service)
	}
	shown, show := io.Pipe()
	return echo{shown, show, e.ended}, nil
}

func (e echo) Write(p []byte) (int, error) {
	if string(p) == "exit\r" {
		return len(p), e.show.Close()
	}
	return e.show.Write(p)
}

func (e echo) Resize(_ context.Context, size instancer.TerminalSize) error {
	_, err := e.show.Write([]byte(strings.Repeat("c", int(size.Columns))))
	return err
}

func (e echo) Close() error {
	e.ended <- "closed"
	return e.PipeReader.Close()
}

// shells is a surface with shells that are on, an instance, and how one is opened with a key.
type shells struct {
	*surface
	server *httptest.Server
	ended  chan string
	id     string
}

func newShells(t *testing.T, idle time.Duration) *shells {
	sh := &shells{ended: make(chan string, 20)}
	sh.surface = newSurfaceOn(t, simulated.NewWorld().Engine("ours"), func(n *api.Needs, o *api.Options) {
		n.Shells = echoes{sh.ended}
		o.StreamAlive, o.ShellIdle = 50*time.Millisecond, idle
	})
	sh.server = httptest.NewServer(sh.public)
	t.Cleanup(sh.server.Close)
	sh.id = sh.spawned("one").ID
	return sh
}

func (sh *shells) on(on string) {
	sh.t.Helper()
	sh.admin("PUT", "/admin/api/settings", `{"settings":{"ADMIN_SHELL":"`+on+`"}}`).is(200)
}

func (sh *shells) dial(key, service string, header ...string) (*websocket.Conn, int, string) {
	h := http.Header{"X-Admin-Key": {key}}
	for n := 0; n+1 < len(header); n += 2 {
		h.Set(header[n], header[n+1])
	}
	conn, answer, err := websocket.Dial(
		sh.t.Context(), sh.server.URL+"/admin/api/instances/"+sh.id+"/services/"+service+"/shell", &websocket.DialOptions{HTTPHeader: h},
	)
	if err != nil && answer != nil {
		text, _ := io.ReadAll(answer.Body)
		return nil, answer.StatusCode, string(text)
	}
	if err != nil {
		sh.t.Fatal(err)
	}
	return conn, answer.StatusCode, ""
}

func (sh *shells) shows(conn *websocket.Conn, want string) {
	sh.t.Helper()
	if kind, text, err := conn.Read(sh.t.Context()); err != nil || kind != websocket.MessageBinary || string(text) != want {
		sh.t.Fatalf("%v %q %v, want %q", kind, text, err, want)
	}
}

// ends is why the far side closed.
func (sh *shells) ends(conn *websocket.Conn, why string) {
	sh.t.Helper()
	_, _, err := conn.Read(sh.t.Context())
	if !strings.Contains(err.Error(), why) {
		sh.t.Errorf("it ended with %v, want %q", err, why)
	}
	select {
	case <-sh.ended:
	case <-time.After(10 * time.Second):
		sh.t.Error("the shell itself goes on")
	}
}

func (sh *shells) types(conn *websocket.Conn, kind websocket.MessageType, text string) {
	sh.t.Helper()
	if err := conn.Write(sh.t.Context(), kind, []byte(text)); err != nil {
		sh.t.Fatal(err)
	}
}

func TestAShellIsOperatorsOffByDefaultAndInTheLog(t *testing.T) {
	sh := newShells(t, time.Minute)
	operator, id := keyFor(sh.surface, "Op", whaley.RoleOperator)
	viewer, _ := keyFor(sh.surface, "Vi", whaley.RoleViewer)
	refused := func(what, key, service, code string, header ...string) {
		t.Helper()
		if conn, status, text := sh.dial(key, service, header...); conn != nil || !strings.Contains(text, code) {
			t.Errorf("%s: %d %s", what, status, text)
		}
	}
	refused("off", operator, "web", "shell_off")
	sh.on("true")
	refused("a viewer", viewer, "web", "role_missing")
	refused("no key", "", "web", "key_refused")
	refused("no such service", operator, "nothing", "service_not_running")
	refused("another site", operator, "web", "", "Origin", "https://evil.example")
	<-sh.ended // which it was asked for

	conn, _, _ := sh.dial(operator, "web", "Origin", sh.server.URL)
	if conn == nil {
		t.Fatal("the panel's own page is refused")
	}
	sh.types(conn, websocket.MessageBinary, "id\r")
	sh.shows(conn, "id\r")
	sh.types(conn, websocket.MessageText, `{"columns":3,"rows":2}`)
	sh.shows(conn, "ccc")
	sh.types(conn, websocket.MessageBinary, "exit\r")
	sh.ends(conn, "ended")
	testkit.Eventually(t, 10*time.Second, "the log of events has beginning and end", func() error {
		lines := sh.admin("GET", "/admin/api/logs?type=admin_shell", "").is(200).Body.String()
		for _, want := range []string{"shell in web asked for", "shell in web ended after 0s: ended", "Op at ", sh.id} {
			if !strings.Contains(lines, want) {
				return whaley.Errorf(whaley.Invalid, "missing", "no %q in %s", want, lines)
			}
		}
		return nil
	})

	// It ends when the key does, and when shells are turned off.
	conn, _, _ = sh.dial(operator, "web")
	sh.admin("DELETE", "/admin/api/organisers/"+id, "").is(204)
	sh.ends(conn, "refused")
	conn, _, _ = sh.dial(adminKey, "web")
	sh.on("false")
	sh.ends(conn, "refused")
}

func TestShellsAreFewAndEndWhenNothingIsTyped(t *testing.T) {
	sh := newShells(t, 400*time.Millisecond)
	sh.on("true")
	conn, _, _ := sh.dial(adminKey, "web")
	sh.ends(conn, "idle")
	sh = newShells(t, time.Minute)
	sh.on("true")
	for range 10 {
		if conn, status, text := sh.dial(adminKey, "web"); conn == nil {
			t.Fatal(status, text)
		}
	}
	if conn, _, text := sh.dial(adminKey, "web"); conn != nil || !strings.Contains(text, "shells_many") {
		t.Errorf("the eleventh: %s", text)
	}
}
