package docker

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/docker/docker/client"

	"github.com/whaley-ctf/whaley/sidecar/internal/whaley"
)

func TestAnEngineThatCountsForAnotherSidecarIsNoFault(t *testing.T) {
	said := ""
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(`{"message":"` + said + `"}`))
	}))
	t.Cleanup(engine.Close)
	c, err := client.NewClientWithOpts(
		client.WithHost(strings.Replace(engine.URL, "http://", "tcp://", 1)), client.WithVersion("1.41"),
	)
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{client: c, disk: disk{volumes: map[string]int64{"/data": 7}}}
	containers := map[string]place{"c": {instance: "one", volumes: []string{"/data"}}}
	count := func() (int64, error) {
		seen := map[string]whaley.Written{}
		err := e.volumeSizes(t.Context(), containers, seen)
		return seen["one"].Bytes, err
	}
	said = "a disk usage operation is already running"
	if bytes, err := count(); err != nil || bytes != 7 {
		t.Errorf("counted at the same moment: %d %v, not what it was", bytes, err)
	}
	said = "the disk cannot be read"
	if bytes, err := count(); err == nil || bytes != 7 {
		t.Errorf("another fault: %d %v", bytes, err)
	}
}
