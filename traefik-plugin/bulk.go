package whaley

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/shared/turn"
)

// A large answer is passed on in pieces, each in a turn of the address that it goes to. Kernels take megabytes for each
// connection before a client has read a byte: who asks for much many times at once would have all of it copied in the
// same moment, while all other players wait.
const (
	bulkFree  = 256 << 10 // bytes of each answer that are passed on without a turn
	bulkPiece = 1 << 20   // bytes for each turn
	bulkMost  = 1024      // pieces that an answer is cut into: larger ones have larger pieces
	bulkTurn  = 2 * time.Millisecond
)

// bulk are the turns of addresses: of their own, so that a page does not wait for another player's file.
var bulk = turn.Lasting(0, bulkTurn)

// isBulk says whether an answer is large, or may be.
func isBulk(resp *http.Response) bool {
	return (resp.ContentLength < 0 || resp.ContentLength > bulkFree) && resp.Body != http.NoBody &&
		resp.StatusCode != http.StatusSwitchingProtocols
}

// inPieces has a large answer passed on by turns of whom it is for; where that is empty, by none.
func inPieces(resp *http.Response, who string) {
	if who == "" {
		return
	}
	length := resp.ContentLength
	piece := &io.LimitedReader{R: resp.Body, N: bulkFree}
	g := &gate{turns: bulk, ctx: resp.Request.Context(), who: who, piece: piece, size: bulkPiece}
	var next io.Reader = g
	all := []io.Reader{piece}
	if length < 0 {
		all = append(all, &unsized{gate: g})
	} else {
		left := length - bulkFree
		if left/bulkMost > g.size {
			g.size = left / bulkMost
		}
		for left > 0 { // compiled, the parts cost nothing but for the gates between them
			all = append(all, next, piece)
			left -= g.size
		}
		all = append(all, next, resp.Body)
	}
	// What is not read to its end is closed with the context of its request.
	resp.Body = io.NopCloser(io.MultiReader(all...))
}

// gate is where the next piece of an answer waits for a turn.
type gate struct {
	turns *turn.Turns
	ctx   context.Context
	who   string
	piece *io.LimitedReader
	size  int64
	end   func()
}

// Read implements io.Reader, with nothing to read.
func (g *gate) Read(_ []byte) (int, error) {
	g.pass()
	return 0, io.EOF
}

// pass ends the turn of the piece before, waits for the next, and lets a piece follow. Where the line is full it has
// waited for a while, and goes on.
func (g *gate) pass() {
	if g.end != nil {
		g.end()
	}
	g.end, _ = g.turns.Take(g.ctx, g.who)
	g.piece.N = g.size
}

// unsized is the rest of an answer that does not say how long it is.
type unsized struct{ gate *gate }

// Read implements io.Reader.
func (u *unsized) Read(p []byte) (int, error) {
	if u.gate.piece.N <= 0 {
		u.gate.pass()
	}
	return u.gate.piece.Read(p)
}

// whose is the address that an answer goes to, empty where it stands for many.
func (h *Handler) whose(r *http.Request, v *visit) string {
	address := peer.Address(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), v.ring.trusted)
	if !address.IsValid() || peer.Trusted(address.String(), v.ring.trusted) {
		return ""
	}
	return turn.Of(address)
}
