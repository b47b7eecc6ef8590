package system

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// newSeed is another one each time, or that of BYTES_SEED.
func newSeed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("BYTES_SEED")
	if text == "" {
		return uint64(time.Now().UnixNano())
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// pieces are what random targets are made of; any byte may stand between them.
var pieces = []string{
	"/", "/", "/", "..", ".", "//", "%2e", "%2E", "%2f", "%5c", "\\", ";", "%3b", "%", "%41", "%00", "%ff", "?", "&", "=",
	"+", "@", ":", "|", "{", "}", "\"", "<", "^", "`", "~", "[", "]", "*", "whaley", ".well-known", "a", "index.php",
	"\xc3\xa9", "\xff",
}

// randomInputs are requests that arrive as they were sent.
func randomInputs(seed uint64, n int) []input {
	r := rand.New(rand.NewPCG(seed, 1))
	var all []input
	for i := range n {
		var path strings.Builder
		path.WriteString("/")
		for range r.IntN(12) {
			switch piece := pieces[r.IntN(len(pieces))]; {
			case piece == "%" && !strings.Contains(path.String(), "?"):
				fmt.Fprintf(&path, "%%%02x", r.IntN(256))
			case r.IntN(8) == 0:
				path.WriteByte(anyByte(r, '#', '%', '?'))
			default:
				path.WriteString(piece)
			}
		}
		if strings.Contains(path.String(), "well-known") {
			continue // may be one of Whaley's own paths, of which the table has enough
		}
		fields := []string{}
		for f := range r.IntN(4) {
			fields = append(fields, fmt.Sprintf("X-%c%d: %s", 'A'+f, r.IntN(10), strings.TrimSpace(anyText(r, r.IntN(20)))))
		}
		body := anyText(r, r.IntN(50)*r.IntN(50))
		method := []string{"GET", "POST", "PUT", "REPORT"}[r.IntN(4)]
		in := input{name: fmt.Sprintf("random %d: %s %s", i, method, path.String())}
		switch {
		case body == "":
			if method != "POST" && method != "PUT" {
				break
			}
			fields = append(fields, "Content-Length: 0")
		case r.IntN(2) == 0:
			fields = append(fields, "Transfer-Encoding: chunked")
			in.body, body = body, fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		default:
			fields = append(fields, "Content-Length: "+strconv.Itoa(len(body)))
			in.body = body
		}
		in.request = get(method+" "+path.String()+" HTTP/1.1", fields...) + body
		all = append(all, in)
	}
	return all
}

// anyByte is one that a target may hold.
func anyByte(r *rand.Rand, but ...byte) byte {
	for {
		b := byte(r.IntN(256))
		if b > ' ' && b != 0x7f && !strings.ContainsRune(string(but), rune(b)) {
			return b
		}
	}
}

// anyText is what a header or a body may hold.
func anyText(r *rand.Rand, n int) string {
	var text strings.Builder
	for range n {
		text.WriteByte(anyByte(r))
	}
	return text.String()
}
