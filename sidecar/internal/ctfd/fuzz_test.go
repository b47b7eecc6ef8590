package ctfd_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/whaley-ctf/whaley/sidecar/internal/ctfd"
	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

// Whatever a CTFd answers, or what stands where one should be: an error or a value, and never an account that is
// nobody's.
func FuzzAnswersOfCTFd(f *testing.F) {
	f.Add(
		200,
		`{"success": true, "data": {"id": 7, "name": "a", "banned": false, "type": "user", "team_id": 3, "members": [7]}}`,
	)
	f.Add(
		200,
		`{"success": true, "data": [{"id": 1, "content": "FLAG{x}", "challenge_id": 2, "user": null}], "meta": {"pagination": {"pages": 2}}}`,
	)
	f.Add(403, `{"message": "no"}`)
	f.Add(500, "<html>")
	type page struct {
		status int
		body   string
	}
	var next atomic.Pointer[page]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p := next.Load()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(p.status)
		_, _ = w.Write([]byte(p.body))
	}))
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return // no answer that a server could give
		}
		defer server.CloseClientConnections() // of this client: ten thousand of them have all descriptors
		next.Store(&page{status, body})
		c, ctx := client(t, server.URL, "key"), context.Background()
		if id, err := c.Me(ctx, "token"); err == nil && id <= 0 {
			t.Errorf("%d %q: the account %d", status, body, id)
		}
		_, _ = c.User(ctx, 7)
		_, _ = c.Team(ctx, 3)
		_, _ = c.TeamMode(ctx)
		_, _ = c.Standing(ctx)
		_, _ = c.Challenges(ctx)
		_, _ = c.Flags(ctx, 2, "FLAG{x}")
		_, _ = c.Submissions(ctx, 1, 100)
		_ = c.ExportSubmissions(ctx, func(whaley.Submission) error { return nil })
		_, err := c.AddFlag(ctx, 2, "FLAG{x}", "")
		if status >= 400 && err == nil || err != nil && whaley.CodeOf(err) == "" {
			t.Errorf("%d %q: %v (%s)", status, body, err, ctfd.CodeNotFound)
		}
	})
}
