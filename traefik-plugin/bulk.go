package whaley

import (
	"context"
	"io"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/whaley-ctf/whaley/shared/peer"
	"github.com/whaley-ctf/whaley/shared/turn"
)

// Large answers of which one address has many at the same time are passed on in pieces, each in a turn of the address.
// Kernels take megabytes for each connection before a client has read a byte: who asks for much many times at once would
// have all of it copied in the same moment, while all other players wait. Interpreted, a turn takes as long as half a
// piece, so who has a few takes none.
const (
	bulkFree  = 256 << 10 // bytes of each answer that are passed on without a turn
	bulkFirst = 32 << 10  // the same of one that is known to be large, where there are many already
	bulkEach  = 2         // large answers of one address that need none
	bulkAlone = 32 << 20  // bytes until it is looked again how many there are
	bulkPiece = 1 << 20   // bytes for each turn
	bulkMost  = 1024      // pieces that an answer is cut into: larger ones have larger pieces
	bulkTurn  = 2 * time.Millisecond
	bulkRest  = 6 * time.Millisecond // so that one turn is a line of a gigabit, however fast this machine is
)

// bulk are the turns of addresses: of their own, so that a page does not wait for another player's file.
var bulk = turn.Resting(0, bulkTurn, bulkRest)

// The large answers that are under way, by address.
var (
	underWayMu sync.Mutex
	underWay   = map[string]int{}
)

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
	piece := &io.LimitedReader{R: resp.Body, N: bulkFree}
	g := &gate{turns: bulk, ctx: resp.Request.Context(), who: who, piece: piece, size: bulkPiece}
	var next io.Reader = g
	all := []io.Reader{piece, next, piece}
	if resp.ContentLength < 0 {
		g.left = math.MaxInt64
		all = append(all, &unsized{gate: g})
	} else {
		if g.count() > bulkEach {
			piece.N = bulkFirst
		}
		g.left = resp.ContentLength - piece.N
		if g.left/bulkMost > g.size {
			g.size = g.left / bulkMost
		}
		for left := g.left - g.size; left > 0; left -= g.size { // compiled, the parts cost nothing but for the gates between them
			all = append(all, next, piece)
		}
	}
	// What is not read to its end is closed with the context of its request.
	resp.Body = io.NopCloser(io.MultiReader(all...))
}

// gate is where the next piece of an answer waits for a turn.
type gate struct {
	turns   *turn.Turns
	ctx     context.Context
	who     string
	piece   *io.LimitedReader
	size    int64
	left    int64 // bytes that are in no piece yet
	counted bool
	end     func()
}

// Read implements io.Reader, with nothing to read.
func (g *gate) Read(_ []byte) (int, error) {
	if g.left > 0 {
		g.pass()
	}
	return 0, io.EOF
}

// pass ends the turn of the piece before, waits for the next where there are many, and lets a piece follow. Where the line
// is full it has waited for a while, and goes on.
func (g *gate) pass() {
	if g.end != nil {
		g.end()
		g.end = nil
	}
	size := g.size
	if g.count() > bulkEach {
		g.end, _ = g.turns.Take(g.ctx, g.who)
	} else if size < bulkAlone {
		size = bulkAlone
	}
	g.piece.N = size
	g.left -= size
}

// count is how many large answers of the address are under way, this one among them until its request ends.
func (g *gate) count() int {
	underWayMu.Lock()
	defer underWayMu.Unlock()
	if !g.counted {
		g.counted = true
		underWay[g.who]++
		go g.leave()
	}
	return underWay[g.who]
}

func (g *gate) leave() {
	<-g.ctx.Done()
	underWayMu.Lock()
	defer underWayMu.Unlock()
	underWay[g.who]--
	if underWay[g.who] == 0 {
		delete(underWay, g.who)
	}
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
