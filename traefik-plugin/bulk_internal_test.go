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

// TestLargeAnswersOfOneAddressWaitForEachOther has twenty of 8 MiB each, but for what each has for nothing, take as long as
// by a line of a gigabit, however fast they could be passed on. Another address gets its own at full speed meanwhile, and all is whole,
// with a length or without.
func TestLargeAnswersOfOneAddressWaitForEachOther(t *testing.T) {
	const size, many = 8 << 20, 20
	for _, length := range []int64{size, -1} {
		length := length
		synctest.Test(t, func(t *testing.T) {
			bulk = turn.Resting(1, bulkTurn, bulkRest)
			ctx, cancel := context.WithCancel(t.Context())
			for n := 0; n < bulkEach; n++ {
				underWayFor(ctx, "many") // for as long as it takes
			}
			var all sync.WaitGroup
			began := time.Now()
			for n := 0; n < many; n++ {
				all.Go(func() { take(t, ctx, "many", size, length) })
			}
			if took := take(t, ctx, "another", size, length); took > 9*time.Millisecond {
				t.Errorf("another address waited: %s for 8 ms of work", took)
			}
			all.Wait()
			if took, least := time.Since(began), many*7*(bulkRest+time.Millisecond); took < least {
				t.Errorf("many of one address took %s, at least %s are their share", took, least)
			}
			if most := many * 9 * (bulkRest + bulkTurn); time.Since(began) > most {
				t.Errorf("many of one address took %s, more than %s", time.Since(began), most)
			}
			cancel()
			synctest.Wait()
			if len(underWay) != 0 {
				t.Errorf("all requests have ended, and %v are taken for going on", underWay)
			}
		})
	}
}

// TestAFewLargeAnswersOfAnAddressTakeNoTurn has two pass without a turn, whatever others wait for, a third one wait, and
// the rest of it pass when one of the two has ended.
func TestAFewLargeAnswersOfAnAddressTakeNoTurn(t *testing.T) {
	const size = 8 << 20
	for _, length := range []int64{size, -1} {
		length := length
		synctest.Test(t, func(t *testing.T) {
			bulk = turn.Lasting(1, time.Hour)
			_, err := bulk.Take(t.Context(), "one") // who wants a turn waits behind this one
			if err != nil {
				t.Fatal(err)
			}
			first, endFirst := context.WithCancel(t.Context())
			second, endSecond := context.WithCancel(t.Context())
			third, endThird := context.WithTimeout(t.Context(), time.Second)
			for _, ctx := range []context.Context{first, second} {
				if took := take(t, ctx, "one", size, length); took != 8*time.Millisecond {
					t.Errorf("one of two with length %d took %s for 8 ms of work", length, took)
				}
			}
			if took := take(t, third, "one", size, length); third.Err() == nil {
				t.Errorf("a third one with length %d waited for no turn: %s", length, took)
			}
			endFirst()
			endThird()
			synctest.Wait()
			if took := take(t, second, "one", size, length); took != 8*time.Millisecond {
				t.Errorf("others have ended, and one with length %d took %s for 8 ms of work", length, took)
			}
			endSecond()
			synctest.Wait()
		})
	}
}

// TestOfManyLargeAnswersLittleComesBeforeItsTurn: a hundred of them begin in the same moment.
func TestOfManyLargeAnswersLittleComesBeforeItsTurn(t *testing.T) {
	for others, want := range map[int]int{0: bulkFree, bulkEach - 1: bulkFree, bulkEach: bulkFirst, 100: bulkFirst} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			for n := 0; n < others; n++ {
				underWayFor(ctx, "many")
			}
			resp := &http.Response{
				ContentLength: 8 << 20, Body: &slowly{left: 8 << 20}, Request: (&http.Request{}).WithContext(ctx),
			}
			inPieces(resp, "many")
			if n, err := resp.Body.Read(make([]byte, 8<<20)); n != want || err != nil {
				t.Errorf("beside %d others %d bytes come at first instead of %d: %v", others, n, want, err)
			}
			cancel()
			synctest.Wait()
		})
	}
}

func underWayFor(ctx context.Context, who string) { (&gate{ctx: ctx, who: who}).count() }

// take reads an answer as a reverse proxy does, and says how long that took.
func take(t *testing.T, ctx context.Context, who string, size, length int64) time.Duration {
	t.Helper()
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
