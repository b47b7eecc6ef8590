package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/whaley-ctf/whaley/sidecar/internal/api/kit"
	"github.com/whaley-ctf/whaley/sidecar/internal/instancer"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

const (
	mostShells = 10       // open at once, of all organisers
	shellRead  = 64 << 10 // bytes of one message, as of what is pasted
	shellPart  = 16 << 10 // bytes shown in one message

	shellPatience = 30 * time.Second // with a page that takes nothing in
)

// defaultSize is a terminal's until its page says how large it is.
var defaultSize = instancer.TerminalSize{Columns: 80, Rows: 24}

// OpenShell leads a websocket into a shell of a service. Binary messages are what is typed and what is shown; a text
// message of the page is its size. It is in the log of events before the shell begins, and again when it has ended.
func (a Handlers) OpenShell(w http.ResponseWriter, r *http.Request) error {
	if err := a.shellsOn(); err != nil {
		return err
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return whaley.Errorf(whaley.Invalid, "websocket_wanted", "This address is for websockets, as the panel opens them.")
	}
	in, err := a.Instancer.Any(r.Context(), kit.IDOf(r))
	if err != nil {
		return err
	}
	service := r.PathValue("service")
	defer a.ShellCount.Add(-1)
	if a.ShellCount.Add(1) > mostShells {
		return whaley.Errorf(whaley.Exhausted, "shells_many", "%d shells are open. Close one.", mostShells)
	}
	line := whaley.Event{Type: "admin_shell", Instance: in.ID, Challenge: in.Challenge, Message: "shell in " + service + " asked for"}
	if tell(r, line); a.Events.Record(r.Context(), whaley.Event{}) != nil {
		return whaley.Errorf(whaley.Unavailable, "shell_not_logged", "The log of events cannot be written, so no shell is begun.")
	}
	terminal, err := a.Shells.Shell(r.Context(), in.ID, service, defaultSize)
	if err != nil {
		return err
	}
	defer terminal.Close()
	began := time.Now()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return nil // it has been answered: another site's page, or none that speaks the protocol
	}
	kit.EndTurn(r.Context())
	why := a.lead(r, conn, terminal)
	_ = conn.Close(websocket.StatusNormalClosure, why) // nobody to tell when the page has gone
	line.Message = "shell in " + service + " ended after " + time.Since(began).Round(time.Second).String() + ": " + why
	over := lineOf(r, line)
	if err := a.Events.Record(context.WithoutCancel(r.Context()), over.Event); err != nil {
		a.Log.Error("end of a shell is not in the log of events", "event", line, "err", err)
	}
	return nil
}

// shellsOn refuses while the setting or the platform has no shells.
func (a Handlers) shellsOn() error {
	if a.Shells == nil {
		return whaley.Errorf(
			whaley.Forbidden, "shell_unavailable", "There are no shells where instances run on Kubernetes. Use kubectl exec.",
		)
	}
	if a.Settings == nil || !a.Settings.Now().Config.AdminShell {
		return whaley.Errorf(
			whaley.Forbidden, "shell_off", "Shells are off. An admin turns them on with the setting ADMIN_SHELL.",
		)
	}
	return nil
}

// Why a shell ended, as its page and the log of events are told.
var (
	errShellEnded = errors.New("ended")
	errShellIdle  = errors.New("idle")
	errShellLeft  = errors.New("left")
	errShellStop  = errors.New("refused")
)

// lead passes on what is typed and shown until either side ends, nothing is typed for long, or it may not go on.
func (a Handlers) lead(r *http.Request, conn *websocket.Conn, terminal instancer.Terminal) (why string) {
	ctx, end := context.WithCancelCause(r.Context())
	defer end(nil)
	defer context.AfterFunc(a.Ctx, func() { end(errShellEnded) })()
	conn.SetReadLimit(shellRead)
	typed := make(chan struct{}, 1)
	// Neither knows ctx: with its end the connection would be gone, before the page is told why.
	go func() { end(readTyped(context.WithoutCancel(ctx), conn, terminal, typed)) }()
	go func() { end(writeShown(context.WithoutCancel(ctx), conn, terminal)) }()
	idle, look := time.NewTimer(a.Opts.ShellIdle), time.NewTicker(a.Opts.StreamAlive)
	defer idle.Stop()
	defer look.Stop()
	v, _ := r.Context().Value(kit.AdminKey{}).(*kit.AdminVisit)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx).Error()
		case <-typed:
			idle.Reset(a.Opts.ShellIdle)
		case <-idle.C:
			return errShellIdle.Error()
		case <-look.C:
			if v.Still(ctx) != nil || a.shellsOn() != nil {
				return errShellStop.Error()
			}
		}
	}
}

func readTyped(ctx context.Context, conn *websocket.Conn, terminal instancer.Terminal, typed chan<- struct{}) error {
	for {
		kind, text, err := conn.Read(ctx)
		if err != nil {
			return errShellLeft
		}
		if kind == websocket.MessageText {
			var size struct{ Columns, Rows uint16 }
			if json.Unmarshal(text, &size) == nil && size.Columns > 0 && size.Rows > 0 {
				_ = terminal.Resize(ctx, size) // a shell of another size is one all the same
			}
			continue
		}
		if _, err := terminal.Write(text); err != nil {
			return errShellEnded
		}
		select {
		case typed <- struct{}{}:
		default:
		}
	}
}

func writeShown(ctx context.Context, conn *websocket.Conn, terminal io.Reader) error {
	part := make([]byte, shellPart)
	for {
		n, err := terminal.Read(part)
		if n > 0 && write(ctx, conn, part[:n]) != nil {
			return errShellLeft
		}
		if err != nil {
			return errShellEnded
		}
	}
}

// write shows something to a page, which has to take it in time: an organiser's browser that does not read holds no
// shell for ever.
func write(ctx context.Context, conn *websocket.Conn, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, shellPatience)
	defer cancel()
	return conn.Write(ctx, websocket.MessageBinary, text)
}
