package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/whaley-ctf/whaley/sidecar/internal/docker/simulated"
)

func TestWhyAStartFailedIsKeptAndShown(t *testing.T) {
	s := newSurfaceOn(t, simulated.NewWorld().Engine("printed"))
	compose := "services:\n  web:\n    build: .\n    environment: [\"EXIT=3\", \"PRINT=config error: DB_URL is not set\"]\n"
	if w := s.manage("PUT", "/quick/files/compose.yaml", `{"content":`+strconv.Quote(compose)+`}`); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var started instance
	s.into(s.call(alice, "POST", "/instances/spawn", `{"challenge_id":"quick"}`), &started)
	var detail struct {
		State   string
		Printed []struct{ Service, Text string }
		Events  []struct{ Type, Message string }
	}
	for end := time.Now().Add(30 * time.Second); detail.State != "failed"; time.Sleep(20 * time.Millisecond) {
		s.into(s.call(alice, "GET", "/admin/api/instances/"+started.ID, "", "X-Admin-Key", adminKey), &detail)
		if time.Now().After(end) {
			t.Fatalf("%+v", detail)
		}
	}
	if len(detail.Printed) != 1 || detail.Printed[0].Service != "web" ||
		!strings.Contains(detail.Printed[0].Text, "DB_URL is not set") {
		t.Errorf("kept %+v", detail.Printed)
	}
	if last := detail.Events[len(detail.Events)-1]; !strings.Contains(last.Message, "exit code 3") ||
		!strings.Contains(last.Message, "DB_URL is not set") {
		t.Errorf("the event says %+v", last)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/admin/api/instances/"+started.ID+"/logs", nil)
	r.RemoteAddr = alice + ":5555"
	r.Header.Set("X-Admin-Key", adminKey)
	w := httptest.NewRecorder()
	s.public.ServeHTTP(w, r)
	if text := w.Body.String(); !strings.Contains(text, `"line":"config error: DB_URL is not set"`) ||
		!strings.Contains(text, "event: end") {
		t.Errorf("its output is %d %s", w.Code, text)
	}
}
