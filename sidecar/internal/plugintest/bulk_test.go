package plugintest

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/shared/wire"
)

// largeAnswers are passed on in pieces, several at the same time, and nothing of them is lost: with a length and
// without, around the bounds of pieces, and with what comes behind a body. Who goes away in the middle is gone for the
// container too.
func largeAnswers(t *testing.T, w *world) {
	w.mode = wire.AuthNone
	w.on(wire.PathWake, w.running("link"))
	text := strings.Repeat("all whales sing, and some in tune. ", 2<<20/35+1)[:2<<20]
	sum := func(body string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(body))) }
	gone := make(chan struct{})
	w.hostile = func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/endless" {
			defer close(gone)
			for _, err := fmt.Fprint(rw, text); err == nil; {
				_, err = fmt.Fprint(rw, text)
			}
			return
		}
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		if r.URL.Path == "/sized" {
			rw.Header().Set("Content-Length", strconv.Itoa(size))
		} else {
			rw.Header().Set("Trailer", "Sum")
		}
		for left := text[:size]; left != ""; {
			n := min(len(left), 100_000)
			fmt.Fprint(rw, left[:n])
			left = left[n:]
		}
		if r.URL.Path != "/sized" {
			rw.Header().Set("Sum", sum(text[:size]))
		}
	}
	var all sync.WaitGroup
	for _, path := range []string{"/sized", "/unsized"} {
		for _, size := range []int{0, 1, 256<<10 - 1, 256 << 10, 256<<10 + 1, 1<<20 + 256<<10, 1<<20 + 256<<10 + 1, 2 << 20} {
			all.Go(func() {
				got := w.get(web, fmt.Sprintf("%s?size=%d", path, size))
				if got.Status != 200 || len(got.Body) != size || sum(got.Body) != sum(text[:size]) {
					t.Errorf("%s of %d: %d with %d bytes", path, size, got.Status, len(got.Body))
				}
			})
		}
	}
	all.Wait()
	r, err := http.NewRequest("GET", w.front.URL+"/endless", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = web
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	select {
	case <-gone:
	case <-time.After(time.Minute):
		t.Error("a container goes on writing to who went away")
	}
}
