package edge

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/inetaf/tcpproxy"

	"github.com/whaley-ctf/whaley/shared/turn"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Hold is how long a connection by TLS waits for the instance that it starts, as a request through the plugin does.
const Hold = 45 * time.Second

// Opener starts what a name stands for that no route is known of.
type Opener interface {
	// Open is where a name leads once that runs; false if it leads nowhere, or is not there when ctx ends.
	Open(ctx context.Context, name string, from netip.Addr) (whaley.Publication, bool)
}

// names leads connections by TLS to instances by the name in their ClientHello.
type names struct {
	setting  string // of the listener's address
	listener net.Listener
	known    func(name string) (whaley.Publication, bool)
	opener   Opener      // nil: there is none
	turns    *turn.Turns // of addresses, for what the opener has to look up
	onward   func(whaley.Publication) tcpproxy.Target
	refuse   func(*tcpproxy.Conn) bool // says of a connection that it is to be closed; nil: of none
	log      *slog.Logger
}

// serve returns an error if no more connections can be accepted.
func (n names) serve(ctx context.Context) error {
	proxy := &tcpproxy.Proxy{ListenFunc: func(string, string) (net.Listener, error) { return patient{n.listener}, nil }}
	proxy.AddSNIRouteFunc("", func(_ context.Context, name string) (tcpproxy.Target, bool) {
		name = strings.ToLower(name)
		if route, ok := n.known(name); ok {
			return greeted{n.onward(route)}, true
		}
		if n.opener == nil {
			return nil, false
		}
		return greeted{opening{names: n, name: name, ctx: ctx}}, true
	})
	proxy.AddRoute("", closed{}) // else every stranger's attempt would be a line in the log
	if err := proxy.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { proxy.Close() })
	defer stop()
	err := proxy.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("no more connections for TLS by name are accepted at %s: %w", n.setting, err)
}

// opening holds a connection until what it wants to reach is there. Nothing of it has been read but its first bytes,
// and nothing was answered: it is the challenge's from its beginning.
type opening struct {
	names
	name string
	ctx  context.Context // ends with the edge
}

// HandleConn implements tcpproxy.Target.
func (o opening) HandleConn(conn net.Conn) {
	if peeked, ok := conn.(*tcpproxy.Conn); ok && o.refuse != nil && o.refuse(peeked) {
		conn.Close()
		return
	}
	ctx, cancel := context.WithTimeout(o.ctx, Hold)
	defer cancel()
	from := addressOf(conn)
	end, err := o.turns.Take(ctx, turn.Of(from))
	if err != nil {
		conn.Close()
		return
	}
	defer end() // it ends by itself where a start takes its time
	route, ok := o.opener.Open(ctx, o.name, from)
	if !ok {
		conn.Close()
		return
	}
	end()
	o.onward(route).HandleConn(conn)
}

// addressOf is where a connection comes from.
func addressOf(conn net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
