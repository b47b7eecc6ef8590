package whaley

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whaley-ctf/whaley/shared/turn"
)

// slowly is a body of so many bytes, each MiB of which takes a millisecond.
type slowly struct{ left int64 }

func (s *slowly) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > s.left {
		p = p[:s.left]
	}
	time.Sleep(time.Duration(len(p)) * time.Millisecond / bulkPiece)
	s.left -= int64(len(p))
	return len(p), nil
}

func (*slowly) Close() error { return nil }

// TestLargeAnswersOfOneAddressWaitForEachOther has twenty of 8 MiB each take twice as long as one after the other
// would, but for what each has for nothing. Another address gets its own at full speed meanwhile, and all is whole,
// with a length or without.
func TestLargeAnswersOfOneAddressWaitForEachOther(t *testing.T) {
	const size, many = 8 << 20, 20
	for _, length := range []int64{size, -1} {
		length := length
		synctest.Test(t, func(t *testing.T) {
			bulk = turn.Lasting(1, bulkTurn)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			take := func(who string) time.Duration {
				began := time.Now()
				resp := &http.Response{
					ContentLength: length, Body: &slowly{left: size}, Request: (&http.Request{}).WithContext(ctx),
				}
				inPieces(resp, who)
				out := struct{ io.Writer }{io.Discard}
				if n, err := io.CopyBuffer(out, resp.Body, make([]byte, bufferSize)); n != size || err != nil {
					t.Errorf("%d bytes: %v", n, err)
				}
				return time.Since(began)
			}
			var all sync.WaitGroup
			began := time.Now()
			for n := 0; n < many; n++ {
				all.Go(func() { take("many") })
			}
			if took := take("another"); took > 9*time.Millisecond {
				t.Errorf("another address waited: %s for 8 ms of work", took)
			}
			all.Wait()
			if took, least := time.Since(began), 2*many*7*time.Millisecond; took < least {
				t.Errorf("many of one address took %s, at least %s are their share", took, least)
			}
		})
	}
}

func TestSmallAnswersAndWebsocketsAreLeftAlone(t *testing.T) {
	for _, resp := range []*http.Response{
		{StatusCode: 200, ContentLength: bulkFree, Body: &slowly{}},
		{StatusCode: 200, ContentLength: -1, Body: http.NoBody},
		{StatusCode: 101, ContentLength: -1, Body: &slowly{}},
	} {
		if isBulk(resp) {
			t.Errorf("%d with %d bytes is taken for a large one", resp.StatusCode, resp.ContentLength)
		}
	}
}
